// How long 10,000 Services take to load, and how long the longest slice of that holds everybody else up:
// in one file, in a file each, as one List (parsed in a worker thread), reloaded after an edit, and put together.
// Run after `npm run build`: node bench/config.mjs [COUNT]
import { Worker } from 'node:worker_threads';
import { assemble, assembleSorted } from '../dist/config/assemble.js';
import { Loader } from '../dist/config/load.js';
import { Sorter } from '../dist/config/sorter.js';

const count = Number(process.argv[2] ?? 10_000);

const service = (i) => `apiVersion: v1
kind: Service
metadata:
  name: svc-${i}
  namespace: default
  labels: {app: web-${i}}
  annotations:
    metallb.io/address-pool: pool
spec:
  type: LoadBalancer
  externalTrafficPolicy: Cluster
  ipFamilies: [IPv4]
  ipFamilyPolicy: SingleStack
  ports:
  - name: http
    port: 80
    protocol: TCP
    targetPort: 8080
  selector:
    app: web-${i}
status:
  loadBalancer:
    ingress:
    - ip: 10.${i >> 16}.${(i >> 8) & 255}.${i & 255}
`;
const texts = Array.from({ length: count }, (_, i) => service(i));
const encode = (text) => new TextEncoder().encode(text);
const pool = encode(`apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: pool}
spec: {addresses: [10.0.0.0/8]}
`);

/** What the daemon does: chunks that are too big go to a worker, and come back in batches. */
const worker = new Worker(
  `const { parentPort } = require('node:worker_threads');
   import(${JSON.stringify(new URL('../dist/config/parse.js', import.meta.url).href)}).then(({ batches, parseChunk }) =>
     parentPort.on('message', (text) => {
       for (const batch of batches(parseChunk(text))) parentPort.postMessage(batch);
       parentPort.postMessage(null);
     }));`,
  { eval: true },
);
worker.unref();
async function* parseFar(text) {
  const queue = [];
  let wake = () => {};
  const receive = (batch) => {
    queue.push(batch);
    wake();
  };
  worker.on('message', receive);
  worker.postMessage(text);
  for (;;) {
    if (queue.length === 0)
      await pauses.wait(
        new Promise((resolve) => {
          wake = resolve;
        }),
      );
    const batch = queue.shift();
    if (batch === null) break;
    if (batch !== undefined) yield batch;
  }
  worker.off('message', receive);
}

/** The measurement that runs now. */
const pauses = { wait: (promise) => promise };

/** Time and longest slice of `work`, cut at its pauses. */
async function measure(name, work) {
  let longest = 0;
  let slices = 0;
  const start = performance.now();
  let sliceStart = start;
  const end = () => {
    longest = Math.max(longest, performance.now() - sliceStart);
    slices++;
  };
  // Waiting, for a turn or for the worker, holds nobody up.
  pauses.wait = async (promise) => {
    end();
    await promise;
    sliceStart = performance.now();
  };
  const result = await work();
  end();
  const total = performance.now() - start;
  console.log(`${name}: ${total.toFixed(0)} ms, ${slices} slices, longest ${longest.toFixed(1)} ms`);
  return result;
}

const loader = () => new Loader({ pause: () => pauses.wait(new Promise(setImmediate)), parseFar });

const whole = encode(texts.join('---\n'));
const edited = encode(`# edited\n${texts.join('---\n').replace('port: 80\n', 'port: 81\n')}`);

const one = loader();
const file = await measure(`${count} Services in one file`, async () => {
  return one.load('one.yaml', whole);
});
await measure('the same again', async () => {
  return one.load('one.yaml', whole);
});
await measure('one line changed at the top', async () => {
  return one.load('one.yaml', edited);
});

const each = loader();
const files = await measure(`${count} files`, async () => {
  const loaded = [];
  for (const [i, text] of texts.entries()) loaded.push(await each.load(`${i}.yaml`, encode(text)));
  return loaded;
});

const item = (text) => `- ${text.trimEnd().replaceAll('\n', '\n  ')}\n`;
const list = `apiVersion: v1\nkind: List\nitems:\n${texts.map(item).join('')}`;
const bytes = encode(list);
await measure(`a List of ${count}, ${list.length} bytes`, async () => {
  return loader().load('list.yaml', bytes);
});

const poolFile = await one.load('pool.yaml', pool);
for (const [name, input] of [
  ['from one file', [poolFile, file]],
  [`from ${count} files`, [poolFile, ...files]],
]) {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 10; i++) {
    const start = performance.now();
    const { configuration } = assemble(input, { hostname: 'bench' });
    best = Math.min(best, performance.now() - start);
    if (configuration?.services.size !== count) throw new Error('the configuration is not what was loaded');
    if (i === 0) console.log(`assemble ${name}: ${best.toFixed(1)} ms at first`);
  }
  console.log(`assemble ${name}: ${best.toFixed(1)} ms at best of 10`);
}

const sorter = new Sorter();
let best = Number.POSITIVE_INFINITY;
for (let port = 100; port < 110; port++) {
  const text = texts.join('---\n').replace('port: 80\n', `port: ${port}\n`);
  const next = await one.load('one.yaml', encode(text));
  const start = performance.now();
  const { configuration } = assembleSorted(sorter.sort([poolFile, next]), { hostname: 'bench' });
  // The first is sorted as a whole.
  if (port > 100) best = Math.min(best, performance.now() - start);
  if (configuration?.services.size !== count) throw new Error('the configuration is not what was loaded');
}
console.log(`assemble after an edit: ${best.toFixed(1)} ms at best of 9`);
