/** Callers that fail again and again are turned away for longer each time, and are remembered, but not all of them. */
import { connect, createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Damping } from '../../src/daemon/damping.ts';
import { Site, soon } from '../support/daemon.ts';
import { RawPeer } from '../support/raw.ts';
import { ATTRIBUTES, keepalive, notificationHex, openHex, updateHex } from '../support/script.ts';

const MINUTE_MS = 60_000;

test('a few failures cost nothing, more of them ever more, up to a minute', () => {
  const damping = new Damping();
  const waits: number[] = [];
  let now = 1_000_000;
  for (let i = 0; i < 12; i++) {
    damping.ended('a', undefined, now);
    waits.push(damping.waitMs('a', now));
    now += waits.at(-1)!;
    expect(damping.waitMs('a', now)).toBe(0);
  }
  expect(waits).toEqual([0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60].map((sec) => sec * 1000));
  expect(damping.waitMs('b', now)).toBe(0);
});

test('a session that came up and stayed is forgiven, one that came up and fell is not; time heals', () => {
  const fail = (damping: Damping, now: number, upMs?: number) => {
    damping.ended('a', upMs, now);
    return damping.waitMs('a', now);
  };
  const damping = new Damping();
  expect([fail(damping, 0), fail(damping, 0), fail(damping, 0, 100), fail(damping, 0)]).toEqual([0, 0, 1000, 2000]);
  expect(fail(damping, 5_000, MINUTE_MS)).toBe(0);
  expect(damping.size).toBe(0);
  expect([fail(damping, 0), fail(damping, 0), fail(damping, 0)]).toEqual([0, 0, 1000]);
  expect(fail(damping, 1000 + 10 * MINUTE_MS)).toBe(0);
});

test('whoever calls from a million addresses takes no memory, and drives out others only in the order of their failures', () => {
  const damping = new Damping();
  for (let i = 0; i < 4; i++) damping.ended('a', undefined, 0);
  for (let i = 0; i < 1_000; i++) damping.ended(`${i}`, undefined, 0);
  damping.ended('a', undefined, 0);
  for (let i = 1_000; i < 2_000; i++) damping.ended(`${i}`, undefined, 0);
  expect(damping.size).toBe(1_024);
  expect(damping.waitMs('a', 0)).toBe(4_000);
  for (let i = 0; i < 100_000; i++) damping.ended(`${i}`, undefined, 0);
  expect(damping.size).toBe(1_024);
  expect(damping.waitMs('a', 0)).toBe(0);
});

const raws: RawPeer[] = [];
const open: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const raw of raws.splice(0)) raw.close();
  for (const one of open.splice(0)) await one.stop();
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const range = { prefix: '127.0.7.0/24', myASN: 65001, dynamicASN: 'external', limit: 50 };

test('a caller whose connection breaks, and who is back in the same turn, is served', async () => {
  const port = await freePort();
  const site = new Site();
  open.push(site);
  await site.start({ listen: { addresses: ['127.0.0.1'], port, dynamic: [range] } });
  for (let i = 1; i <= 20; i++) {
    const from = `127.0.7.${i}`;
    const first = await RawPeer.call(port, from);
    await first.until('our OPEN', () => first.count('open') === 1);
    // Both are there before the daemon, in this process, looks at either.
    first.socket.resetAndDestroy();
    const second = new RawPeer(connect({ host: '127.0.0.1', port, localAddress: from }));
    for (const until = performance.now() + 5; performance.now() < until; );
    await second.until('our OPEN', () => second.count('open') === 1);
    second.say(openHex({ holdTimeSec: 0 }) + keepalive);
    await second.until('KEEPALIVE', () => second.count('keepalive') > 0);
    expect(site.daemon.speaker.all.has(from)).toBe(true);
    raws.push(second);
  }
});

test('a caller whose range has changed is told so, and called back by nobody: he is a peer again when he calls', async () => {
  const port = await freePort();
  const site = new Site();
  open.push(site);
  const listen = (changes: object) => ({
    listen: { addresses: ['127.0.0.1'], port, dynamic: [{ ...range, ...changes }] },
  });
  await site.start(listen({}));
  const raw = await RawPeer.establish(port, '127.0.7.1');
  await soon('the session', () => site.daemon.speaker.all.get('127.0.7.1')?.session.state === 'Established');
  site.speaker(listen({ ebgpMultiHop: true }));
  await raw.end();
  expect(raw.heard.at(-1)).toBe(notificationHex(6, 6));
  await soon('no peer', () => site.daemon.speaker.all.size === 0);
  raws.push(await RawPeer.establish(port, '127.0.7.1'));
  await soon('the session', () => site.daemon.speaker.all.get('127.0.7.1')?.session.state === 'Established');
  expect(site.daemon.speaker.all.get('127.0.7.1')?.settings.multihop).toBe(true);
});

test('a caller who sends more prefixes than his range allows is told so, and goes', async () => {
  const port = await freePort();
  const site = new Site();
  open.push(site);
  const dynamic = [{ ...range, maxPrefixes: 2 }];
  await site.start({ listen: { addresses: ['127.0.0.1'], port, dynamic } });
  const raw = await RawPeer.establish(port, '127.0.7.1');
  raw.say(updateHex('', ATTRIBUTES, '18cb007118c6336418c00002'));
  await raw.end();
  // Cease, Maximum Number of Prefixes Reached: IPv4 unicast, 2.
  expect(raw.heard.at(-1)).toBe(notificationHex(6, 1, '00010100000002'));
  await soon('no peer', () => site.daemon.speaker.all.size === 0);
});

test('a caller from a range that hangs up at once becomes a peer a few times, and not each time', async () => {
  const port = await freePort();
  const site = new Site();
  open.push(site);
  await site.start({ listen: { addresses: ['127.0.0.1'], port, dynamic: [range] } });
  const peers = () => site.daemon.speaker.all.size;
  const call = async (from: string) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: from });
    socket.on('error', () => {});
    socket.once('connect', () => socket.resume().end());
    await new Promise((resolve) => socket.once('close', resolve));
    await soon('it to be forgotten', () => peers() === 0);
  };
  for (let i = 0; i < 50; i++) await call('127.0.7.1');
  const added = () => site.messages('peer added').length;
  // How often exactly depends on how long fifty calls take: there is none more for each second, and soon not even that.
  expect(added()).toBeGreaterThanOrEqual(3);
  expect(added()).toBeLessThan(10);
  expect(site.messages('has failed too often')).toHaveLength(1);
  // Others are none the worse for it.
  const raw = await RawPeer.establish(port, '127.0.7.2');
  await soon('the other', () => site.daemon.speaker.all.get('127.0.7.2')?.session.state === 'Established');
  raws.push(raw);
});
