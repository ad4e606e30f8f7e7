/**
 * Whatever changes, and however far the last change has come when the next one comes: in the end all is decided as if the
 * daemon had just been started with the documents as they are, and with the addresses that Services have.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Configuration } from '../../src/config/model.ts';
import { retain } from '../../src/config/retain.ts';
import { Services } from '../../src/daemon/services.ts';
import { Shelf } from '../../src/daemon/shelf.ts';
import type { Drain } from '../../src/intent/drain.ts';
import { nodePeers } from '../../src/intent/peers.ts';
import { type PlanReceiver, plannedRoutes } from '../../src/intent/plan/part.ts';
import { formatAddress } from '../../src/lib/address.ts';
import { formatPrefix } from '../../src/lib/prefix.ts';

type Fields = Readonly<Record<string, unknown>>;
const metallb = 'metallb.io/v1beta1';
const given = <T>(name: string, value: T | undefined): Fields => (value === undefined ? {} : { [name]: value });
/** Mostly not. */
const maybe = <T>(...values: readonly T[]) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constantFrom(...values) });
const seldom = fc.nat(14).map((n) => n === 0);
const selector = (key: string, ...values: readonly string[]) =>
  maybe(...values.map((value) => [{ matchLabels: { [key]: value } }]));

/** Without what is to depend on what went before: stickiness, hold-down. */
const speaker = fc.record({
  defaultLocalPref: maybe(200),
  loadBalancerClass: seldom.map((is) => (is ? 'own' : undefined)),
  ignoreExclude: fc.boolean(),
  spread: maybe('even'),
});
/** By pool, so that none overlap. */
const ranges = [
  [['198.51.100.0/30'], ['198.51.100.0/31'], ['198.51.100.1-198.51.100.6']],
  [['203.0.113.4-203.0.113.6', '2001:db8::/126'], ['203.0.113.0/29']],
  [['2001:db8::8/125'], ['192.0.2.96/30', '2001:db8::8/126']],
] as const;
const pool = fc.record({
  addresses: fc.nat(5),
  autoAssign: maybe(false),
  avoidBuggyIPs: maybe(true),
  priority: maybe(1, 2),
  tier: maybe('a', 'b'),
});
const advertisement = fc.record({
  pools: maybe(['p0'], ['p1'], ['p0', 'p2']),
  peers: maybe(['inside'], ['outside']),
  nodes: selector('zone', 'a', 'b'),
  services: selector('app', 'web', 'dns'),
  aggregation: maybe(31, 32),
  localPref: seldom.map((is) => (is ? 300 : undefined)),
  communities: maybe(['65000:1'], ['65000:2', 'alias']),
});
const layer2 = fc.record({
  pools: maybe(['p0'], ['p1']),
  nodes: selector('zone', 'a', 'b'),
  services: selector('app', 'web'),
  interfaces: maybe(['eth0'], ['eth1']),
});
const endpoints = fc.array(fc.record({ node: fc.constantFrom('a', 'b'), state: fc.constantFrom(0, 1, 2, 2, 2) }), {
  maxLength: 3,
});
const service = fc.record({
  type: seldom.map((is) => (is ? 'ClusterIP' : 'LoadBalancer')),
  class: seldom.map((is) => (is ? 'own' : undefined)),
  policy: maybe('Local'),
  app: maybe('web', 'dns'),
  wanted: maybe('198.51.100.1', '203.0.113.5', '2001:db8::9'),
  from: maybe('p0', 'p1'),
  key: maybe('k'),
  port: fc.constantFrom(80, 81),
  ingress: maybe('198.51.100.2', '203.0.113.5', '192.0.2.99'),
  family: fc.constantFrom('SingleStack', 'PreferDualStack'),
  communities: maybe('65000:9'),
  terminating: maybe('lower'),
});
const node = fc.record({ zone: maybe('a', 'b'), excluded: seldom, unavailable: seldom });
const peer = fc.record({ asn: fc.constantFrom(64512, 64513), nodes: selector('zone', 'a') });

/** A document of each kind by the number of its file; `undefined` takes the file away. */
type Edit = readonly [file: string, document: Fields | undefined];
const kind = (name: string, count: number, arbitrary: fc.Arbitrary<(file: string) => Fields>) => ({
  edit: fc
    .tuple(fc.nat(count - 1), fc.option(arbitrary, { freq: 6, nil: undefined }))
    .map(([n, make]): Edit => [`${name}${n}`, make?.(`${name}${n}`)]),
  /** All of them. */
  start: fc
    .array(arbitrary, { minLength: count, maxLength: count })
    .map((all): Edit[] => all.map((make, n) => [`${name}${n}`, make(`${name}${n}`)])),
});

const kinds = [
  kind(
    'speaker',
    1,
    speaker.map(({ defaultLocalPref, loadBalancerClass, ignoreExclude, spread }) => () => ({
      apiVersion: 'waypost.dev/v1',
      kind: 'Speaker',
      metadata: { name: 'a' },
      spec: {
        ...given('defaultLocalPref', defaultLocalPref),
        ...given('loadBalancerClass', loadBalancerClass),
        ...(spread && { layer2: { spread } }),
        ...(ignoreExclude && { ignoreExcludeLabel: true }),
        routerID: '192.0.2.1',
      },
    })),
  ),
  kind(
    'p',
    3,
    pool.map(({ addresses, autoAssign, avoidBuggyIPs, priority, tier }) => (name) => ({
      apiVersion: metallb,
      kind: 'IPAddressPool',
      metadata: { name, labels: { tier: tier ?? 'none' } },
      spec: {
        addresses: ranges[Number(name.slice(1))]!.at(addresses % ranges[Number(name.slice(1))]!.length),
        ...given('autoAssign', autoAssign),
        ...given('avoidBuggyIPs', avoidBuggyIPs),
        ...(priority !== undefined && { serviceAllocation: { priority, namespaces: ['default'] } }),
      },
    })),
  ),
  kind(
    'adv',
    3,
    advertisement.map((a) => (name) => ({
      apiVersion: metallb,
      kind: 'BGPAdvertisement',
      metadata: { name },
      spec: {
        ...given('ipAddressPools', a.pools),
        ...given('peers', a.peers),
        ...given('nodeSelectors', a.nodes),
        ...given('serviceSelectors', a.services),
        ...(a.services === undefined && given('aggregationLength', a.aggregation)),
        ...given('localPref', a.localPref),
        ...given('communities', a.communities),
      },
    })),
  ),
  kind(
    'l2adv',
    2,
    layer2.map((a) => (name) => ({
      apiVersion: metallb,
      kind: 'L2Advertisement',
      metadata: { name },
      spec: {
        ...given('ipAddressPools', a.pools),
        ...given('nodeSelectors', a.nodes),
        ...given('serviceSelectors', a.services),
        ...given('interfaces', a.interfaces),
      },
    })),
  ),
  kind(
    'svc',
    5,
    service.map((s) => (name) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name,
        labels: { app: s.app ?? 'none' },
        annotations: {
          ...given('metallb.io/loadBalancerIPs', s.wanted),
          ...given('metallb.io/address-pool', s.from),
          ...given('metallb.io/allow-shared-ip', s.key),
          ...given('waypost.dev/communities', s.communities),
          ...given('waypost.dev/terminating', s.terminating),
        },
      },
      spec: {
        type: s.type,
        ipFamilyPolicy: s.family,
        ...given('loadBalancerClass', s.class),
        ...given('externalTrafficPolicy', s.policy),
        ports: [{ port: s.port }],
        selector: { app: 'x' },
      },
      ...(s.ingress !== undefined &&
        s.wanted === undefined && { status: { loadBalancer: { ingress: [{ ip: s.ingress }] } } }),
    })),
  ),
  kind(
    'slice',
    5,
    endpoints.map((all) => (file) => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: file, labels: { 'kubernetes.io/service-name': file.replace('slice', 'svc') } },
      addressType: 'IPv4',
      endpoints: all.map(({ node: nodeName, state }, i) => ({
        addresses: [`10.0.0.${i + 1}`],
        nodeName,
        conditions: { ready: state > 1, serving: state > 0, terminating: state === 1 },
      })),
    })),
  ),
  kind(
    'node-',
    2,
    node.map(({ zone, excluded, unavailable }) => (file) => ({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name: file === 'node-0' ? 'a' : 'b',
        labels: {
          ...given('zone', zone),
          ...(excluded && { 'node.kubernetes.io/exclude-from-external-load-balancers': '' }),
        },
      },
      status: { conditions: [{ type: 'NetworkUnavailable', status: unavailable ? 'True' : 'False' }] },
    })),
  ),
  kind(
    'peer',
    2,
    peer.map(({ asn, nodes }) => (file) => ({
      apiVersion: 'metallb.io/v1beta2',
      kind: 'BGPPeer',
      metadata: { name: file === 'peer0' ? 'inside' : 'outside' },
      spec: {
        myASN: 64512,
        peerASN: asn,
        peerAddress: file === 'peer0' ? '192.0.2.2' : '192.0.2.3',
        ...given('nodeSelectors', nodes),
      },
    })),
  ),
  kind(
    'alias',
    1,
    fc.constantFrom('65000:3', '65000:4').map((value) => () => ({
      apiVersion: metallb,
      kind: 'Community',
      metadata: { name: 'alias' },
      spec: { communities: [{ name: 'alias', value }] },
    })),
  ),
];
const edits = fc.oneof(...kinds.map(({ edit }) => edit));
const start = fc.tuple(...kinds.map((one) => one.start)).map((all) => all.flat());

type Act =
  | { readonly edit: readonly Edit[] }
  | { readonly steps: number }
  | { readonly drain: Drain | undefined }
  | { readonly silent: readonly string[] };
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ edit: fc.array(edits, { minLength: 1, maxLength: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ steps: fc.nat(4) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      drain: fc.constantFrom<Drain | undefined>(
        undefined,
        { stage: 'lowered', keepSoleLocal: true },
        { stage: 'withdrawn', keepSoleLocal: true },
        { stage: 'withdrawn', keepSoleLocal: false },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ silent: fc.constantFrom<readonly string[]>([], ['b']) }) },
);

/** The part of a daemon that decides. */
class World {
  readonly services = new Services();
  private readonly shelf = new Shelf({});
  private config: Configuration | undefined;

  async edit(changes: ReadonlyMap<string, Fields | undefined>): Promise<void> {
    const encoded = [...changes].map(
      ([file, document]) =>
        [
          `${file}.json`,
          document && { bytes: new TextEncoder().encode(JSON.stringify(document)), open: false },
        ] as const,
    );
    await this.shelf.take(new Map(encoded) as Parameters<Shelf['take']>[0]);
    this.shelf.sort();
    const { configuration } = this.shelf.assemble('a');
    if (configuration === undefined) return;
    this.config = retain(this.config, configuration);
    this.services.apply(this.config);
    this.services.originate();
  }

  settle(): void {
    for (let n = 0; this.services.step() !== undefined; n++) expect(n).toBeLessThan(10_000);
  }

  /** All that was decided. */
  get decided() {
    const { services, config } = this;
    if (config === undefined) return undefined;
    const { peers } = nodePeers(config, 1);
    const receivers = peers.map(({ settings }) => settings as PlanReceiver);
    return {
      services: [...services.decisions.values()]
        .sort((a, b) => (a.key < b.key ? -1 : 1))
        .map(({ key, ips, pool: from, allocation, bgp, layer2: l2 }) => ({
          ...{ key, ips: ips.map(formatAddress), pool: from, refused: allocation !== undefined },
          // Of several Services that are in the way the one is named that was first.
          bgp: [bgp.announced, bgp.reason, allocation === undefined && bgp.detail, bgp.notes],
          contributions: bgp.contributions.map(({ prefix }) => formatPrefix(prefix)),
          layer2: [l2.announced, l2.reason, allocation === undefined && l2.detail, l2.interfaces, l2.owner],
        })),
      routes: [...plannedRoutes(services.advertisements, receivers)].sort((a, b) =>
        `${a.peer} ${a.prefix}` < `${b.peer} ${b.prefix}` ? -1 : 1,
      ),
    };
  }
}

it('comes to the same as a start', async () => {
  const property = fc.asyncProperty(start, fc.array(act, { minLength: 1, maxLength: 25 }), async (first, acts) => {
    const world = new World();
    const files = new Map<string, Fields | undefined>(first);
    await world.edit(files);
    let drain: Drain | undefined;
    let silent: readonly string[] = [];
    for (const one of acts) {
      if ('edit' in one) {
        const changes = new Map(one.edit);
        for (const [file, document] of changes) files.set(file, document);
        await world.edit(changes);
      } else if ('steps' in one) for (let n = 0; n < one.steps; n++) world.services.step();
      else if ('drain' in one) {
        drain = one.drain;
        world.services.drain(drain);
      } else {
        silent = one.silent;
        world.services.hear(new Set(silent), false);
      }
    }
    world.settle();
    const fresh = new World();
    fresh.services.remember(world.services.allocator.snapshot());
    fresh.services.drain(drain);
    fresh.services.hear(new Set(silent), false);
    await fresh.edit(files);
    fresh.settle();
    if (fresh.decided !== undefined) expect(world.decided).toEqual(fresh.decided);
  });
  await fc.assert(property, { numRuns: 150 });
});
