/** The demo is the main job in small: four stages, and what the router knows after each. */
import { expect, test } from 'vitest';
import { runDemo, type Stage } from '../../src/daemon/demo.ts';
import { fixture } from '../support/daemon.ts';

test('one Service, two, the other one, none', async () => {
  const stages: Stage[] = [];
  await runDemo(fixture('seed-001-advanced.yaml'), (stage) => stages.push(stage));
  const v4 = ['203.0.113.200/32', '203.0.113.201/32'];
  const v6 = ['fc00:f853:ccd:e799::/128', 'fc00:f853:ccd:e799::1/128'];
  const [a4, a6] = ['203.0.113.200/30', 'fc00:f853:ccd:e799::/124'];
  expect(stages.map(({ routes }) => routes.map(([prefix]) => prefix))).toEqual([
    [v4[0], a4, v6[0], a6],
    [...v4, a4, ...v6, a6],
    [v4[1], a4, v6[1], a6],
    [],
  ]);
  const nextHops = new Set(stages.flatMap(({ routes }) => routes.map(([, { nextHop }]) => nextHop)));
  expect([...nextHops].sort()).toEqual(['192.0.2.1', '2001:db8::1']);
});

test('documents that say nothing of the pool fail with a reason', async () => {
  await expect(runDemo('kind: [\n', () => {})).rejects.toThrow(/no valid configuration to start with/);
});
