/**
 * The daemon with BFD and BGP against FRR and BIRD: BFDProfiles in, sessions and BGP's reaction out. iBGP with FRR, so that
 * both sides must come to the same conclusion about what is multihop; eBGP with BIRD.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BfdViewRow } from '../../src/daemon/bfdview.ts';
import {
  type BfdRouter,
  bird,
  ends,
  frr,
  type Kind,
  kinds,
  PORT,
  ROUTE,
  type Seen,
  theirs,
} from '../support/bfdrouter.ts';
import { link, Namespace } from '../support/netns.ts';
import { waitFor } from '../support/process.ts';
import { bgpPeer, type Document, Node, receiving } from './node.ts';

const SPEAKER_AS = 64_512;

const profile = (spec: Readonly<Record<string, unknown>>): Document => ({
  apiVersion: 'metallb.io/v1beta1',
  kind: 'BFDProfile',
  metadata: { name: 'fast', namespace: 'metallb-system' },
  spec,
});
// BIRD sends multihop packets with the system's TTL, 64.
const ours = { transmitInterval: 150, receiveInterval: 150, detectMultiplier: 10, minimumTtl: 64 };

describe.each([
  ['FRR', frr],
  ['BIRD', bird],
] as const)('with %s', (_, make) => {
  let near: Namespace;
  let far: Namespace;
  let router: BfdRouter;
  let node: Node;

  beforeAll(async () => {
    near = await Namespace.create('bfd-near');
    far = await Namespace.create('bfd-far');
    await link(
      { namespace: near, device: 'bfd0', addresses: ['192.0.2.1/24', '2001:db8::1/64', 'fe80::1/64'] },
      { namespace: far, device: 'bfd1', addresses: ['192.0.2.2/24', '2001:db8::2/64', 'fe80::2/64'] },
    );
    const lo = (namespace: Namespace, own: string, to: string, via: string) =>
      namespace.run(['sh', '-c', `ip address add ${own}/32 dev lo; ip route add ${to}/32 via ${via}`]);
    await lo(near, '198.51.100.1', '198.51.100.2', '192.0.2.2');
    await lo(far, '198.51.100.2', '198.51.100.1', '192.0.2.1');
    router = make(far, SPEAKER_AS);
    await router.start();
    node = new Node(near);
    node.speaker();
    node.write('profile', profile(ours));
    peers();
    await node.start();
  });
  afterAll(async () => {
    await node?.end();
    await router?.stop();
    await near?.close();
    await far?.close();
  });

  function peers(annotations?: Readonly<Record<string, string>>): void {
    for (const kind of kinds) {
      const [own, peer, hops] = ends[kind];
      const ebgp = router.asn !== SPEAKER_AS;
      const spec = {
        ...{ myASN: SPEAKER_AS, peerASN: router.asn, peerAddress: peer, sourceAddress: own, peerPort: PORT },
        bfdProfile: 'fast',
        ...(hops === 'multi' && ebgp && { ebgpMultiHop: true }),
      };
      node.write(kind, bgpPeer(kind, spec, annotations));
    }
  }

  const log = () => `${node.log()}\n${router.log()}`;
  const until = <T>(what: string, probe: () => Promise<T | false | undefined>) =>
    waitFor(what, probe, { timeoutMs: 30_000, log });
  const rows = async (): Promise<Map<Kind, BfdViewRow>> =>
    new Map((await node.rows('bfd')).map((row) => [row.users[0] as Kind, row]));
  const every = async (right: (row: BfdViewRow) => boolean): Promise<boolean> => {
    const found = await rows();
    return found.size === kinds.length && [...found.values()].every(right);
  };
  const routerSees = async (right: (seen: Seen) => boolean): Promise<boolean> => {
    const seen = await router.sessions();
    return seen.size === kinds.length && [...seen.values()].every(right);
  };
  const isUp = () => node.established(...kinds);
  const allUp = () =>
    until(
      'everything is up',
      async () => (await isUp()) && (await every(({ state }) => state === 'Up')) && (await routerUp()),
    );
  const routerUp = () => routerSees(({ state }) => state === 'up');
  const flaps = async () => ({
    bgp: (await node.rows('peers')).map((row) => row.flaps),
    bfd: [...(await rows()).values()].map((row) => row.flaps),
  });

  it('every session comes up, BFD and BGP, of the kind that both sides take it for', async () => {
    await allUp();
    for (const kind of kinds) expect(await router.established(kind)).toBe(true);
    const found = await rows();
    for (const kind of kinds) expect(found.get(kind)!.hops).toBe(ends[kind][2]);
    for (const peer of await node.rows('peers')) expect(peer.bfd).toBe('Up');
  });

  it('negotiated intervals are the same at both ends, and changed without a flap', async () => {
    const before = await flaps();
    for (const [tx, rx, mult] of [
      [150, 150, 10],
      [600, 300, 6],
      [100, 700, 8],
    ] as const) {
      node.write('profile', profile({ ...ours, transmitInterval: tx, receiveInterval: rx, detectMultiplier: mult }));
      const sends = Math.max(tx, theirs.intervalMs);
      const hears = Math.max(rx, theirs.intervalMs);
      await until(`ours: ${tx} ${rx}`, () =>
        every(
          (row) =>
            row.txIntervalMs === sends &&
            row.rxIntervalMs === hears &&
            row.detectMs === theirs.multiplier * hears &&
            row.configured.detectMultiplier === mult,
        ),
      );
      await until(`the router's: ${tx} ${rx}`, () =>
        routerSees((seen) => seen.intervalMs === hears && seen.detectionMs === mult * sends),
      );
    }
    node.write('profile', profile({ ...ours, passiveMode: true }));
    await until('passive', () => every(({ configured }) => configured.passive));
    expect(await flaps()).toEqual(before);
    expect(await isUp()).toBe(true);
  });

  const shutdown =
    'a router that takes BFD down on purpose keeps its BGP sessions; passive, we wait for it to come back';
  // BIRD stops without a word instead.
  if (make === frr)
    it(shutdown, async () => {
      const before = await flaps();
      await router.shutdown!.begin();
      await until('down', () => every(({ state }) => state === 'Down'));
      expect((await node.rows('peers')).map((row) => row.bfd)).toEqual(kinds.map(() => 'Down'));
      expect((await flaps()).bgp).toEqual(before.bgp);
      expect(await isUp()).toBe(true);
      await router.shutdown!.end();
      await allUp();
      expect((await flaps()).bgp).toEqual(before.bgp);
      expect(node.log()).toContain('the peer has disabled it');
      node.write('profile', profile(ours));
      await until('active', () => every(({ configured }) => !configured.passive));
    });

  it('a path that is silent takes BGP down at once, with BFD Down', async () => {
    const before = await flaps();
    router.signal('SIGSTOP');
    await until('BGP is down', async () => (await node.rows('peers')).every((row) => row.flaps > before.bgp[0]!));
    const [peer] = await node.rows('peers');
    expect(peer!.lastError).toContain('BFD: control detection time expired; sent Cease/BFD Down');
    router.signal('SIGCONT');
    await allUp();
  });

  it('a router whose BFD is started anew comes back with another discriminator', async () => {
    const before = await rows();
    const logged = node.log().length;
    await router.restart();
    await until('other discriminators', () =>
      every((row) => row.state === 'Up' && row.remoteDiscr !== before.get(row.users[0] as Kind)!.remoteDiscr),
    );
    await allUp();
    // FRR's BGP was told by its new BFD, and tells us.
    if (make === frr) expect(node.log().slice(logged)).toMatch(/received Cease\/(Hard Reset: Cease\/)?BFD Down/);
  });

  it('with a document that learns routes there is still one session, and its routes go with the path', async () => {
    const [, address] = ends.ipv4;
    const route = () => near.run(['ip', 'route', 'show', ROUTE, 'proto', '186']);
    node.write('learn', receiving(SPEAKER_AS, [{ address, asn: router.asn }]));
    await until('the route', async () => (await route()).includes(`via ${address}`));
    await allUp();
    expect((await node.rows('peers')).map(({ name }) => name).sort()).toEqual([...kinds].sort());
    const best = (await node.rows('received')).filter((row) => row.best);
    expect(best.map(({ peer, prefix }) => [peer, prefix])).toEqual([['ipv4', ROUTE]]);
    const logged = node.log().length;
    // Neither end sees its link go.
    await far.run(['nft', 'add table inet cut']);
    for (const hook of ['input', 'output'])
      await far.run(['nft', `add chain inet cut ${hook} { type filter hook ${hook} priority 0; policy drop; }`]);
    await until('no route', async () => (await route()) === '');
    expect((await node.peer('ipv4')).bfd).toBe('Down');
    expect(node.log().slice(logged)).toContain('BFD: control detection time expired; sent Cease/BFD Down');
    await far.run(['nft', 'delete table inet cut']);
    await allUp();
    await until('the route again', async () => (await route()).includes(`via ${address}`));
    node.remove('learn');
    await until('no route any more', async () => (await route()) === '');
    await allUp();
  });

  it('strict: BGP waits for BFD', async () => {
    peers({ 'bfd-strict': 'true' });
    router.signal('SIGSTOP');
    await until('BGP is down and waits', async () =>
      (await node.rows('peers')).every(
        ({ state, lastError }) => state === 'Idle' && lastError.includes('waits for BFD'),
      ),
    );
    router.signal('SIGCONT');
    await allUp();
    const metrics = await rows();
    expect([...metrics.values()].every(({ counters }) => counters.sent > 0 && counters.received > 0)).toBe(true);
  });

  it('without its profile a peer has no BFD any more, and BGP goes on', async () => {
    const before = node.log().length;
    for (const kind of kinds) {
      const [own, peer, hops] = ends[kind];
      const ebgp = router.asn !== SPEAKER_AS;
      const spec = { myASN: SPEAKER_AS, peerASN: router.asn, peerAddress: peer, sourceAddress: own, peerPort: PORT };
      node.write(kind, bgpPeer(kind, { ...spec, ...(hops === 'multi' && ebgp && { ebgpMultiHop: true }) }));
    }
    await until('no session', async () => (await rows()).size === 0);
    await until('down at the router', () => routerSees(({ state }) => state !== 'up'));
    // The routers end their sessions when we say that ours is down on purpose; we do not.
    await until('BGP is up', isUp);
    expect(node.log().slice(before)).not.toContain('sent Cease/BFD Down');
    expect((await node.rows('peers')).map((row) => row.bfd)).toEqual(kinds.map(() => null));
  });
});
