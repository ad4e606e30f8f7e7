/**
 * The fast worker as a process of its own, for tests and benchmarks in namespaces: snapshots as JSON lines on standard
 * input, what it reports as JSON lines on standard output. The interfaces are those that rtnetlink tells of; whenever one
 * changes, the snapshot is posted again.
 *
 * A line: {"addresses": [{"ip": "192.0.2.1", "interfaces": "all", "epoch": 0}], "rules": {…}}, or {"busy": true} to keep
 * the main thread busy without a pause, {"memory": true} to be told the memory in use, or {"exit": true} for process.exit.
 */
import { createInterface } from 'node:readline';
import { portsOf } from '../../dist/daemon/fast/ports.js';
import { FastWorker } from '../../dist/daemon/fast/worker.js';
import { EventSocket, RequestSocket } from '../../dist/io/netlink.js';
import { DEFAULT_SCHEDULE } from '../../dist/l2/schedule.js';
import { parseAddress } from '../../dist/lib/address.js';
import { Client } from '../../dist/netlink/client.js';
import { Group } from '../../dist/netlink/const.js';
import { Monitor } from '../../dist/netlink/monitor.js';

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const worker = new FastWorker({
  report: say,
  failed(error) {
    say({ type: 'failed', message: error.message });
    process.exit(1);
  },
});

const client = new Client(new RequestSocket());
let wanted;
let number = 0;

function post() {
  if (wanted === undefined) return;
  const { ports, macs } = portsOf(client.dump('link', {}), []);
  worker.apply({
    number: ++number,
    ports,
    macs,
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
    renewals: 0,
  });
}

const events = new EventSocket({
  groups: [Group.link],
  readable() {
    let changed = false;
    for (let some = monitor.read(); some !== undefined; some = monitor.read()) changed ||= some.length > 0;
    if (changed) post();
  },
});
const monitor = new Monitor(events);

async function stop() {
  events.close();
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
