/** What a Speaker says of layer 2. */
import { z } from 'zod';
import { parseDuration } from './duration.ts';
import type { Findings } from './problem.ts';
import { bool, duration, type Output } from './schema.ts';
import type { Speaker } from './speaker.ts';
import { durationHint } from './timers.ts';

export const layer2Defaults = {
  gratuitousIntervalMs: 0,
  conflict: 'defend',
  spread: 'hash',
  stickiness: false,
  holdDownMs: 0,
  reception: 'normal',
} as const satisfies Speaker['layer2'];

export const layer2Schema = () =>
  z.object({
    gratuitousInterval: duration()
      .optional()
      .describe('Interval of gratuitous announcements, 1s..24h; 0s, the default: only when an address is taken over.'),
    conflict: z
      .enum(['report', 'defend', 'yield'])
      .optional()
      .describe(
        'When another host claims an address: report it, defend the address (announce again), or yield (fall silent if the other has the lower hardware address). Default defend.',
      ),
    spread: z
      .enum(['hash', 'even'])
      .optional()
      .describe(
        "Which of several nodes has an address: the first by MetalLB's hash, or by it and by how many each has, so that all have the same number. The same on all nodes. Default hash.",
      ),
    stickiness: bool()
      .optional()
      .describe(
        'Addresses stay with the node that has them for as long as it can announce them, though another one comes first. Default false.',
      ),
    holdDown: duration()
      .optional()
      .describe('After a start no address is taken over for this long, 0s..1h. Default 0s.'),
    reception: z
      .enum(['normal', 'allMulticast', 'promiscuous'])
      .optional()
      .describe(
        'What interfaces are asked to pass up beside what is for them, where an access point or a hypervisor loses that: nothing, all multicast, or everything. Default normal.',
      ),
  });

type Spec = Output<typeof layer2Schema>;

export function readLayer2(raw: Spec, findings: Findings): Speaker['layer2'] {
  const read = (field: 'gratuitousInterval' | 'holdDown', ms: number, least: number, most: number, range: string) => {
    const text = raw[field];
    if (text === undefined) return ms;
    const value = parseDuration(text);
    const path = ['spec', 'layer2', field];
    if (value === undefined) findings.error(path, `invalid duration ${JSON.stringify(text)}`, durationHint(text));
    else if (value !== 0 && (value < least || value > most)) findings.error(path, `must be ${range}`);
    return value ?? ms;
  };
  const { gratuitousIntervalMs, holdDownMs } = layer2Defaults;
  return {
    gratuitousIntervalMs: read('gratuitousInterval', gratuitousIntervalMs, 1_000, 86_400_000, '0s or in 1s..24h'),
    conflict: raw.conflict ?? layer2Defaults.conflict,
    spread: raw.spread ?? layer2Defaults.spread,
    stickiness: raw.stickiness ?? layer2Defaults.stickiness,
    reception: raw.reception ?? layer2Defaults.reception,
    holdDownMs: read('holdDown', holdDownMs, 0, 3_600_000, 'in 0s..1h'),
  };
}
