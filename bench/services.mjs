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
    const { loadMs, loadStallMs, changeMs, changeStallMs } = await measure(layout);
    rows.push(
      { measure: `10,000 Services, ${name}: exec to all on the wire`, unit: 'ms', ours: loadMs },
      { measure: `10,000 Services, ${name}: longest stall while loading`, unit: 'ms', ours: loadStallMs },
      { measure: `10,000 Services, ${name}: rename to the wire`, unit: 'ms', goal: 50, ours: changeMs },
      { measure: `10,000 Services, ${name}: longest stall of a change`, unit: 'ms', ours: changeStallMs },
    );
    process.stderr.write(`  services ${name}: ${JSON.stringify({ loadMs, loadStallMs, changeMs, changeStallMs })}\n`);
  }
  return rows;
}

async function measure(layout) {
  const place = new Place(1);
  try {
    const sink = await place.sink({ asn: PEER_ASN, expect: SERVICES });
    const instance = waypost.configure(place, { peers: place.peers, asn: LOCAL_ASN, peerAsn: PEER_ASN });
    mkdirSync(instance.folder, { recursive: true });
    for (const [file, text] of layout.all()) writeFileSync(join(instance.folder, file), text);
    const start = nowMs();
    return await during(
      instance.start(['--import', STALL], { stdio: ['ignore', 'pipe', 'inherit'] }),
      async ([child]) => {
        const stall = stallOf(child);
        const loadMs = (await sink.wait((e) => e.event === 'reached', 120_000)).at - start;
        const loadStallMs = await stall();
        await sleep(1000);
        sink.say('trace');
        await stall();
        const times = [];
        for (let n = 0; n < CHANGES; n++) {
          const [file, text] = layout.changed(n);
          const path = join(instance.folder, file);
          writeFileSync(`${path}.new`, text);
          await sleep(100);
          const from = sink.events.length;
          const before = nowMs();
          renameSync(`${path}.new`, path);
          const wanted = `${movedTo(n)}/32`;
          const seen = await sink.wait((e) => e.event === 'prefix' && e.prefix === wanted, 10_000, from);
          times.push(seen.at - before);
          await sleep(100);
        }
        return { loadMs, loadStallMs, changeMs: median(times), changeStallMs: await stall() };
      },
    );
  } finally {
    place.close();
  }
}

/** Asks for the longest stall since it was asked last. */
function stallOf(child) {
  let answer = () => {};
  createInterface({ input: child.stdout }).on('line', (line) => answer(JSON.parse(line).longestMs));
  return () =>
    new Promise((resolve) => {
      answer = resolve;
      child.kill('SIGUSR2');
    });
}
