/** Received routes: which one is used, and why the others are not. */
import { expect, test } from 'vitest';
import type { InstalledFacts, ReceivedFacts } from '../../../src/intent/explain/facts.ts';
import { explainReceived, receivedReasons } from '../../../src/intent/explain/received.ts';

const route = (peer: string, more: Partial<ReceivedFacts> = {}): ReceivedFacts => ({
  peer,
  vrf: '',
  prefix: '203.0.113.0/24',
  nextHop: '192.0.2.1',
  asPath: [64513, [64514, 64515]],
  accepted: true,
  reason: null,
  best: false,
  stale: false,
  ...more,
});

test('the best, one beside it, one that loses, one that is refused', () => {
  const [chain, ...more] = explainReceived([
    route('a', { reason: 'longerAsPath' }),
    route('b', { best: true }),
    route('c'),
    route('d', { accepted: false, reason: 'asLoop' }),
  ]);
  expect(more).toEqual([]);
  expect(chain).toMatchObject({ ok: true, verdict: 'used from b', reason: null, remedy: null });
  expect(chain!.steps.map((s) => [s.answer, s.reason])).toEqual([
    ['note', 'longerAsPath'],
    ['yes', null],
    ['note', null],
    ['no', 'asLoop'],
  ]);
  expect(chain!.steps[0]!.detail).toBe(
    `via 192.0.2.1, AS path 64513 {64514,64515}: longerAsPath: ${receivedReasons.longerAsPath.says}`,
  );
});

test('none that may be used: what would have to change', () => {
  const [chain] = explainReceived([route('a', { accepted: false, reason: 'noReceivePolicy' })]);
  expect(chain).toMatchObject({
    ok: false,
    verdict: 'not used: noReceivePolicy',
    reason: 'noReceivePolicy',
    ...receivedReasons.noReceivePolicy,
  });
  const [unreachable] = explainReceived([route('a', { reason: 'nextHopUnreachable' })]);
  expect(unreachable).toMatchObject({ ok: false, reason: 'nextHopUnreachable' });
});

test('each prefix, and each VRF, has its own best', () => {
  const chains = explainReceived([
    route('a', { best: true }),
    route('b', { best: true, vrf: 'red' }),
    route('a', { prefix: '203.0.0.0/16', best: true }),
  ]);
  expect(chains.map((c) => [c.title, c.verdict])).toEqual([
    ['Received 203.0.113.0/24', 'used from a'],
    ['Received 203.0.113.0/24 in VRF red', 'used from b'],
    ['Received 203.0.0.0/16', 'used from a'],
  ]);
});

test('what the kernel has of it: where it takes no route that is chosen, that is what is said', () => {
  const kernel = (more: Partial<InstalledFacts> = {}): InstalledFacts => ({
    table: 254,
    vrf: '',
    prefix: '203.0.113.0/24',
    metric: 20,
    nexthops: [{ via: '192.0.2.1', dev: 'eth0' }],
    state: 'installed',
    error: null,
    ...more,
  });
  const explained = (...installed: InstalledFacts[]) => explainReceived([route('a', { best: true })], installed)[0]!;
  const there = explained(kernel(), kernel({ vrf: 'red', table: 9, state: 'failed' }), kernel({ prefix: '0.0.0.0/0' }));
  expect(there).toMatchObject({ ok: true, verdict: 'used from a', reason: null });
  expect(there.steps.slice(1)).toEqual([
    {
      question: 'Is it in kernel table 254?',
      answer: 'yes',
      detail: 'via 192.0.2.1 dev eth0, metric 20: it is there',
      reason: null,
      sources: [],
    },
  ]);
  const refused = explained(kernel({ state: 'failed', error: 'ENETUNREACH' }));
  expect(refused).toMatchObject({
    ok: false,
    verdict: 'used from a, but not in the kernel: kernelRefused',
    reason: 'kernelRefused',
    ...receivedReasons.kernelRefused,
  });
  expect(refused.steps.at(-1)).toMatchObject({ answer: 'no', detail: expect.stringContaining('not: ENETUNREACH') });
  const imported = explained(
    kernel(),
    kernel({ vrf: 'red', table: 9, importedFrom: '' }),
    kernel({ vrf: 'blue', table: 8, importedFrom: 'red' }),
  );
  expect(imported.steps.slice(2).map(({ question, answer }) => [question, answer])).toEqual([
    ['Is it in kernel table 9, of VRF red that imports it?', 'yes'],
  ]);
  expect(explained(kernel({ state: 'conflict' }))).toMatchObject({ ok: false, reason: 'kernelConflict' });
  expect(explained(kernel({ state: 'pending' }))).toMatchObject({ ok: true, steps: [{}, { answer: 'note' }] });
});

test('where the kernel cannot be read, that is why a next hop is not reached, and a route is not there', () => {
  const [unreachable] = explainReceived([route('a', { reason: 'nextHopUnreachable' })], [], 'EINTR: it changed');
  expect(unreachable).toMatchObject({ ok: false, reason: 'kernelUnread', ...receivedReasons.kernelUnread });
  expect(unreachable!.steps.at(-1)).toMatchObject({ answer: 'no', detail: 'EINTR: it changed' });
  const [missing] = explainReceived([route('a', { best: true })], [], 'no such socket');
  expect(missing).toMatchObject({ ok: false, verdict: 'used from a, but not in the kernel: kernelUnread' });
  const [refused] = explainReceived([route('a', { accepted: false, reason: 'asLoop' })], [], 'no such socket');
  expect(refused).toMatchObject({ reason: 'asLoop', steps: [{}] });
});

test('what a route is refused by stands beside it, and nothing beside one that is used', () => {
  const source = (peer: string, reason: string) => ({
    kind: 'BGPPeer',
    namespace: '',
    name: `${peer}: ${reason}`,
    file: 'a',
    line: 1,
  });
  const [chain] = explainReceived(
    [route('a', { accepted: false, reason: 'notAllowed' }), route('b', { best: true }), route('c')],
    [],
    undefined,
    (...asked) => [source(...asked)],
  );
  expect(chain!.steps.map(({ sources }) => sources.map(({ name }) => name))).toEqual([['a: notAllowed'], [], []]);
});
