// An address on layer 2 whose node dies: from SIGKILL until the other node tells the link that it has it. Two of a kind at
// the ends of a veth pair, ours with BFD between them, keepalived with VRRP, both with a packet every 50 ms of which three may
// be lost. tcpdump beside the one that is left takes the time. Needs root, and tcpdump.
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { median, show } from './measure.mjs';
import { program } from './peers/waypost.mjs';
import { which } from './peers/which.mjs';
import { end, nowMs, Place, sleep } from './place.mjs';

const RUNS = Number(process.env.WAYPOST_BENCH_RUNS ?? 20);
const INTERVAL_MS = 50;
const READY_MS = 30_000;
const LOST_MS = 10_000;
const [LEFT, LOST] = ['10.99.0.1', '10.99.0.2'];
const digest = (node, ip) => createHash('sha256').update(`${node}#${ip}`).digest('hex');
/** One whose first candidate is the node that is to die. */
const ADDRESS = Array.from({ length: 100 }, (_, i) => `10.99.0.${100 + i}`).find(
  (ip) => digest('lost', ip) < digest('left', ip),
);

const documents = (folder, name) => [
  [
    'waypost.dev/v1',
    'Speaker',
    name,
    {
      membership: { type: 'bfd', bfdProfile: 'bench', addresses: { left: LEFT, lost: LOST } },
      stateDir: join(folder, name),
    },
  ],
  ['metallb.io/v1beta1', 'BFDProfile', 'bench', { transmitInterval: INTERVAL_MS, receiveInterval: INTERVAL_MS }],
  ['metallb.io/v1beta1', 'IPAddressPool', 'bench', { addresses: [`${ADDRESS}/32`] }],
  ['metallb.io/v1beta1', 'L2Advertisement', 'bench', {}],
  ['v1', 'Service', 'web', { type: 'LoadBalancer', ports: [{ port: 80 }] }],
];

const waypost = {
  name: 'waypost',
  argv(place, name) {
    const file = join(place.folder, `${name}.json`);
    const items = documents(place.folder, name).map(([apiVersion, kind, of, spec]) => ({
      apiVersion,
      kind,
      metadata: { name: of },
      spec,
    }));
    writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    const control = ['--control', join(place.folder, `${name}.sock`), '--http', 'off'];
    return [process.execPath, program, 'run', '-c', file, '--node', name, ...control];
  },
  /** Both hear each other, and the one that is to die has the address. */
  ready(place) {
    const get = (name, what) => {
      const text = place.run([
        'curl',
        '-s',
        '--unix-socket',
        join(place.folder, `${name}.sock`),
        `http://-/show/${what}`,
      ]);
      return text === '' ? [] : JSON.parse(text);
    };
    const up = (name) => get(name, 'bfd').some((row) => row.state === 'Up' && row.txIntervalMs === INTERVAL_MS);
    return up('left') && up('lost') && get('lost', 'l2').some((row) => row.announced);
  },
};

const keepalived = {
  name: 'keepalived',
  argv(place, name) {
    const at = (ending) => join(place.folder, `${name}.${ending}`);
    // Those of one that was killed keep the next from starting.
    for (const file of ['pid', 'vrrp']) rmSync(at(file), { force: true });
    const [device, priority] = name === 'left' ? ['d0', 253] : ['p0', 254];
    writeFileSync(
      at('conf'),
      `global_defs {
  vrrp_version 3
}
vrrp_instance bench {
  state BACKUP
  interface ${device}
  virtual_router_id 7
  priority ${priority}
  advert_int ${INTERVAL_MS / 1000}
  virtual_ipaddress {
    ${ADDRESS}/32 dev ${device}
  }
}
`,
    );
    return [which('keepalived'), '-n', '-P', '-f', at('conf'), '-p', at('pid'), '-r', at('vrrp')];
  },
  /** The process that speaks VRRP is a child, which says goodbye when its parent dies. */
  kill: (place) => process.kill(Number(readFileSync(join(place.folder, 'lost.vrrp'), 'utf8')), 'SIGKILL'),
  ready: (place) =>
    place.runFar(['ip', 'address']).includes(ADDRESS) && !place.run(['ip', 'address']).includes(ADDRESS),
};

export async function run() {
  const results = {};
  for (const kind of [waypost, keepalived]) {
    const { name } = kind;
    results[name] = name === 'keepalived' && !which(name) ? 'not installed' : await times(kind);
    process.stderr.write(`  takeover ${name}: ${JSON.stringify(results[name])}\n`);
  }
  const { waypost: ours, ...others } = results;
  const of = (which) => Object.fromEntries(Object.entries(others).map(([name, r]) => [name, r[which] ?? r]));
  const what = `an address taken over from a node that died, 3 × ${INTERVAL_MS} ms`;
  return [
    { measure: `${what}, p50`, unit: 'ms', goal: 4 * INTERVAL_MS, ours: ours.p50 ?? ours, others: of('p50') },
    { measure: `${what}, max`, unit: 'ms', ours: ours.max ?? ours, others: of('max') },
  ];
}

async function times(kind) {
  const place = new Place(1);
  if (!place.isolated) return 'needs root, for namespaces';
  try {
    const seen = watch(place);
    place.spawn(kind.argv(place, 'left'));
    const all = [];
    for (let i = 0; i < RUNS; i++) {
      const lost = place.spawnFar(kind.argv(place, 'lost'));
      await until('ready', () => kind.ready(place), READY_MS, 200);
      // Behind the announcements of the start, at any point between two packets.
      await sleep(6_000 + 100 * Math.random());
      const at = Date.now();
      kind.kill?.(place);
      lost.kill('SIGKILL');
      await until('taken over', () => seen.some((ms) => ms > at + 1), LOST_MS, 5);
      all.push(seen.find((ms) => ms > at + 1) - at);
      await end(lost);
      if (kind === keepalived) place.runFar(['ip', 'address', 'flush', 'dev', 'p0', 'to', `${ADDRESS}/32`]);
    }
    return { p50: median(all), max: Math.max(...all) };
  } catch (error) {
    return `failed: ${error.message}`;
  } finally {
    place.close();
  }
}

/** When somebody told the link that it has the address, ms. */
function watch(place) {
  const seen = [];
  const argv = ['tcpdump', '-l', '-n', '-tt', '-i', 'd0', '--immediate-mode', 'arp'];
  const child = place.spawn(argv, { stdio: ['ignore', 'pipe', 'ignore'] });
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.includes(`Reply ${ADDRESS} is-at`) || line.includes(`tell ${ADDRESS},`))
      seen.push(1000 * Number.parseFloat(line));
  });
  return seen;
}

async function until(what, done, ms, pollMs) {
  const start = nowMs();
  while (!done()) {
    if (nowMs() - start > ms) throw new Error(`${what}: not within ${show(ms / 1000)} s`);
    await sleep(pollMs);
  }
}
