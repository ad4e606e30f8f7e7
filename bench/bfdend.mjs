// One end of many BFD sessions: the fast worker as the daemon runs it, and a main thread that is kept busy or not.
// Takes its task as JSON on the command line; writes what happens as JSON lines; ends with its standard input.
import { HEADER_OCTETS } from '../dist/bgp/const.js';
import { DEFAULT_CONTEXT } from '../dist/bgp/context.js';
import { AttributeTable } from '../dist/bgp/intern.js';
import { Rib } from '../dist/bgp/rib.js';
import { decodeUpdate } from '../dist/bgp/update.js';
import { FastWorker } from '../dist/daemon/fast/worker.js';
import { parseAddress } from '../dist/lib/address.js';
import { prefixes, updates } from './data.mjs';

const { pairs, intervalMs, multiplier, busy, routes } = JSON.parse(process.argv[2]);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const states = new Map();
let flaps = 0;
const worker = new FastWorker({
  report(report) {
    if (report.type === 'bfdNews' && report.news.type === 'changed') {
      states.set(report.key, report.news.to);
      if (report.news.fault) flaps++;
      say({ event: 'state', up: [...states.values()].filter((state) => state === 'Up').length, flaps });
    }
    if (report.type === 'bfdWidened') say({ event: 'widened', ...report });
    if (report.type === 'bfdRows') say({ event: 'late', flaps, ...report.late });
    if (report.type === 'ready') say({ event: 'ready', realtime: report.realtime });
  },
  failed(error) {
    say({ event: 'failed', message: error.message });
    process.exit(1);
  },
});
worker.watch(
  pairs.map(([source, peer]) => ({
    ...{ key: peer, hops: 'single', peer: parseAddress(peer), source: parseAddress(source), interface: '', vrf: '' },
    settings: {
      ...{ receiveIntervalMs: intervalMs, transmitIntervalMs: intervalMs, detectMultiplier: multiplier },
      ...{ passive: false, minimumTtl: 254 },
    },
  })),
);

let tables = 0;
if (busy) {
  const messages = updates(prefixes(routes), 5);
  // A full table, without a turn of the event loop in between; then the next.
  const parse = () => {
    const rib = new Rib(new AttributeTable());
    const { bytes, starts } = messages;
    for (let i = 0; i < starts.length - 1; i++) {
      const update = decodeUpdate(bytes, starts[i] + HEADER_OCTETS, starts[i + 1], DEFAULT_CONTEXT, rib.attributes);
      rib.apply(0, update);
    }
    tables++;
    setImmediate(parse);
  };
  parse();
}

process.stdin.resume();
process.stdin.on('end', async () => {
  await worker.stop();
  say({ event: 'end', tables, flaps });
  process.exit(0);
});
