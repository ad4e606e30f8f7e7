/**
 * What ill-behaved peers can do to a speaker over real sockets: nothing, as far as others are concerned. Beside every
 * one of them runs an honest peer, whose session must not flap.
 */
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PeerSettings } from '../../src/bgp/settings.ts';
import type { Peer } from '../../src/daemon/peer.ts';
import { Speaker } from '../../src/daemon/speaker.ts';
import { nextTurn } from '../../src/io/turn.ts';
import { address } from '../../src/lib/address.ts';
import { fromHex, toHex } from '../../src/lib/bytes.ts';
import { prefix } from '../../src/lib/prefix.ts';
import { route, seeded, settingsOf } from '../support/pipe.ts';
import { waitFor } from '../support/process.ts';
import { RawPeer } from '../support/raw.ts';
import { ATTRIBUTES, keepalive, messageHex, notificationHex, openHex, updateHex } from '../support/script.ts';

const until = (what: string, done: () => boolean, timeoutMs = 60_000) => waitFor(what, done, { everyMs: 5, timeoutMs });

/** Keepalives often enough to watch, and a hold time that a busy machine does not use up by itself. */
const TIMES = { holdTimeSec: 30, keepaliveTimeSec: 1 };
const HONEST = '127.0.0.2';
const HOSTILE = '127.0.0.66';

let speaker: Speaker;
let port: number;
let honest: Peer;
let far: { readonly speaker: Speaker; readonly peer: Peer };
let hostile: Peer;
let strangers: number;
const raws: RawPeer[] = [];

const passive = (from: string, changes: Partial<PeerSettings> = {}) =>
  settingsOf({ name: from, address: address(from), passive: true, ...changes });

const call = async (from = HOSTILE): Promise<RawPeer> => {
  const raw = await RawPeer.call(port, from);
  raws.push(raw);
  return raw;
};

beforeEach(async () => {
  strangers = 0;
  speaker = new Speaker({ stranger: () => strangers++ });
  port = await speaker.listen(address('127.0.0.1'), 0);
  honest = speaker.add(passive(HONEST, TIMES));
  hostile = speaker.add(passive(HOSTILE));
  const other = new Speaker();
  const peer = other.add(
    settingsOf({
      address: address('127.0.0.1'),
      port,
      sourceAddress: address(HONEST),
      localAsn: 65002,
      peerAsn: 65001,
      routerId: 2,
      ...TIMES,
    }),
  );
  far = { speaker: other, peer };
  for (const p of [honest, hostile]) speaker.start(p);
  other.start(peer);
  await until(
    'the honest session',
    () => honest.session.state === 'Established' && peer.session.state === 'Established',
  );
});

afterEach(async () => {
  // The honest session lives, is heard, and news still get through, both ways.
  const before = [honest, far.peer].map((p) => p.session.received.keepalive);
  honest.session.out.set(prefix('203.0.113.0/24'), route('192.0.2.1'));
  speaker.routesChanged(honest);
  far.peer.session.out.set(prefix('198.51.100.0/24'), route('192.0.2.2'));
  far.speaker.routesChanged(far.peer);
  await until('the honest peer’s keepalives', () =>
    [honest, far.peer].every((p, i) => p.session.received.keepalive > before[i]!),
  );
  await until('its route', () => honest.counts('ipv4').received > 0);
  await until('our route', () => far.peer.counts('ipv4').received > 0);
  expect([honest, far.peer].map((p) => p.session.flaps)).toEqual([0, 0]);
  expect([honest, far.peer].map((p) => p.session.state)).toEqual(['Established', 'Established']);
  for (const raw of raws.splice(0)) raw.close();
  await Promise.all([speaker.stop(), far.speaker.stop()]);
});

const descriptors = (): number => readdirSync('/proc/self/fd').length;

describe('a peer that', () => {
  it('connects and says nothing gets our OPEN, and waits', async () => {
    const raw = await call();
    await raw.until('our OPEN', () => raw.count('open') === 1);
    expect(hostile.session.state).toBe('OpenSent');
  });

  it('says something else is told so, whatever it is', async () => {
    const random = seeded(7);
    const noise = Array.from({ length: 4096 }, () => Math.floor(random() * 256));
    for (const [octets, answer] of [
      [toHex(new TextEncoder().encode('GET / HTTP/1.1\r\nHost: router\r\n\r\n')), notificationHex(1, 1)],
      [toHex(Uint8Array.from(noise)), notificationHex(1, 1)],
      ['ff'.repeat(4096), notificationHex(1, 2, 'ffff')],
      ['00'.repeat(65536), notificationHex(1, 1)],
    ] as const) {
      await until('the end of idle hold', () => hostile.session.state === 'Active');
      const raw = await call();
      raw.say(octets);
      await raw.end();
      expect(raw.heard.at(-1)).toBe(answer);
      expect(raw.ended).toBe('closed');
    }
  });

  it('shows up octet by octet is taken all the same', async () => {
    const raw = await call();
    for (const octet of (openHex({ holdTimeSec: 0 }) + keepalive).match(/../g)!) {
      raw.say(octet);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await until('Established', () => hostile.session.state === 'Established');
    expect(raw.count('keepalive')).toBe(1);
  });

  it('errs with megabytes still under way hears of it, and is not reset', async () => {
    const raw = await RawPeer.establish(port, HOSTILE);
    raws.push(raw);
    const withdrawal = updateHex('18cb0071', '', '');
    raw.say(messageHex(9) + withdrawal.repeat(100_000));
    await raw.end();
    expect(raw.heard.at(-1)).toBe(notificationHex(1, 3, '09'));
    expect(raw.ended).toBe('closed');
  });

  it('half-closes has ended its session', async () => {
    const raw = await RawPeer.establish(port, HOSTILE);
    raws.push(raw);
    raw.say(updateHex('', ATTRIBUTES, '18cb0071'));
    await until('the route', () => hostile.counts('ipv4').received === 1);
    raw.socket.end();
    await until('the end', () => hostile.session.flaps === 1);
    expect(hostile.session.lastError).toBe('the peer closed the connection');
    await raw.end();
    await until('no route', () => hostile.counts('ipv4').received === 0);
  });

  it('resets is named in the reason', async () => {
    const raw = await RawPeer.establish(port, HOSTILE);
    raw.socket.resetAndDestroy();
    await until('the end', () => hostile.session.flaps === 1);
    expect(hostile.session.lastError).toBe('connection reset by the peer');
  });

  it('never reads costs a bounded amount of memory, and the others are served', async () => {
    const raw = await RawPeer.establish(port, HOSTILE);
    raws.push(raw);
    raw.socket.pause();
    const n = 100_000;
    // Each with attributes of its own, or they would share messages and fit the kernel's buffers.
    const communities = [0xfde80001, 0xfde80002, 0xfde80003];
    for (let i = 0; i < n; i++) {
      const p = { family: 4 as const, bytes: Uint8Array.of(10, i >> 16, i >> 8, i), length: 32 };
      const attributes = route('192.0.2.1', { med: i, communities });
      hostile.session.out.set(p, attributes);
      honest.session.out.set(p, attributes);
      if (i % 1_000 === 0) await nextTurn();
    }
    const before = process.memoryUsage();
    speaker.routesChanged(hostile);
    speaker.routesChanged(honest);
    await until('the honest peer has all', () => far.peer.counts('ipv4').received === n);
    const { pending } = hostile.session.out.counts('ipv4');
    expect(pending).toBeGreaterThan(n / 10);
    // It does not grow however long this goes on: news only move within what waits.
    for (let i = 0; i < 1_000; i++) {
      hostile.session.out.set(prefix('203.0.113.0/24'), route('192.0.2.1', { med: i }));
      speaker.routesChanged(hostile);
    }
    expect(hostile.session.out.counts('ipv4').pending).toBe(pending + 1);
    // What Node holds for sockets: a batch for it, one for the honest peer, and what that one reads.
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(64 * 1024 * 1024);
    expect(queued(speaker)).toBeLessThan(128 * 1024 + 65_535 + 1_000);
    // And when it reads after all, it gets everything.
    raw.heard.length = 0;
    raw.socket.resume();
    await until('nothing pending', () => hostile.session.out.counts('ipv4').pending === 0);
    expect(hostile.session.flaps).toBe(0);
  });

  it('is slower to read than its hold time, and alive, keeps its session (RFC 9687)', async () => {
    const holdTimeSec = 3;
    speaker.remove(hostile);
    hostile = speaker.add(passive(HOSTILE, { holdTimeSec }));
    speaker.start(hostile);
    const raw = await call();
    raw.say(openHex({ holdTimeSec }) + keepalive);
    await until('Established', () => hostile.session.state === 'Established');
    raw.socket.pause();
    const alive = setInterval(() => raw.say(keepalive), 500);
    // More than the kernel's buffers hold, so that its window closes.
    const communities = Array.from({ length: 500 }, (_, c) => 0xfde80000 + c);
    for (let i = 0; i < 4_000; i++) {
      const p = { family: 4 as const, bytes: Uint8Array.of(10, i >> 16, i >> 8, i), length: 32 };
      hostile.session.out.set(p, route('192.0.2.1', { med: i, communities }));
      if (i % 100 === 0) await nextTurn();
    }
    speaker.routesChanged(hostile);
    await new Promise((resolve) => setTimeout(resolve, 2_500 * holdTimeSec));
    expect(hostile.session.out.counts('ipv4').pending).toBeGreaterThan(0);
    raw.socket.resume();
    await until('all of them', () => hostile.session.out.counts('ipv4').pending === 0);
    clearInterval(alive);
    expect(hostile.session.lastError).toBe('');
    expect(hostile.session.flaps).toBe(0);
  });

  it('flaps is slowed down', async () => {
    const start = performance.now();
    let calls = 0;
    while (performance.now() - start < 3_000) {
      const raw = await call();
      raw.say(openHex({ holdTimeSec: 0 }) + keepalive);
      // Idle hold: the call waits.
      await until('an answer', () => raw.count('keepalive') > 0 || raw.ended !== undefined);
      calls++;
      raw.close();
      await until('the end', () => hostile.session.state !== 'Established');
    }
    // 0, 0.5, 1, 2 s: jitter may leave room for one more.
    expect(calls).toBeGreaterThanOrEqual(2);
    expect(calls).toBeLessThanOrEqual(6);
    expect(hostile.session.flaps).toBe(calls);
  });

  it('floods us with updates gets them in, and starves nobody', async () => {
    const raw = await RawPeer.establish(port, HOSTILE);
    raws.push(raw);
    const n = 50_000;
    let text = '';
    for (let i = 0; i < n; i++) text += updateHex('', ATTRIBUTES, `200a${(i + 0x1000000).toString(16).slice(1)}`);
    raw.socket.write(fromHex(text));
    await until('all of them', () => hostile.counts('ipv4').received === n);
    raw.close();
    await until('none of them', () => hostile.counts('ipv4').received === 0);
  });
});

it('a peer that sends a million prefixes where a thousand are allowed is cut off, and costs no memory', async () => {
  speaker.remove(hostile);
  hostile = speaker.add(passive(HOSTILE, { limits: { maxPrefixes: 1000 } }));
  speaker.start(hostile);
  const raw = await RawPeer.establish(port, HOSTILE);
  raws.push(raw);
  // A thousand UPDATEs with a thousand /24s each.
  const updates = Array.from({ length: 1000 }, (_, i) => {
    const bytes = fromHex(updateHex('', ATTRIBUTES, '18000000'.repeat(1000)));
    for (let k = 0; k < 1000; k++) {
      const at = bytes.length - 4 * (1000 - k) + 1;
      const net = 0x010000 + i * 1000 + k;
      bytes.set([net >>> 16, (net >>> 8) & 0xff, net & 0xff], at);
    }
    return bytes;
  });
  const before = process.memoryUsage().rss;
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, hostile.counts('ipv4').received);
  }, 1);
  for (const bytes of updates) raw.socket.write(bytes);
  await until('it to be told', () => raw.count('notification') > 0);
  clearInterval(watch);
  // Cease, Maximum Number of Prefixes Reached: IPv4 unicast, 1000 (RFC 4486 §4).
  expect(raw.heard.at(-1)).toBe(notificationHex(6, 1, '000101000003e8'));
  await until('its routes to go', () => hostile.counts('ipv4').received === 0);
  expect(most).toBeLessThan(5000);
  expect((process.memoryUsage().rss - before) / 1048576).toBeLessThan(100);
  expect(hostile.session.state).toBe('Idle');
});

describe('callers', () => {
  it('that are no peers come by the thousand, and go without a trace', async () => {
    const before = descriptors();
    for (let round = 0; round < 20; round++) {
      const batch = await Promise.all(Array.from({ length: 50 }, (_, i) => call(`127.0.1.${i + 1}`)));
      await Promise.all(batch.map((raw) => raw.end()));
      expect(batch.every((raw) => raw.heard.length === 0)).toBe(true);
      for (const raw of raws.splice(0)) raw.close();
    }
    expect(strangers).toBe(1_000);
    await until('no descriptors left over', () => descriptors() <= before + 5);
  });

  it('that are peers, but hang up a thousand times, leave nothing behind', async () => {
    const before = descriptors();
    for (let i = 0; i < 1_000; i++) {
      const raw = await call();
      if (i % 3 === 0) raw.say('ff'.repeat(10));
      if (i % 3 === 1) raw.socket.resetAndDestroy();
      else raw.close();
      raws.length = 0;
    }
    await until('no descriptors left over', () => descriptors() <= before + 5);
    // And when it means it, it is let in, after idle hold at most.
    const raw = await call();
    raw.say(openHex({ holdTimeSec: 0 }) + keepalive);
    await until('Established', () => hostile.session.state === 'Established', 70_000);
  });
});

describe('the speaker itself', () => {
  it('stalls for longer than a hold time: what the peer said meanwhile counts', async () => {
    const raw = await call();
    raw.say(openHex({ holdTimeSec: 3 }) + keepalive);
    await raw.until('Established', () => hostile.session.state === 'Established');
    // The honest peer shares our process, and stalls with us.
    raw.say(keepalive);
    far.peer.session.out.set(prefix('192.0.2.0/24'), route('192.0.2.2'));
    far.speaker.routesChanged(far.peer);
    honest.session.out.set(prefix('192.0.2.0/24'), route('192.0.2.1'));
    speaker.routesChanged(honest);
    const start = performance.now();
    while (performance.now() - start < 3_300);
    raw.say(keepalive);
    await until('our keepalive after it', () => raw.count('keepalive') > 1);
    expect(hostile.session.flaps).toBe(0);
    expect(hostile.session.state).toBe('Established');
    raw.close();
  });
});

/** Octets that Node holds for the sockets of a speaker, most of any. */
function queued(s: Speaker): number {
  const { tcp } = s as unknown as { tcp: { sockets: Map<number, { writableLength: number }> } };
  return Math.max(...[...tcp.sockets.values()].map((socket) => socket.writableLength));
}

it('a flood of callers that nobody knows: 10,000 connections cost no session and no memory', async () => {
  const batch = async (from: number) => {
    const sockets = Array.from({ length: 250 }, (_, i) =>
      connect({ host: '127.0.0.1', port, localAddress: `127.0.${3 + (from % 40)}.${1 + (i % 250)}` }),
    );
    await Promise.all(
      sockets.map(
        (socket) =>
          new Promise<void>((resolve) => {
            socket.on('error', () => {});
            socket.once('close', () => resolve());
          }),
      ),
    );
  };
  await batch(0);
  const before = process.memoryUsage().rss;
  const descriptors = readdirSync('/proc/self/fd').length;
  for (let i = 1; i <= 40; i++) await batch(i);
  const grown = (process.memoryUsage().rss - before) / 1048576;
  expect(strangers).toBeGreaterThanOrEqual(10_000);
  expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(descriptors + 20);
  expect(grown).toBeLessThan(200);
  expect(honest.session.state).toBe('Established');
  expect(honest.session.flaps).toBe(0);
});
