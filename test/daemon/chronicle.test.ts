/** What a daemon tells of itself while its documents, its peers and its operator act on it. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MalformedError } from '../../src/netlink/errors.ts';
import { unreadable } from '../../src/netlink/unreadable.ts';
import {
  advertisementDocument,
  all,
  peerDocument,
  poolDocument,
  Router,
  Site,
  serviceDocument,
  soon,
} from '../support/daemon.ts';

let router: Router;
let site: Site;
beforeEach(async () => {
  router = await new Router().start();
  site = new Site();
  site.folder.put(
    'main.yaml',
    all(
      peerDocument('router', router),
      poolDocument('main', ['198.51.100.0/24']),
      advertisementDocument('main', 'main'),
    ),
  );
  site.folder.put('web.yaml', serviceDocument('web'));
  await site.start();
  await router.knows('198.51.100.0/32');
});
afterEach(async () => {
  await site.stop();
  await router.stop();
});

const events = () => [...site.daemon.chronicle.journal.rows()];
const about = (kind: string, subject: string) =>
  events()
    .filter((e) => e.kind === kind && e.subject === subject)
    .map((e) => e.event);

test('sessions, resets with the field, decisions with the reason, refused configurations with the place', async () => {
  expect(about('session', 'router')).toEqual(['session up']);
  site.folder.put('other.yaml', serviceDocument('other', { ip: '203.0.113.1' }));
  await soon('the decision', () => about('service', 'default/other').length > 0);
  expect(events().find((e) => e.subject === 'default/other')).toMatchObject({
    event: 'not announced (BGP)',
    reason: 'ipNotAllowed',
    detail: 'no pool contains 203.0.113.1',
  });
  site.folder.remove('web.yaml');
  await soon('the withdrawal', () => about('service', 'default/web').includes('withdrawn (BGP)'));
  expect(events().find((e) => e.event === 'withdrawn (BGP)')).toMatchObject({ reason: 'serviceDeleted' });

  await site.refuses(() => site.folder.put('bad.yaml', poolDocument('bad', ['nonsense'])), /nonsense/);
  expect(events().at(-1)).toMatchObject({
    kind: 'configuration',
    event: 'configuration refused: the last good one stays in force',
    detail: expect.stringMatching(/bad\.yaml:4:\d+: error: IPAddressPool\/bad/),
  });
  site.folder.remove('bad.yaml');

  await site.accepts(() =>
    site.folder.put(
      'main.yaml',
      all(peerDocument('router', router, { holdTime: '30s' }), poolDocument('main', ['198.51.100.0/24'])),
    ),
  );
  await soon('the reset', () => about('peer', 'router').includes('peer reset'));
  expect(events().find((e) => e.event === 'peer reset')).toMatchObject({
    detail: 'changed: holdTimeSec, keepaliveTimeSec',
  });
  expect(about('session', 'router')).toContain('session down');
});

test('drains, and who wants them', async () => {
  await site.accepts(() => site.speaker({ drain: { onShutdown: false, wait: '0s' } }));
  await site.daemon.drainer.begin('operator');
  expect(about('drain', '')).toEqual(['draining: routes are a last choice', 'drained']);
  expect(events().find((e) => e.kind === 'drain')).toMatchObject({ detail: 'operator' });
  expect(await site.metrics()).toContain('waypost_services{protocol="bgp",reason="nodeDrained"} 1');
  site.daemon.drainer.end('operator');
  expect(about('drain', '').at(-1)).toBe('back in use');
  await router.knows('198.51.100.0/32');
});

test('how many Services stand where', async () => {
  for (const name of ['a', 'b']) site.folder.put(`${name}.yaml`, serviceDocument(name, { ip: '203.0.113.1' }));
  await soon('decided', () => site.daemon.engine.services.decisions.size === 3);
  const metrics = await site.metrics();
  expect(metrics).toContain('waypost_services{protocol="bgp",reason="announced"} 1');
  expect(metrics).toContain('waypost_services{protocol="bgp",reason="ipNotAllowed"} 2');
  for (const name of ['a', 'b']) site.folder.remove(`${name}.yaml`);
  await soon('gone', () => site.daemon.engine.services.decisions.size === 1);
  expect(await site.metrics()).toContain('waypost_services{protocol="bgp",reason="ipNotAllowed"} 0');
});

test('a peer that nobody answers for is one event, counted', async () => {
  await router.stop();
  const failed = () => events().find((e) => e.event === 'session attempt failed');
  await site.accepts(() => site.folder.put('main.yaml', peerDocument('router', router, { connectTime: '1s' })));
  await soon('several attempts', () => (failed()?.count ?? 0) > 1);
  expect(failed()!.reason).toContain('connection refused');
  expect(events().filter((e) => e.event === 'session attempt failed')).toHaveLength(1);
});

test('what of the kernel cannot be read, once for each reason, and every time in the metrics', async () => {
  const bad = (reason: string) => unreadable.pass('rule', new MalformedError(reason), Uint8Array.of(2, 0, 255));
  bad('FRA_SRC: 3 octets instead of 4');
  bad('FRA_SRC: 3 octets instead of 4');
  bad('FRA_DST: 3 octets instead of 4');
  // The kernel is everybody's: other tests have read it too.
  const reasons = ['FRA_SRC: 3 octets instead of 4', 'FRA_DST: 3 octets instead of 4'];
  const event = 'a policy rule of the kernel cannot be read, and is passed over';
  expect(events().filter(({ subject }) => subject === 'rule')).toMatchObject(
    reasons.map((reason) => ({ kind: 'kernel', event, reason })),
  );
  expect(site.messages(event)).toMatchObject(reasons.map((reason) => ({ kind: 'rule', reason, octets: '0200ff' })));
  const count = /waypost_kernel_unreadable_total\{kind="rule"\} (\d+)/.exec(await site.metrics());
  expect(Number(count?.[1])).toBeGreaterThanOrEqual(3);
});
