/** Speakers on loopback: sessions over real sockets. */
import { connect, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Capability } from '../../src/bgp/capability.ts';
import { Afi, Safi } from '../../src/bgp/const.ts';
import { Cease, ErrorCode, notification } from '../../src/bgp/errors.ts';
import type { PeerSettings } from '../../src/bgp/settings.ts';
import type { Peer } from '../../src/daemon/peer.ts';
import { Speaker } from '../../src/daemon/speaker.ts';
import type { SpeakerEvents } from '../../src/daemon/speakerevents.ts';
import { address, formatAddress } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';
import { route, settingsOf } from '../support/pipe.ts';
import { waitFor } from '../support/process.ts';
import { RawPeer } from '../support/raw.ts';
import { ATTRIBUTES, keepalive, messageHex, notificationHex, openHex, updateHex } from '../support/script.ts';

const speakers: Speaker[] = [];
const raws: RawPeer[] = [];
afterEach(async () => {
  for (const raw of raws.splice(0)) raw.close();
  await Promise.all(speakers.splice(0).map((s) => s.stop()));
});

function speak(events: SpeakerEvents = {}): Speaker {
  const speaker = new Speaker(events);
  speakers.push(speaker);
  return speaker;
}

const until = (what: string, done: () => boolean) => waitFor(what, done, { everyMs: 2, timeoutMs: 60_000 });
const established = (...peers: Peer[]) =>
  until('Established', () => peers.every((p) => p.session.state === 'Established'));

const LOOPBACK = address('127.0.0.1');

/** A passive peer at a loopback address of its own. */
const passive = (from: string, changes: Partial<PeerSettings> = {}) =>
  settingsOf({ name: from, address: address(from), passive: true, ...changes });

/** Two speakers, the second dialling the first. */
async function couple(at = '127.0.0.1', listenAt = at) {
  const [a, b] = [speak(), speak()];
  const port = await a.listen(address(listenAt), 0);
  const near = a.add(settingsOf({ name: 'b', address: address(at), passive: true, families: ['ipv4', 'ipv6'] }));
  const far = b.add(
    settingsOf({
      name: 'a',
      address: address(at),
      port,
      localAsn: 65002,
      peerAsn: 65001,
      routerId: 2,
      families: ['ipv4', 'ipv6'],
    }),
  );
  a.start(near);
  b.start(far);
  await established(near, far);
  return { a, b, near, far, port };
}

const count = (p: Peer) => p.counts('ipv4').received;
const accepted = (p: Peer) => p.counts('ipv4').accepted;

/** The OPEN of a peer that keeps its forwarding while it restarts, even by NOTIFICATION (RFC 8538). */
const RESTARTING = openHex({
  holdTimeSec: 0,
  capabilities: [
    { type: 'multiprotocol', afi: Afi.ipv4, safi: Safi.unicast },
    { type: 'fourOctetAs', asn: 65002 },
    {
      type: 'gracefulRestart',
      restarting: false,
      notification: true,
      restartTimeSec: 120,
      families: [{ afi: Afi.ipv4, safi: Safi.unicast, forwarding: true }],
    },
  ],
});

describe('what is accepted', () => {
  /** Two speakers, the first of which sends these prefixes to the second. */
  async function sent(...prefixes: string[]) {
    const { a, b, near, far } = await couple();
    for (const text of prefixes) near.session.out.set(prefix(text), route('192.0.2.1'));
    a.routesChanged(near);
    await until('the routes', () => count(far) === prefixes.length);
    return {
      b,
      far,
      receive: (receive: PeerSettings['receive']) => b.retune(far, { ...far.settings, ...(receive && { receive }) }),
    };
  }

  it('is nothing without a policy, and follows the policy without a new session', async () => {
    const { far, receive } = await sent('203.0.113.0/24', '198.51.100.0/24', '0.0.0.0/0');
    expect(accepted(far)).toBe(0);
    receive({ rules: [{ prefix: prefix('203.0.113.0/24') }] });
    await until('one', () => accepted(far) === 1);
    receive({ all: true });
    await until('all but the default route', () => accepted(far) === 2);
    receive({});
    await until('none', () => accepted(far) === 0);
    expect(far.session.flaps).toBe(0);
  });

  it('is never what is always blocked, nor the subnets of this node', async () => {
    const { b, far, receive } = await sent('203.0.113.0/24', '203.0.113.128/25', '198.51.100.0/24', '127.0.9.0/24');
    receive({ all: true });
    await until('all but ours', () => accepted(far) === 3);
    b.instances.setAlwaysBlock([prefix('203.0.113.0/24')]);
    await until('without what is blocked', () => accepted(far) === 1);
    b.instances.setAlwaysBlock([]);
    await until('all but ours again', () => accepted(far) === 3);
  });
});

describe('two speakers', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['127.0.0.1', '0.0.0.0'],
    ['::1', '::'],
    ['127.0.0.1', '::'],
  ])('meet at %s, listening at %s, and exchange routes', async (at, listenAt) => {
    const { a, near, far } = await couple(at, listenAt);
    expect(formatAddress(near.session.local!.transport)).toBe(at);
    near.session.out.set(prefix('203.0.113.0/24'), route('192.0.2.1'));
    a.routesChanged(near);
    await until('the route', () => count(far) === 1);
    near.session.out.delete(prefix('203.0.113.0/24'));
    a.routesChanged(near);
    await until('its withdrawal', () => count(far) === 0);
    expect(near.session.flaps + far.session.flaps).toBe(0);
  });

  it('that dial each other keep one connection', async () => {
    // Each takes the other's address for the peer's: the port tells them apart.
    const [a, b] = [speak(), speak()];
    const [portA, portB] = [await a.listen(address('127.0.0.11'), 0), await b.listen(address('127.0.0.12'), 0)];
    const source = { sourceAddress: address('127.0.0.11') };
    const near = a.add(settingsOf({ name: 'b', address: address('127.0.0.12'), port: portB, ...source }));
    const far = b.add(
      settingsOf({
        name: 'a',
        address: address('127.0.0.11'),
        port: portA,
        sourceAddress: address('127.0.0.12'),
        localAsn: 65002,
        peerAsn: 65001,
        routerId: 2,
      }),
    );
    a.start(near);
    b.start(far);
    await established(near, far);
    near.session.out.set(prefix('203.0.113.0/24'), route('192.0.2.1'));
    a.routesChanged(near);
    await until('the route', () => count(far) === 1);
  });

  it('part with the reason given, and the routes go', async () => {
    const { a, near, far } = await couple();
    near.session.out.set(prefix('203.0.113.0/24'), route('192.0.2.1'));
    a.routesChanged(near);
    await until('the route', () => count(far) === 1);
    a.remove(near, notification(ErrorCode.cease, Cease.peerDeconfigured));
    await until('the end', () => far.session.flaps === 1);
    expect(far.session.lastError).toBe('received Cease/Peer Deconfigured');
    await until('no route', () => count(far) === 0);
    expect(a.all.size).toBe(0);
  });

  it('meet again after one of them was away', async () => {
    const { a, near, far, port } = await couple();
    near.session.out.set(prefix('203.0.113.0/24'), route('192.0.2.1'));
    a.routesChanged(near);
    await until('the route', () => count(far) === 1);
    await a.stop();
    await until('the end', () => far.session.state !== 'Established');
    const again = speak();
    await again.listen(LOOPBACK, port);
    const back = again.add(near.settings, near.session.out);
    again.start(back);
    await established(back, far);
    await until('the route', () => count(far) === 1);
  });
});

describe('a limit of prefixes', () => {
  const [one, two, three] = ['18cb0071', '18c63364', '18c00002'] as const;

  it('does not count what is kept from before a restart', async () => {
    const speaker = speak();
    const port = await speaker.listen(LOOPBACK, 0);
    const peer = speaker.add(passive('127.0.0.2', { limits: { maxPrefixes: 2 } }));
    speaker.start(peer);
    const raw = await RawPeer.call(port, '127.0.0.2');
    raws.push(raw);
    raw.say(RESTARTING + keepalive + updateHex('', ATTRIBUTES, one + two));
    await until('two routes', () => count(peer) === 2);
    raw.close();
    await until('the end', () => peer.session.flaps === 1);
    expect(count(peer)).toBe(2);
    const back = await RawPeer.call(port, '127.0.0.2');
    raws.push(back);
    back.say(RESTARTING + keepalive + updateHex('', ATTRIBUTES, three));
    await until('one more', () => count(peer) === 3);
    expect(peer.cutOff).toBe(false);
    back.say(updateHex('', '', ''));
    await until('that one alone', () => count(peer) === 1);
    back.say(updateHex('', ATTRIBUTES, one + two));
    await back.end();
    expect(back.heard.at(-1)).toBe(notificationHex(6, 1, '00010100000002'));
    expect(peer.session.lastError).toBe('3 prefixes where 2 are allowed; sent Cease/Maximum Prefixes');
  });

  it('is told of once in each session', async () => {
    const told: number[] = [];
    const speaker = speak({ limit: (_, prefixes) => told.push(prefixes) });
    const port = await speaker.listen(LOOPBACK, 0);
    const peer = speaker.add(passive('127.0.0.2', { limits: { maxPrefixes: 1, warnOnly: true } }));
    speaker.start(peer);
    for (const session of [1, 2]) {
      const raw = await RawPeer.establish(port, '127.0.0.2');
      raws.push(raw);
      raw.say(updateHex('', ATTRIBUTES, one + two) + updateHex('', ATTRIBUTES, three));
      await until('three routes', () => count(peer) === 3);
      expect(told).toEqual(Array(session).fill(2));
      raw.close();
      await until('the end', () => peer.session.flaps === session && count(peer) === 0);
    }
  });

  it('lets a peer begin again that must wait for BFD when its time has come', async () => {
    let permitted = true;
    const speaker = speak({ permits: () => permitted });
    const port = await speaker.listen(LOOPBACK, 0);
    const bfd = {
      ...{ receiveIntervalMs: 300, transmitIntervalMs: 300, detectMultiplier: 3, passive: false, minimumTtl: 254 },
      strict: true,
    };
    const peer = speaker.add(passive('127.0.0.2', { bfd, limits: { maxPrefixes: 1, restartSec: 1 } }));
    speaker.start(peer);
    const raw = await RawPeer.establish(port, '127.0.0.2');
    raws.push(raw);
    raw.say(updateHex('', ATTRIBUTES, one + two));
    await until('the end', () => peer.cutOff);
    permitted = false;
    speaker.pathDown('127.0.0.2', 'BFD: control detection time expired', true);
    // Not yet, though BFD is up for a moment.
    speaker.pathUp('127.0.0.2');
    expect(peer.session.state).toBe('Idle');
    await until('the time', () => !peer.cutOff);
    expect([peer.waiting, peer.session.state]).toEqual([true, 'Idle']);
    permitted = true;
    speaker.pathUp('127.0.0.2');
    expect([peer.waiting, peer.session.state]).toEqual([false, 'Active']);
  });
});

describe('a caller', () => {
  it('that is no peer is turned away at once, without a word', async () => {
    const strangers: string[] = [];
    const speaker = speak({ stranger: (ends) => strangers.push(formatAddress(ends.remote)) });
    const port = await speaker.listen(LOOPBACK, 0);
    speaker.start(speaker.add(passive('127.0.0.2')));
    const raw = await RawPeer.call(port, '127.0.0.3');
    raws.push(raw);
    await raw.end();
    expect(raw.heard).toEqual([]);
    expect(strangers).toEqual(['127.0.0.3']);
  });

  it('is known by our address too, where a peer is bound to one', async () => {
    const speaker = speak();
    const port = await speaker.listen(address('0.0.0.0'), 0);
    const one = speaker.add(passive('127.0.0.2', { name: 'one', sourceAddress: address('127.0.0.1') }));
    const two = speaker.add(passive('127.0.0.2', { name: 'two', sourceAddress: address('127.0.0.9') }));
    for (const p of [one, two]) speaker.start(p);
    const raw = await RawPeer.call(port, '127.0.0.2', '127.0.0.9');
    raws.push(raw);
    await until('OpenSent', () => two.session.state === 'OpenSent');
    expect(one.session.state).toBe('Active');
    const stranger = await RawPeer.call(port, '127.0.0.2', '127.0.0.8');
    raws.push(stranger);
    await stranger.end();
    expect(stranger.heard).toEqual([]);
  });

  it('too many is told so, and the session goes on', async () => {
    const speaker = speak();
    const port = await speaker.listen(LOOPBACK, 0);
    const peer = speaker.add(passive('127.0.0.2'));
    speaker.start(peer);
    const first = await RawPeer.establish(port, '127.0.0.2');
    const second = await RawPeer.call(port, '127.0.0.2');
    raws.push(first, second);
    await second.end();
    expect(second.heard).toEqual([notificationHex(6, 7)]);
    expect(peer.session.state).toBe('Established');
    expect(first.ended).toBeUndefined();
  });

  it('for a peer that is not started is told 6/5', async () => {
    const speaker = speak();
    const port = await speaker.listen(LOOPBACK, 0);
    speaker.add(passive('127.0.0.2'));
    const raw = await RawPeer.call(port, '127.0.0.2');
    raws.push(raw);
    await raw.end();
    expect(raw.heard).toEqual([notificationHex(6, 5)]);
  });
});

describe('listening', () => {
  it('fails with the address and the remedy where the port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await until('the other server', () => server.listening);
    const { port } = server.address() as { port: number };
    await expect(speak().listen(LOOPBACK, port)).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: another process does (ss -ltnp 'sport = :${port}' names it)`,
    );
    server.close();
  });

  it('fails where the address is not ours', async () => {
    await expect(speak().listen(address('192.0.2.77'), 0)).rejects.toThrow(
      'cannot listen on 192.0.2.77:0: the address is not on this host',
    );
    await expect(speak().listen(address('2001:db8::77'), 0)).rejects.toThrow('cannot listen on [2001:db8::77]:0');
  });

  it('at a set of places opens, keeps and closes what is needed; one that fails does not cost the others', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await until('the other server', () => server.listening);
    const { port } = server.address() as { port: number };
    const speaker = speak();
    // Asked for twice at once, as by two reloads: neither is told that it has the place.
    const twice = [1, 2].map(() => speaker.setListeners([{ address: LOOPBACK, port }]));
    for (const each of await Promise.allSettled(twice)) expect(each.status).toBe('rejected');
    const at = (...texts: string[]) => texts.map((t) => ({ address: address(t), port }));
    const calls = async (from: string, to: string) => {
      const raw = new RawPeer((await import('node:net')).connect({ host: to, port, localAddress: from }));
      raws.push(raw);
      await until('an answer', () => !raw.socket.connecting || raw.ended !== undefined);
      await raw.end();
      return raw.ended;
    };
    await speaker.setListeners(at('127.0.0.21', '127.0.0.22'));
    expect(await calls('127.0.0.2', '127.0.0.21')).toBe('closed');
    await expect(speaker.setListeners(at('127.0.0.22', '127.0.0.1', '127.0.0.23'))).rejects.toThrow('another process');
    expect(await calls('127.0.0.2', '127.0.0.21')).toBe('reset');
    expect(await calls('127.0.0.2', '127.0.0.22')).toBe('closed');
    expect(await calls('127.0.0.2', '127.0.0.23')).toBe('closed');
    server.close();
    await until('the port', () => !server.listening);
    await speaker.setListeners(at('127.0.0.1'));
    await speaker.setListeners([]);
    expect(await calls('127.0.0.2', '127.0.0.1')).toBe('reset');
  });

  it('is tried again where it failed; a VRF that is not there is told of, and keeps nobody from beginning', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await until('the other server', () => server.listening);
    const { port } = server.address() as { port: number };
    const problems: string[] = [];
    const speaker = speak({ problem: (text) => problems.push(text) });
    const place = { address: LOOPBACK, port };
    await expect(speaker.setListeners([place])).rejects.toThrow('another process');
    server.close();
    const isOpen = async () => {
      const raw = new RawPeer(connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' }));
      raws.push(raw);
      await raw.end();
      return raw.ended === 'closed';
    };
    await waitFor('the place', isOpen, { everyMs: 100, timeoutMs: 60_000 });
    await speaker.setListeners([{ ...place, vrf: 'no-such-vrf' }, place]);
    expect(problems).toEqual([`cannot listen on 127.0.0.1:${port} in VRF no-such-vrf: there is no such VRF device`]);
    expect(await isOpen()).toBe(true);
    await expect(speak().setListeners([{ ...place, vrf: 'no-such-vrf' }])).rejects.toThrow('no such VRF device');
  });
});

describe('a speaker', () => {
  it('names what is wrong with a dial', async () => {
    const speaker = speak();
    const refused = speaker.add(settingsOf({ name: 'refused', address: address('127.0.0.99'), port: 1 }));
    const foreign = speaker.add(
      settingsOf({ name: 'foreign', address: LOOPBACK, sourceAddress: address('192.0.2.77'), port: 1 }),
    );
    const zoneless = speaker.add(settingsOf({ name: 'zoneless', address: address('fe80::1'), port: 1 }));
    for (const p of [refused, foreign, zoneless]) speaker.start(p);
    await until('errors', () => [refused, foreign, zoneless].every((p) => p.session.lastError !== ''));
    expect(refused.session.lastError).toBe('connection refused: nothing listens there, or a firewall rejects us');
    expect(foreign.session.lastError).toBe('the source address is not on this host (yet)');
    expect(zoneless.session.lastError).toMatch('link-local');
    expect([refused, foreign, zoneless].map((p) => p.session.state)).toEqual(['Active', 'Active', 'Active']);
  });

  it('reports states in order, and Established with what was agreed', async () => {
    const seen: string[] = [];
    const speaker = speak({
      state: (p, from, to, reason) => seen.push(`${p.name}: ${from} ${to} ${reason}`.trim()),
      established: (p, agreement) => seen.push(`${p.name}: AS ${agreement.peerAsn}`),
    });
    const port = await speaker.listen(LOOPBACK, 0);
    const peer = speaker.add(passive('127.0.0.2'));
    speaker.start(peer);
    // Established and over in the same octets: nothing of it may be lost, or fail.
    const raw = await RawPeer.call(port, '127.0.0.2');
    raws.push(raw);
    raw.say(openHex() + keepalive + updateHex('', ATTRIBUTES, '18cb0071') + openHex());
    await raw.end();
    expect(seen.slice(0, 6)).toEqual([
      '127.0.0.2: Idle Active',
      '127.0.0.2: Active OpenSent',
      '127.0.0.2: OpenSent OpenConfirm',
      '127.0.0.2: OpenConfirm Established',
      '127.0.0.2: AS 65002',
      '127.0.0.2: Established Idle sent Finite State Machine Error/Established',
    ]);
    expect(raw.heard.at(-1)).toBe(notificationHex(5, 3, '01'));
    await until('the route to go', () => peer.counts('ipv4').received === 0);
  });

  it('tells a peer that it has restarted until the first session, whatever becomes of calls before', async () => {
    const speaker = speak();
    const port = await speaker.listen(LOOPBACK, 0);
    speaker.setRestarting(new Set(['127.0.0.2']));
    const settings = passive('127.0.0.2', { restartTimeSec: 120 });
    /** The capability as it is on the wire, from the Restart State bit on. */
    const flags = (open: string) => /4006([0-9a-f]{12})/.exec(open)?.[1];
    const openOf = async () => {
      const raw = await RawPeer.call(port, '127.0.0.2');
      raws.push(raw);
      await raw.until('its OPEN', () => raw.count('open') > 0);
      return raw;
    };
    speaker.start(speaker.add(settings));
    const first = await openOf();
    expect(flags(first.heard[0]!)).toBe('c07800010180');
    // Other settings before the session is up.
    speaker.remove(speaker.all.get('127.0.0.2')!);
    speaker.start(speaker.add({ ...settings, holdTimeSec: 30 }));
    const second = await openOf();
    expect(flags(second.heard[0]!)).toBe('c07800010180');
    second.say(openHex({ holdTimeSec: 0 }) + keepalive);
    await established(speaker.all.get('127.0.0.2')!);
    speaker.remove(speaker.all.get('127.0.0.2')!);
    speaker.start(speaker.add(settings));
    const third = await openOf();
    expect(flags(third.heard[0]!)).toBe('407800010100');
  });

  it('keeps the routes of a peer that was up for no longer than one segment, where it restarts', async () => {
    const speaker = speak();
    const port = await speaker.listen(LOOPBACK, 0);
    const peer = speaker.add(passive('127.0.0.2', { receive: { all: true } }));
    speaker.start(peer);
    const raw = await RawPeer.call(port, '127.0.0.2');
    raws.push(raw);
    // A next hop that is nobody's here: 198.51.100.9.
    const attributes = ATTRIBUTES.replace('c0000202', 'c6336409');
    raw.say(RESTARTING + keepalive + updateHex('', attributes, '18cb0071') + notificationHex(6, 4));
    await raw.end();
    await until('the route', () => accepted(peer) === 1);
    expect(peer.retention.stale).toEqual(['ipv4']);
    expect(peer.session.flaps).toBe(1);
    const id = peer.instance.rib.ipv4.prefixes.lookup(prefix('203.0.113.0/24'));
    await until('its choice', () => peer.instance.locRib.selection('ipv4', id) >= 0);
    // It is back, and has the route no more.
    const back = await RawPeer.call(port, '127.0.0.2');
    raws.push(back);
    back.say(RESTARTING + keepalive + updateHex('', '', ''));
    await until('no route', () => count(peer) === 0);
    await until('no choice', () => peer.instance.locRib.selection('ipv4', id) < 0);
  });

  const marks: readonly Capability[] = [{ type: 'routeRefresh' }, { type: 'enhancedRefresh' }];
  const restarts: Capability = {
    type: 'gracefulRestart',
    restarting: false,
    notification: true,
    restartTimeSec: 0,
    families: [],
  };
  it.each<[string, readonly Capability[], string, boolean]>([
    ['knows no End-of-RIB', marks, '', true],
    ['has yet to mark its End-of-RIB', [...marks, restarts], '', false],
    ['has marked its End-of-RIB', [...marks, restarts], updateHex('', '', ''), true],
    ['did not announce them', [], '', false],
  ])('heeds the marks around a refresh (RFC 7313) or not: of a peer that %s', async (_, more, endOfRib, heeded) => {
    const early: string[] = [];
    const speaker = speak({ early: (_peer, family) => early.push(family) });
    const port = await speaker.listen(LOOPBACK, 0);
    const peer = speaker.add(passive('127.0.0.2'));
    speaker.start(peer);
    const raw = await RawPeer.call(port, '127.0.0.2');
    raws.push(raw);
    const capabilities: Capability[] = [
      { type: 'multiprotocol', afi: Afi.ipv4, safi: Safi.unicast },
      { type: 'fourOctetAs', asn: 65002 },
      ...more,
    ];
    const [kept, left, last] = ['18cb0071', '18c63364', '18c00002'];
    const [begin, end] = [messageHex(5, '00010101'), messageHex(5, '00010201')];
    raw.say(openHex({ holdTimeSec: 0, capabilities }) + keepalive);
    raw.say(updateHex('', ATTRIBUTES, `${kept}${left}`) + endOfRib + begin + updateHex('', ATTRIBUTES, kept + last));
    await until('three routes', () => count(peer) === 3);
    expect(peer.counts('ipv4').stale).toBe(heeded ? 1 : 0);
    raw.say(end + updateHex('', ATTRIBUTES, '18c00003'));
    await until('the last', () => peer.session.received.update === (endOfRib ? 4 : 3));
    expect(peer.counts('ipv4')).toMatchObject({ received: heeded ? 3 : 4, stale: 0 });
    // Both marks; without the capability they are not marks at all.
    expect(early).toEqual(heeded || more.length === 0 ? [] : ['ipv4', 'ipv4']);
    expect(peer.session.flaps).toBe(0);
  });

  it('keeps attributes apart that come, go and come again in one segment', async () => {
    const speaker = speak();
    const port = await speaker.listen(LOOPBACK, 0);
    const peer = speaker.add(passive('127.0.0.2'));
    speaker.start(peer);
    const raw = await RawPeer.establish(port, '127.0.0.2');
    raws.push(raw);
    const [one, two] = ['18cb0071', '18c63364'];
    const other = `${ATTRIBUTES}80040400000005`;
    raw.say(
      updateHex('', ATTRIBUTES, one) +
        updateHex(one, '', '') +
        updateHex('', ATTRIBUTES, two) +
        updateHex('', other, one),
    );
    await until('both routes', () => peer.counts('ipv4').received === 2);
    expect(speaker.attributes.size).toBe(2);
    raw.say(updateHex(one + two, '', ''));
    await until('none', () => peer.counts('ipv4').received === 0);
    await until('no attributes', () => speaker.attributes.size === 0);
  });

  it('gives a peer the place of one that is gone, without its routes', async () => {
    const speaker = speak();
    const port = await speaker.listen(LOOPBACK, 0);
    const old = speaker.add(passive('127.0.0.2'));
    speaker.start(old);
    const raw = await RawPeer.establish(port, '127.0.0.2');
    raws.push(raw);
    raw.say(updateHex('', ATTRIBUTES, '18cb0071'));
    await until('the route', () => old.counts('ipv4').received === 1);
    speaker.remove(old);
    const next = speaker.add(passive('127.0.0.3'));
    speaker.start(next);
    expect(next.slot).toBe(old.slot);
    expect(next.counts('ipv4').received).toBe(0);
    const call = await RawPeer.establish(port, '127.0.0.3');
    raws.push(call);
    call.say(updateHex('', ATTRIBUTES, '18c63364'));
    await until('its own', () => next.counts('ipv4').received === 1);
  });

  it('refuses two peers of one name', () => {
    const speaker = speak();
    speaker.add(passive('127.0.0.2'));
    expect(() => speaker.add(passive('127.0.0.2'))).toThrow('peer 127.0.0.2 exists');
  });

  it('stops in time even when a peer neither reads nor hangs up, and leaves no timer behind', async () => {
    const speaker = speak();
    const port = await speaker.listen(LOOPBACK, 0);
    const peer = speaker.add(passive('127.0.0.2'));
    speaker.start(peer);
    const raw = await RawPeer.establish(port, '127.0.0.2');
    raws.push(raw);
    raw.socket.pause();
    const start = performance.now();
    await speaker.stop(notification(ErrorCode.cease, Cease.administrativeShutdown));
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(peer.session.nextDue).toBeUndefined();
    raw.socket.resume();
    await raw.end();
    expect(raw.heard.at(-1)).toBe(notificationHex(6, 2));
  });
});
