/** The drivers by name. */
import type { RouterFactory, RouterName } from '../../support/router.ts';
import { bird } from './bird.ts';
import { exabgp } from './exabgp.ts';
import { frr } from './frr.ts';
import { gobgp } from './gobgp.ts';
import { openbgpd } from './openbgpd.ts';

export const drivers: Readonly<Record<RouterName, RouterFactory>> = { frr, bird, gobgp, exabgp, openbgpd };
