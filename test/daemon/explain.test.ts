/** What a running daemon says of its own: the mistakes that everybody makes, named by `show peers`, the log and `explain`. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { explanationText } from '../../src/cli/explanation.ts';
import { explainRunning } from '../../src/daemon/explain.ts';
import { peerRows } from '../../src/daemon/views.ts';
import { address } from '../../src/lib/address.ts';
import {
  advertisementDocument,
  all,
  poolDocument,
  Router,
  Site,
  serviceDocument,
  smallest,
  soon,
} from '../support/daemon.ts';

let router: Router;
let site: Site;
beforeEach(async () => {
  router = await new Router({ asn: 64513 }).start();
  site = new Site();
});
afterEach(async () => {
  await site.stop();
  await router.stop();
});

async function start(peer: object = {}): Promise<void> {
  site.folder.put('main.yaml', smallest(router, { ebgpMultiHop: true, ...peer }));
  await site.start();
}

const row = () => [...peerRows(site.daemon.speaker, {})][0]!;
const failed = () => soon('a failure', () => row().lastError || undefined);
const explained = (subject: string) => explainRunning(site.daemon, subject);
const text = async (subject: string) => [...explanationText(await explained(subject))].join('\n');

describe('mistakes', () => {
  test('the AS of the peer is another: both numbers everywhere', async () => {
    await start({ peerASN: 64999 });
    expect(await failed()).toContain('peer is in AS 64513, not 64999');
    expect(site.messages('session attempt failed')[0]!.reason).toContain('peer is in AS 64513, not 64999');
    expect((await explained('router')).chains[0]).toMatchObject({
      ok: false,
      reason: 'wrongPeerAs',
      remedy: 'Correct peerASN of the BGPPeer, or the AS of the router.',
    });
    const said = await text('router');
    expect(said).toContain('peer is in AS 64513, not 64999');
    expect(said).toMatch(/main\.yaml:1: BGPPeer\/metallb-system\/router$/m);
    // Whoever asks for the Service learns what it is that its route waits for.
    const web = await explained('default/web');
    expect(web.answer).toBe('Service default/web: BGP: 198.51.100.0/32 announced to nobody');
    expect(web.chains.at(-1)).toMatchObject({ ok: false, reason: 'wrongPeerAs' });
  });

  test('our own AS is another than the router expects', async () => {
    await start({ myASN: 64777 });
    const lastError = await soon('its NOTIFICATION', () => row().lastError.includes('received') && row().lastError);
    expect(lastError).toContain('received OPEN Message Error/Bad Peer AS');
    expect((await explained('router')).chains[0]).toMatchObject({ ok: false, reason: 'wrongOwnAs' });
    expect(await text('router')).toContain('AS 64777');
  });

  test('a password that the router does not have', async () => {
    await start({ password: 'correct-horse' });
    expect(await failed()).toContain('is its TCP-MD5 password the same as ours?');
    expect((await explained('router')).chains[0]).toMatchObject({ ok: false, reason: 'passwordDiffers' });
    const said = await text('router');
    // The router is on the same kernel, which counts what it has dropped.
    expect(said).toMatch(/the kernel has dropped [1-9]\d* segments here whose TCP-MD5 signature was missing or wrong/);
    expect(said + JSON.stringify(site.log)).not.toContain('correct-horse');
  });

  test('nobody listens', async () => {
    await start({ peerPort: 1 });
    await failed();
    expect((await explained('127.0.0.1')).chains[0]).toMatchObject({
      title: 'Peer router: Session',
      reason: 'refused',
    });
  });

  test('an address outside the pools', async () => {
    await start();
    site.folder.put('stray.yaml', serviceDocument('stray', { ip: '203.0.113.1' }));
    await soon('the decision', () => site.daemon.engine.services.decisions.has('default/stray'));
    expect((await explained('203.0.113.1')).answer).toBe(
      '203.0.113.1: of Service default/stray: Address: not announced: ipNotAllowed',
    );
    expect(await text('default/stray')).toContain('no pool contains 203.0.113.1 [ipNotAllowed]');
  });
});

test('a router that takes no IPv6: nobody says that it is told', async () => {
  await router.stop();
  router = await new Router({ asn: 64513, families: ['ipv4'] }).start();
  const six = all(
    poolDocument('six', ['2001:db8::/120']),
    advertisementDocument('six', 'six'),
    serviceDocument('six', { ip: '2001:db8::1' }),
  );
  site.folder.put('six.yaml', six);
  await start();
  await router.knows('198.51.100.0/32');
  expect(row().unsent).toEqual([
    {
      family: 'ipv6',
      prefixes: 1,
      reason: 'familyNotNegotiated',
      detail: 'the peer takes no routes of the family',
    },
  ]);
  const service = await explained('default/six');
  expect(service.answer).toBe('Service default/six: BGP: 2001:db8::1/128 announced to nobody');
  expect(service.chains.at(-1)).toMatchObject({
    ok: false,
    reason: 'familyNotNegotiated',
    remedy: 'Activate the address family for this neighbour in the router.',
  });
  expect((await explained('default/web')).chains.at(-1)).toMatchObject({ ok: true, reason: null });
  expect((await explained('2001:db8::1/128')).chains[0]).toMatchObject({ ok: false, reason: 'familyNotNegotiated' });
  expect((await explained('router')).chains[1]).toMatchObject({ ok: false, reason: 'familyNotNegotiated' });
});

test('a Service of two families, of which the peer takes one', async () => {
  await router.stop();
  router = await new Router({ asn: 64513, families: ['ipv4'] }).start();
  await start();
  const pool = poolDocument('both', ['203.0.113.0/24', '2001:db8:1::/120'], { autoAssign: false });
  const both = serviceDocument('both', { pool: 'both', dual: true });
  site.folder.put('both.yaml', all(pool, advertisementDocument('both', 'both'), both));
  await router.knows('198.51.100.0/32', '203.0.113.0/32');
  expect((await explained('default/both')).answer).toBe(
    'Service default/both: BGP: 203.0.113.0/32 announced to router; 2001:db8:1::/128 announced to nobody',
  );
});

describe('a session that is up', () => {
  beforeEach(async () => {
    await start();
    await router.knows('198.51.100.0/32');
  });

  test('and who is told', async () => {
    expect((await explained('router')).answer).toMatch(/^Peer router: Established, 1 prefix to advertise$/);
    expect((await explained('default/web')).answer).toBe(
      'Service default/web: BGP: 198.51.100.0/32 announced to router',
    );
    expect((await explained('198.51.100.0/32')).answer).toBe('198.51.100.0/32: announced to router');
  });

  test('what it sent: by prefix, and by an address that routes lead to, the most specific first', async () => {
    for (const prefix of ['203.0.113.0/24', '203.0.0.0/16'])
      router.announce(prefix, { origin: 'igp', asPath: [], nextHop: address('127.0.0.1') });
    await soon('both', () => row().prefixes.received === 2);
    const byPrefix = await explained('203.0.113.0/24');
    expect(byPrefix.chains.map((c) => c.title)).toEqual(['Received 203.0.113.0/24']);
    const [chain] = byPrefix.chains;
    expect(chain).toMatchObject({ ok: false, says: expect.any(String), remedy: expect.any(String) });
    expect(chain!.steps).toMatchObject([
      { question: 'Is the route from router used?', answer: 'no', reason: chain!.reason },
    ]);
    const byAddress = await explained('203.0.113.9');
    expect(byAddress.chains.map((c) => c.title)).toEqual([
      'Address',
      'Received 203.0.113.0/24',
      'Received 203.0.0.0/16',
    ]);
  });

  test('what nobody knows', async () => {
    await expect(explained('nobody')).rejects.toThrow('there is no peer or Service nobody: peers here: router');
  });
});
