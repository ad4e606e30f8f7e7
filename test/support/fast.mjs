/**
 * The fast worker as a process of its own, for tests and benchmarks in namespaces: snapshots as JSON lines on standard
 * input, what it reports as JSON lines on standard output. Interfaces are named in the snapshot; what the kernel says
 * about them is asked of `ip` whenever one of them changes, and the snapshot is posted again.
 *
 * A line: {"addresses": [{"ip": "192.0.2.1", "interfaces": "all", "epoch": 0}], "rules": {…}}, or {"busy": true} to keep
 * the main thread busy without a pause, {"memory": true} to be told the memory in use, or {"exit": true} for process.exit.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { FastWorker } from '../../dist/daemon/fast/worker.js';
import { portOf } from '../../dist/l2/link.js';
import { DEFAULT_SCHEDULE } from '../../dist/l2/schedule.js';
import { parseAddress } from '../../dist/lib/address.js';
import { parseMac } from '../../dist/lib/mac.js';

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const worker = new FastWorker({
  report: say,
  failed(error) {
    say({ type: 'failed', message: error.message });
    process.exit(1);
  },
});

let wanted;
let number = 0;

/** Interfaces as rtnetlink describes them. */
function links() {
  const list = JSON.parse(execFileSync('ip', ['-j', '-d', 'link', 'show'], { encoding: 'utf8' }));
  const kind = new Map(list.map((link) => [link.ifname, link.linkinfo?.info_kind]));
  return list.map((link) => ({
    index: link.ifindex,
    name: link.ifname,
    ...(link.link_type === 'ether' && { mac: parseMac(link.address) }),
    up: link.flags.includes('UP'),
    running: link.flags.includes('LOWER_UP'),
    broadcast: link.flags.includes('BROADCAST'),
    multicast: link.flags.includes('MULTICAST'),
    noArp: link.flags.includes('NOARP'),
    loopback: link.flags.includes('LOOPBACK'),
    ...(link.master && { masterKind: kind.get(link.master) ?? 'unknown' }),
  }));
}

function post() {
  if (wanted === undefined) return;
  const all = links();
  worker.apply({
    number: ++number,
    ports: all.map((link) => portOf(link, [])).filter((port) => typeof port !== 'string'),
    macs: all.flatMap((link) => link.mac ?? []),
    addresses: wanted.addresses.map(({ ip, interfaces = 'all', epoch = 0 }) => ({
      ip: parseAddress(ip),
      interfaces,
      epoch,
    })),
    rules: {
      schedule: { ...DEFAULT_SCHEDULE, ...wanted.rules?.schedule },
      conflict: wanted.rules?.conflict ?? 'defend',
      reception: wanted.rules?.reception ?? 'normal',
    },
  });
}

const monitor = spawn('ip', ['-o', 'monitor', 'link'], { stdio: ['ignore', 'pipe', 'inherit'] });
createInterface({ input: monitor.stdout }).on('line', post);

async function stop() {
  monitor.kill();
  await worker.stop();
  say({ type: 'stopped' });
  process.exit(0);
}
process.on('SIGTERM', stop);

function busy() {
  // Not one turn of the event loop: what is posted meanwhile waits, and so does what is read.
  const until = Date.now() + 200;
  let sum = 0;
  while (Date.now() < until) for (let i = 0; i < 1e5; i++) sum += Math.sqrt(i);
  setImmediate(busy, sum);
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const order = JSON.parse(line);
  if (order.busy) return busy();
  if (order.exit) process.exit(0);
  if (order.memory) return say({ type: 'memory', residentMb: process.memoryUsage.rss() / 2 ** 20 });
  wanted = order;
  post();
});
