// Learned routes in the kernel: from the first octet of the first UPDATE until the last route is in the main table, then
// until all are gone after the session ended. `ip -batch` with the same routes is how fast a process can be that does
// nothing else. Needs root. The kernel's own counter is asked, which costs each daemon the same.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatPrefix } from '../dist/lib/prefix.js';
import { prefixes, updates } from './data.mjs';
import { compare, during, LOCAL_ASN, PEER_ASN } from './measure.mjs';
import { nowMs, Place, sleep } from './place.mjs';

const SIZES = process.env.WAYPOST_BENCH_ROUTES?.split(',').map(Number) ?? [100_000, 1_000_000];
const POLL_MS = 20;
const NEXT_HOP = 0x0a630002;

/** IPv4 routes in the main table of a process' namespace. */
const routesOf = (pid) =>
  Number(/Main:\n(?:.*\n)*?\s*Prefixes:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/net/fib_triestat`, 'utf8'))?.[1] ?? 0);

async function until(done, ms) {
  const start = nowMs();
  while (!done()) {
    if (nowMs() - start > ms) throw new Error(`not within ${ms / 1000} s`);
    await sleep(POLL_MS);
  }
}

/** Megabytes that processes have had at most. */
const peakMb = (running) =>
  running.reduce(
    (n, { pid }) => n + Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024,
    0,
  );

function ipBatch(table) {
  const place = new Place(1);
  try {
    if (!place.isolated) return 'needs root, for a namespace';
    const file = join(place.folder, 'routes');
    const lines = Array.from(
      { length: table.size },
      (_, id) => `route add ${formatPrefix(table.prefix(id))} via 10.99.0.2\n`,
    );
    writeFileSync(file, lines.join(''));
    const start = nowMs();
    place.run(['ip', '-force', '-batch', file]);
    return nowMs() - start;
  } finally {
    place.close();
  }
}

export async function run() {
  const rows = [];
  for (const size of SIZES) {
    const table = prefixes(size);
    const { bytes } = updates(table, 5, 2, { asn: PEER_ASN, nextHop: NEXT_HOP });
    const patienceMs = size / 5;
    const [withdrawals, memory] = [{}, {}];
    const daemons = await compare(
      { what: 'fib', rounds: size > 100_000 ? 1 : 3, only: ['waypost', 'bird', 'frr'] },
      async (daemon, place) => {
        const file = join(place.folder, 'table');
        writeFileSync(file, bytes);
        const sink = await place.sink({ asn: PEER_ASN });
        const settings = { peers: place.peers, asn: LOCAL_ASN, peerAsn: PEER_ASN, install: true };
        return during(daemon.configure(place, settings).start(), async (running) => {
          const { pid } = running[0];
          await sink.wait((e) => e.event === 'established', 60_000);
          await sleep(2000);
          const before = routesOf(pid);
          sink.say(`send ${file}`);
          const { at: start } = await sink.wait((e) => e.event === 'sending', 5_000);
          await until(() => routesOf(pid) - before >= size, patienceMs + 60_000);
          const ms = nowMs() - start;
          memory[daemon.name] = peakMb(running);
          await sink.close();
          const ended = nowMs();
          await until(() => routesOf(pid) <= before, patienceMs + 60_000);
          withdrawals[daemon.name] = nowMs() - ended;
          return ms;
        });
      },
    );
    const name = size.toLocaleString('en');
    const row = (measure, unit, { waypost, ...others }, goal) =>
      rows.push({ measure: `${name} routes ${measure}`, unit, goal, ours: waypost, others });
    const batch = size > 100_000 ? undefined : ipBatch(table);
    row('into the kernel', 'ms', { ...daemons, ...(batch !== undefined && { 'ip -batch': batch }) }, daemons.bird);
    row('out of the kernel', 'ms', withdrawals, withdrawals.bird);
    row('in the kernel, peak memory', 'MB', memory, memory.frr);
  }
  return rows;
}
