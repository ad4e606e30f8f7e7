/**
 * A node is taken out of use (RFC 8326): by command, by label, and before the program ends. What routers hold meanwhile,
 * and on the wire the order in which an internal and an external peer are told.
 */
import { afterAll, describe, expect, test } from 'vitest';
import { capture } from '../support/capture.ts';
import { waitFor } from '../support/process.ts';
import { drivers } from './drivers/all.ts';
import { announcement, bgpPeer, Node } from './node.ts';
import { routerAt, star } from './star.ts';

const port = 1790;
const open: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all(open.map((o) => o.close())));

const gracefulShutdown = '65535:0';
/** Time enough to see what routers hold meanwhile, on a busy machine too. */
const wait = '3s';
const prefixes = ['198.51.100.0/24', '198.51.101.7/32'];

/** waypost in AS 65001 between FRR in its own AS and BIRD in another. */
async function lab(label: string, drain: Readonly<Record<string, unknown>>) {
  const s = await star(label, ['frr', 'bird']);
  open.push(s);
  const { frr, bird } = s.spokes;
  const routers = {
    frr: drivers.frr(routerAt(frr, [], { localAs: 65001, routerId: '192.0.2.3' })),
    bird: drivers.bird(routerAt(bird)),
  };
  const node = new Node(s.middle);
  const speaker = (labels = {}, more = {}) => node.speaker({ drain: { ...drain, ...more } }, labels);
  speaker();
  node.write(
    'peers',
    bgpPeer('frr', { myASN: 65001, peerASN: 65001, peerAddress: frr.far.ipv4 }),
    bgpPeer('bird', { myASN: 65001, peerASN: 65002, peerAddress: bird.far.ipv4 }),
  );
  for (const [i, prefix] of prefixes.entries())
    node.write(`route${i}`, ...announcement(prefix, { localPref: 150, communities: ['65001:1'] }));
  const log = () => `${node.log()}\nfrr:\n${routers.frr.log()}\nbird:\n${routers.bird.log()}`;
  /** Preference and communities of each route at each router. */
  const seen = async () => {
    const [internal, external] = await Promise.all([routers.frr.received(), routers.bird.received()]);
    return {
      frr: internal.map((r) => [r.prefix, r.localPref, ...r.communities]),
      bird: external.map((r) => [r.prefix, ...r.communities]),
    };
  };
  const holds = async (what: string, state: Awaited<ReturnType<typeof seen>>) =>
    waitFor(what, async () => JSON.stringify(await seen()) === JSON.stringify(state), { log, everyMs: 30 }).catch(
      async (error) => {
        expect(await seen(), (error as Error).message).toEqual(state);
      },
    );
  await Promise.all([routers.frr.start(), routers.bird.start(), node.start()]);
  return { ...s, node, routers, speaker, holds, log };
}

const normal = {
  frr: prefixes.map((p) => [p, 150, '65001:1']),
  bird: prefixes.map((p) => [p, '65001:1']),
};
const lowered = {
  frr: prefixes.map((p) => [p, 0, '65001:1', gracefulShutdown]),
  bird: prefixes.map((p) => [p, '65001:1', gracefulShutdown]),
};
const none = { frr: [], bird: [] };

describe.concurrent('draining', () => {
  test('by command, and back; and a node that has the label stays drained', async () => {
    const { node, speaker, holds, log } = await lab('drain', { wait });
    await holds('all is well', normal);
    const drained = node.command('drain');
    await holds('a last choice', lowered);
    expect(await drained).toEqual({ code: 0, stdout: 'drained: every route is withdrawn\n', stderr: '' });
    await holds('withdrawn', none);
    expect(await node.command('drain')).toMatchObject({ code: 0 });
    expect(await node.command('undrain')).toEqual({ code: 0, stdout: 'back in use\n', stderr: '' });
    await holds('back', normal);

    speaker({}, { wait: '60s' });
    expect(await node.command('reload')).toMatchObject({ code: 0 });
    const calledOff = node.command('drain');
    await holds('a last choice again', lowered);
    expect(await node.command('undrain')).toMatchObject({ code: 0 });
    expect(await calledOff).toMatchObject({ code: 1, stderr: expect.stringMatching('called off') });
    await holds('never withdrawn', normal);
    speaker();
    expect(await node.command('reload')).toMatchObject({ code: 0 });

    speaker({ 'waypost.dev/drain': '' });
    await holds('a last choice by label', lowered);
    await holds('withdrawn by label', none);
    expect(await node.command('undrain')).toMatchObject({ code: 1, stderr: expect.stringMatching('label') });
    expect([node.sessions('frr'), node.sessions('bird')]).toEqual([1, 1]);
    expect(await node.end()).toBe(0);
    await node.start();
    await waitFor('sessions', () => node.established('frr', 'bird'), { log });
    await holds('nothing from a start with the label', none);
    // An End-of-RIB each, and nothing before it.
    expect((await node.rows('peers')).map((p) => p.messages.sent.update)).toEqual([1, 1]);
    speaker();
    await holds('back without the label', normal);
    expect(await node.end('SIGTERM', 10_000), log()).toBe(0);
  });

  test('before the program ends: lowered, withdrawn, and a Cease that says why', async () => {
    const { node, routers, middle, spokes, holds, log } = await lab('end', { wait, message: 'new kernel' });
    const packets = {
      frr: await capture(middle, spokes.frr.device, port),
      bird: await capture(middle, spokes.bird.device, port),
    };
    await holds('all is well', normal);
    const ended = node.end('SIGTERM', 20_000);
    await holds('a last choice', lowered);
    expect(await ended, log()).toBe(0);
    await holds('gone', none);
    for (const [name, lowest] of [
      ['frr', ['0']],
      ['bird', []],
    ] as const) {
      const from = `ip.src == ${spokes[name].near.ipv4} && bgp.type`;
      const time = async (filter: string) =>
        (await packets[name].fields(filter, ['frame.time_relative'])).map(([t]) => Number(t));
      const communities = ['frame.number', 'bgp.update.path_attribute.local_pref'];
      const marked = `${from} == 2 && bgp.update.path_attribute.community_wellknown == 0xffff0000`;
      const last = await packets[name].fields(marked, communities);
      expect(new Set(last.flatMap(([, preference]) => preference)), name).toEqual(new Set(lowest));
      const [first] = await time(marked);
      const [withdrawn] = await time(`${from} == 2 && bgp.update.withdrawn_routes.length > 0`);
      const [cease] = await time(`${from} == 3`);
      expect(withdrawn! - first!, name).toBeGreaterThan(2.9);
      expect(cease!, name).toBeGreaterThanOrEqual(withdrawn!);
      const words = ['bgp.notify.major_error', 'bgp.notify.minor_error_cease', 'bgp.notify.communication'];
      expect(await packets[name].fields(`${from} == 3`, words)).toEqual([[['6'], ['2'], ['new kernel']]]);
    }
    await Promise.all([routers.frr.stop(), routers.bird.stop()]);
  });

  test('keeps what nobody else could serve, but not beyond its end', async () => {
    const { node, routers, holds, log } = await lab('sole', { wait: '0s', terminating: 'lower' });
    await holds('all is well', normal);
    const [sole] = prefixes as [string];
    const annotations = { 'waypost.dev/bandwidth-per-endpoint': '100' };
    node.write(
      'route0',
      ...announcement(sole, { localPref: 150, communities: ['65001:1'] }, { externalTrafficPolicy: 'Local' }).map(
        (d) => (d.kind === 'BGPAdvertisement' ? { ...d, metadata: { ...(d.metadata as object), annotations } } : d),
      ),
    );
    const name = 'p-198-51-100-0-24';
    /** Nodes with an endpoint each; after a `-` with one that terminates. */
    const slice = (...nodes: readonly string[]) =>
      node.write('slice', {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
        addressType: 'IPv4',
        endpoints: nodes.map((nodeName, i) => ({
          addresses: [`10.9.0.${i + 1}`],
          nodeName: nodeName.replace(/^-/, ''),
          conditions: { ready: !nodeName.startsWith('-'), serving: true, terminating: nodeName.startsWith('-') },
        })),
        ports: [],
      });
    /** What FRR makes of the link bandwidth, octets a second. */
    const bandwidth = (octets: number) =>
      waitFor(
        `${octets} octets a second`,
        async () => (await routers.frr.received())[0]?.extendedCommunities?.includes(`LB:65001:${octets} `) === true,
        { log },
      );
    slice('node-a', 'node-a', 'node-b');
    await bandwidth(25_000_000);
    slice('node-a');
    await bandwidth(12_500_000);
    slice('-node-a', 'node-b');
    await holds('its traffic moves to the ready one', {
      frr: [lowered.frr[0]!, normal.frr[1]!],
      bird: [lowered.bird[0]!, normal.bird[1]!],
    });
    expect((await node.command('show', 'services')).stdout).toMatch(/announced \(endpointsTerminating\) +198/);
    slice('-node-a', '-node-b');
    await holds('nobody is better', normal);
    slice('node-a');
    const kept = { frr: [normal.frr[0]!], bird: [normal.bird[0]!] };
    expect(await node.command('reload')).toMatchObject({ code: 0 });
    expect(await node.command('drain')).toMatchObject({ code: 0 });
    await holds('only the sole one', kept);
    // Another node can serve it now.
    slice('node-a', 'node-b');
    await holds('nothing', none);
    slice('node-a');
    await holds('the sole one again', kept);
    expect(await node.end('SIGTERM', 10_000), log()).toBe(0);
    await holds('nothing at the end', none);
  });
});
