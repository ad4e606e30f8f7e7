// What it costs to choose the node of each address by hash, and evenly (layer2.spread): at the start, when one Service comes
// or goes, and when a node does; how many addresses move each time; how long the longest turn takes, and the memory. Prints
// milliseconds; nothing is judged. After `npm run build`: node --expose-gc bench/spread.mjs [ADDRESSES] [NODES]
import { performance } from 'node:perf_hooks';
import { assemble } from '../dist/config/assemble.js';
import { Loader } from '../dist/config/load.js';
import { Services } from '../dist/daemon/services.js';
import { median } from './measure.mjs';

const count = Number(process.argv[2] ?? 10_000);
const nodes = Array.from({ length: Number(process.argv[3] ?? 10) }, (_, i) => `node-${i}`);
const ROUNDS = 20;

const document = (apiVersion, kind, name, spec, more) => ({ apiVersion, kind, metadata: { name }, spec, ...more });
const service = (i) =>
  document(
    'v1',
    'Service',
    `s${i}`,
    { type: 'LoadBalancer', ports: [{ port: 80 }] },
    {
      status: { loadBalancer: { ingress: [{ ip: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` }] } },
    },
  );
const items = (spread) => [
  document('waypost.dev/v1', 'Speaker', nodes[0], { layer2: { spread }, membership: { nodes } }),
  document('metallb.io/v1beta1', 'IPAddressPool', 'lab', { addresses: ['10.0.0.0/8'] }),
  document('metallb.io/v1beta1', 'L2Advertisement', 'l2', {}),
  ...Array.from({ length: count + ROUNDS }, (_, i) => service(i)),
];

async function configOf(spread) {
  const bytes = new TextEncoder().encode(
    items(spread)
      .map((one) => JSON.stringify(one))
      .join('\n---\n'),
  );
  const file = await new Loader().load('all.yaml', bytes);
  const { configuration, diagnostics } = assemble([file], { node: nodes[0], hostname: nodes[0] });
  if (configuration === undefined) throw new Error(JSON.stringify(diagnostics[0]));
  return configuration;
}

/** Works off what there is to do, as the engine does. */
function work(services) {
  const begun = performance.now();
  let [decided, longest] = [0, 0];
  for (let more = true; more; ) {
    const turn = performance.now();
    more = services.prepare();
    if (!more && services.step() !== undefined) {
      decided++;
      more = true;
    }
    longest = Math.max(longest, performance.now() - turn);
  }
  return { ms: performance.now() - begun, decided, longest };
}
const print = (what, { ms, decided, longest }) =>
  console.log(`  ${what}: ${ms.toFixed(1)} ms, ${decided} decided, longest step ${longest.toFixed(1)} ms`);

async function measure(spread) {
  console.log(`${spread}, ${count} addresses, ${nodes.length} nodes`);
  const whole = await configOf(spread);
  const all = [...whole.services];
  const first = (n) => ({ ...whole, services: new Map(all.slice(0, n)) });
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const services = new Services();
  services.apply(first(count));
  print('start', work(services));
  globalThis.gc?.();
  if (globalThis.gc) console.log(`  memory: ${((process.memoryUsage().heapUsed - before) / 1e6).toFixed(1)} MB`);
  const each = [];
  for (let n = 1; n <= ROUNDS; n++) {
    services.apply(first(count + n));
    each.push(work(services));
  }
  const middle = (field) => median(each.map((one) => one[field]));
  print('one more (median)', { ms: middle('ms'), decided: middle('decided'), longest: middle('longest') });
  for (const [what, silent] of [
    ['a node goes', [nodes.at(-1)]],
    ['it is back', []],
  ]) {
    services.hear(new Set(silent), false);
    print(what, work(services));
  }
}

for (const spread of ['hash', 'even']) await measure(spread);
