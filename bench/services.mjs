// 10,000 Services under `run`: how long they take to load, how long that holds the sessions up, and how soon a change
// is on the wire, with all Services in one file of YAML and with a file each.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { during, LOCAL_ASN, median, PEER_ASN } from './measure.mjs';
import * as waypost from './peers/waypost.mjs';
import { nowMs, Place, sleep } from './place.mjs';

const SERVICES = 10_000;
const CHANGES = 15;
const STALL = fileURLToPath(new URL('stall.mjs', import.meta.url));

/** As kubectl prints a Service, shortened. */
const yaml = (i, ip) => `apiVersion: v1
kind: Service
metadata:
  name: svc-${i}
  namespace: default
  labels: {app: web-${i}}
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
    - ip: ${ip}
`;
const addressOf = (i) => `30.0.${i >> 8}.${i & 255}`;
const movedTo = (n) => `30.1.0.${n}`;

const layouts = {
  'one file': {
    all: () => [['services.yaml', Array.from({ length: SERVICES }, (_, i) => yaml(i, addressOf(i))).join('---\n')]],
    changed: (n) => {
      const texts = Array.from({ length: SERVICES }, (_, i) => yaml(i, i === 5000 ? movedTo(n) : addressOf(i)));
      return ['services.yaml', texts.join('---\n')];
    },
  },
  'a file each': {
    all: () => Array.from({ length: SERVICES }, (_, i) => [`svc-${i}.yaml`, yaml(i, addressOf(i))]),
    changed: (n) => ['svc-5000.yaml', yaml(5000, movedTo(n))],
  },
};

export async function run() {
  const rows = [];
  for (const [name, layout] of Object.entries(layouts)) {
    const row = (measure, value, goal) =>
      rows.push({ measure: `10,000 Services, ${name}: ${measure}`, unit: 'ms', ...(goal && { goal }), ours: value });
    const started = await startedWith(layout);
    row('exec to all on the wire', started.loadMs);
    const { loadMs, loading, changeMs, changing } = await added(layout);
    row('added under a session, to all on the wire', loadMs);
    row('longest stall of that', loading.longestMs, 50);
    row('longest stall of that, processor time', loading.turnMs, 50);
    row('rename to the wire', changeMs, 50);
    row('longest stall of a change', changing.longestMs, 50);
    row('longest stall of a change, processor time', changing.turnMs, 50);
    process.stderr.write(`  services ${name}: ${JSON.stringify({ started, loadMs, loading, changeMs, changing })}\n`);
  }
  return rows;
}

/** All Services are there when the daemon starts. */
const startedWith = (layout) =>
  withDaemon(async ({ instance, sink, start }) => {
    for (const [file, text] of layout.all()) writeFileSync(join(instance.folder, file), text);
    const from = nowMs();
    return during(start(), async () => ({
      loadMs: (await sink.wait((e) => e.event === 'reached', 120_000)).at - from,
    }));
  });

/** They come while a session is up, which must not notice; then one changes a few times. */
const added = (layout) =>
  withDaemon(async ({ place, instance, sink, start }) =>
    during(start(), async ([child]) => {
      const stall = stallOf(child);
      await sink.wait((e) => e.event === 'established', 60_000);
      await sleep(1000);
      const files = layout.all().map(([file, text]) => {
        const path = join(place.folder, file);
        writeFileSync(path, text);
        return [path, join(instance.folder, file)];
      });
      await stall();
      const from = nowMs();
      for (const [path, to] of files) renameSync(path, to);
      const loadMs = (await sink.wait((e) => e.event === 'reached', 120_000)).at - from;
      const loading = await stall();
      await sleep(1000);
      sink.say('trace');
      await stall();
      const times = [];
      for (let n = 0; n < CHANGES; n++) times.push(await change(layout, n, instance, sink));
      return { loadMs, loading, changeMs: median(times), changing: await stall() };
    }),
  );

async function change(layout, n, { folder }, sink) {
  const [file, text] = layout.changed(n);
  const path = join(folder, file);
  writeFileSync(`${path}.new`, text);
  await sleep(100);
  const from = sink.events.length;
  const before = nowMs();
  renameSync(`${path}.new`, path);
  const wanted = `${movedTo(n)}/32`;
  const seen = await sink.wait((e) => e.event === 'prefix' && e.prefix === wanted, 10_000, from);
  await sleep(100);
  return seen.at - before;
}

async function withDaemon(work) {
  const place = new Place(1);
  try {
    const sink = await place.sink({ asn: PEER_ASN, expect: SERVICES });
    const instance = waypost.configure(place, { peers: place.peers, asn: LOCAL_ASN, peerAsn: PEER_ASN });
    mkdirSync(instance.folder, { recursive: true });
    const start = () => instance.start(['--import', STALL], { stdio: ['ignore', 'pipe', 'inherit'] });
    return await work({ place, instance, sink, start });
  } finally {
    place.close();
  }
}

/** Asks for the longest stall since it was asked last, as stall.mjs has it. */
function stallOf(child) {
  let answer = () => {};
  createInterface({ input: child.stdout }).on('line', (line) => answer(JSON.parse(line)));
  return () =>
    new Promise((resolve) => {
      answer = resolve;
      child.kill('SIGUSR2');
    });
}
