// The daemons to compare with, ourselves first.
import * as bird from './bird.mjs';
import * as exabgp from './exabgp.mjs';
import * as frr from './frr.mjs';
import * as gobgp from './gobgp.mjs';
import * as waypost from './waypost.mjs';

export const daemons = [waypost, bird, frr, gobgp, exabgp];
