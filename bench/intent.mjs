// How long deciding takes: all of 10,000 Services, and one of them. Prints milliseconds; nothing is judged.
// After `npm run build`: node bench/intent.mjs [SERVICES]
import { performance } from 'node:perf_hooks';
import { Advertisements } from '../dist/intent/advertise.js';
import { Allocator, allocationOrder } from '../dist/intent/allocate.js';
import { scopeOf } from '../dist/intent/scope.js';
import { decideService } from '../dist/intent/service.js';
import { sha256 } from '../dist/io/digest.js';
import { prefix } from '../dist/lib/prefix.js';

const count = Number(process.argv[2] ?? 10_000);

const meta = (kind, namespace, name) => ({
  kind,
  namespace,
  name,
  key: `${kind}/${namespace}/${name}`,
  labels: {},
  annotations: {},
  position: { file: 'bench.yaml', line: 1, column: 1 },
});
const advertisement = (name, more) => ({
  ...meta('BGPAdvertisement', 'metallb-system', name),
  aggregationLength: 32,
  aggregationLengthV6: 128,
  localPref: 0,
  communities: [65535 << 16, 64500 << 16].map((c) => c >>> 0).sort((a, b) => a - b),
  largeCommunities: [],
  pools: ['p'],
  nodeSelectors: [],
  peers: [],
  serviceSelectors: [],
  ...more,
});
const service = (i, sharingKey = '', port = 80) => ({
  ...meta('Service', `ns-${i % 100}`, `web-${i}`),
  type: 'LoadBalancer',
  ingress: [],
  loadBalancerClass: '',
  externalTrafficPolicy: 'Local',
  ipFamilies: [4, 6],
  ipFamilyPolicy: 'RequireDualStack',
  ports: [{ protocol: 'TCP', port }],
  selector: 'app=web',
  request: { addresses: [], sharingKey },
  communities: [],
});
const slice = (s) => ({
  ...meta('EndpointSlice', s.namespace, `${s.name}-x`),
  serviceName: s.name,
  endpoints: [0, 1, 2].map((n) => ({ addresses: ['10.244.0.5'], nodeName: `node-${n}`, ready: true })),
});
const pool = {
  ...meta('IPAddressPool', 'metallb-system', 'p'),
  addresses: ['10.0.0.0/16', '2001:db8::/64'].map((text) => ({ text, prefixes: [prefix(text)] })),
  autoAssign: true,
  avoidBuggyIps: true,
};
const services = Array.from({ length: count }, (_, i) => service(i));
const keyOf = (s) => `${s.namespace}/${s.name}`;
const slices = new Map(services.map((s) => [keyOf(s), [slice(s)]]));
const config = {
  speaker: {
    name: 'node-1',
    labels: {},
    loadBalancerClass: '',
    ignoreExcludeLabel: false,
    serviceCommunities: [],
    drain: { keepSoleLocal: true },
  },
  aliases: new Map(),
  pools: new Map([['p', pool]]),
  layer2Advertisements: [],
  advertisements: [
    advertisement('host', {}),
    advertisement('net', { aggregationLength: 20, aggregationLengthV6: 64, communities: [] }),
  ],
  nodes: new Map(),
  namespaces: new Map(),
};
const peers = Array.from({ length: 4 }, (_, i) => ({ name: `r${i}`, families: ['ipv4', 'ipv6'] }));

function timed(label, per, work) {
  const start = performance.now();
  const result = work();
  const ms = performance.now() - start;
  console.log(
    `${label.padEnd(58)} ${ms.toFixed(1).padStart(8)} ms  ${((1000 * ms) / per).toFixed(1).padStart(8)} us each`,
  );
  return result;
}

function fresh() {
  const allocator = new Allocator();
  allocator.setPools(config.pools, config.namespaces);
  return allocator;
}

for (const round of ['cold', 'warm']) {
  console.log(`${round}, ${count} dual-stack Services, 2 advertisements, ${peers.length} peers`);
  const allocator = fresh();
  const advertisements = new Advertisements(100);
  const scope = scopeOf(config, sha256);
  const assigned = timed('  allocate all', count, () =>
    allocationOrder(services, allocator).map((s) => [s, allocator.assign(s)]),
  );
  if (assigned.some(([, a]) => !a.assigned)) throw new Error('the pool is too small for the benchmark');
  const decisions = timed('  decide all', count, () =>
    assigned.map(([s, assignment]) =>
      decideService({ key: keyOf(s), service: s, slices: slices.get(keyOf(s)), scope, assignment }),
    ),
  );
  timed('  enter all contributions', count, () => {
    for (const d of decisions) advertisements.update(d.key, d.bgp.contributions);
  });
  const routes = timed(`  every route of ${peers.length} peers`, peers.length * advertisements.size, () => {
    let n = 0;
    for (const peer of peers) for (const _ of advertisements.routes(peer)) n++;
    return n;
  });
  if (routes !== peers.length * advertisements.size) throw new Error('a route is missing');
  timed('  assign all again, unchanged', count, () => {
    for (const s of services) allocator.assign(s);
  });

  // One Service loses its local endpoint and gets it back, 1,000 times: what an endpoint change costs.
  const changes = 1000;
  timed(`  one Service changes, ${changes} times`, changes, () => {
    for (let i = 0; i < changes; i++) {
      const s = services[(i * 7919) % count];
      const gone = i % 2 === 0 ? [{ ...slice(s), endpoints: [] }] : slices.get(keyOf(s));
      const d = decideService({ key: keyOf(s), service: s, slices: gone, scope, assignment: allocator.assign(s) });
      for (const p of advertisements.update(d.key, d.bgp.contributions))
        for (const peer of peers) advertisements.decide(peer, p);
    }
  });
  timed(`  release and allocate, ${changes} times`, changes, () => {
    for (let i = 0; i < changes; i++) {
      const s = services[(i * 7919) % count];
      allocator.release(keyOf(s));
      allocator.assign(s);
    }
  });
  timed('  other pools: everything entered again', count, () =>
    allocator.setPools(new Map([['p', { ...pool }]]), config.namespaces),
  );
  const sharers = Array.from({ length: count }, (_, i) => service(i, 'key', 80 + (i % 50)));
  timed('  allocate all, sharing 50 to an address', count, () => {
    const shared = fresh();
    for (const s of sharers) shared.assign(s);
    const { inUse } = shared.usage('p').ipv4;
    if (inUse !== Math.ceil(count / 50)) throw new Error(`${inUse} addresses in use`);
  });
}
