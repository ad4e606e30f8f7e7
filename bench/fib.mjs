// Learned routes in the kernel: from the first octet of the first UPDATE until the last route is in the main table, then
// until all are gone after the session ended; with processor time, peak memory and, of ours, the longest stall of the main
// thread. Beside the routers, `ip -batch`, and what the kernel takes for messages that are ready (batched.mjs). Needs root.
// Some of the routes are looked for, the last one first (watch.mjs), and the kernel's own counter, which walks its table,
// says then whether all are there: to ask it again and again would take a fifth of what is measured.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { formatPrefix } from '../dist/lib/prefix.js';
import { prefixes, updates } from './data.mjs';
import { compare, during, LOCAL_ASN, median, PEER_ASN } from './measure.mjs';
import * as waypost from './peers/waypost.mjs';
import { nowMs, Place, Sink, sleep } from './place.mjs';

const SIZES = process.env.WAYPOST_BENCH_ROUTES?.split(',').map(Number) ?? [100_000, 1_000_000];
const POLL_MS = 20;
/** Routes that are looked for. */
const SAMPLES = 16;
const NEXT_HOP = 0x0a630002;
const STALL = fileURLToPath(new URL('stall.mjs', import.meta.url));
const WATCH = fileURLToPath(new URL('watch.mjs', import.meta.url));
const BATCHED = fileURLToPath(new URL('batched.mjs', import.meta.url));
const HZ = 100;
/** Rounds in which ours is watched for stalls. */
const WATCHED_ROUNDS = 3;
/** How long a daemon may take, ms: one that takes longer is told in the table, and the next has its turn. */
const patienceMs = (size) => 20_000 + size / 10;

/** IPv4 routes in the main table of a process' namespace. */
const routesOf = (pid) =>
  Number(/Main:\n(?:.*\n)*?\s*Prefixes:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/net/fib_triestat`, 'utf8'))?.[1] ?? 0);

/** Waits until a number of routes is as wanted; looking at it takes a fifth of the time at most. */
async function until(pid, what, wanted, ms) {
  const start = nowMs();
  for (;;) {
    const before = nowMs();
    const now = routesOf(pid);
    if (wanted(now)) return;
    if (before - start > ms) throw new Error(`${now.toLocaleString('en')} routes ${what} after ${ms / 1000} s`);
    await sleep(Math.max(POLL_MS, 4 * (nowMs() - before)));
  }
}

/** Watches a table: when all samples have come or gone, and the counter agrees, nowMs. */
class Watch {
  #table;
  #child;
  #sink;

  constructor(place, table) {
    this.#table = table;
    this.#child = place.spawn([process.execPath, WATCH], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#sink = new Sink(this.#child);
  }

  async seen(there, pid, what, wanted, ms) {
    const { size } = this.#table;
    const ids = Array.from({ length: SAMPLES }, (_, i) => size - 1 - Math.floor((i * size) / SAMPLES));
    const from = this.#sink.events.length;
    const job = { prefixes: ids.map((id) => formatPrefix(this.#table.prefix(id))), there };
    this.#child.stdin.write(`${JSON.stringify(job)}\n`);
    const { at } = await this.#sink
      .wait((e) => e.event === 'seen', ms, from)
      .catch(() =>
        Promise.reject(new Error(`${routesOf(pid).toLocaleString('en')} routes ${what} after ${ms / 1000} s`)),
      );
    if (wanted(routesOf(pid))) return at;
    await until(pid, what, wanted, ms);
    return nowMs();
  }
}

const sumOf = (running, one) => running.reduce((n, { pid }) => n + one(pid), 0);

/** Megabytes that processes have had at most. */
const peakMb = (running) =>
  sumOf(running, (pid) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);

/** Processor time that processes have had, seconds; the kernel's work for them is in it. */
const cpuSec = (running) =>
  sumOf(running, (pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / HZ;
  });

/** Asks stall.mjs in a daemon for its longest stall since it was asked last, by the clock and in processor time, ms. */
function stallOf(child) {
  let answer = () => {};
  createInterface({ input: child.stdout }).on('line', (line) => answer(JSON.parse(line)));
  return () =>
    new Promise((resolve) => {
      answer = resolve;
      child.kill('SIGUSR2');
    });
}

function inPlace(work) {
  const place = new Place(1);
  try {
    return place.isolated ? work(place) : 'needs root, for a namespace';
  } finally {
    place.close();
  }
}

const ipBatch = (table) =>
  inPlace((place) => {
    const file = join(place.folder, 'routes');
    const lines = Array.from(
      { length: table.size },
      (_, id) => `route add ${formatPrefix(table.prefix(id))} via 10.99.0.2\n`,
    );
    writeFileSync(file, lines.join(''));
    const start = nowMs();
    place.run(['ip', '-force', '-batch', file]);
    return nowMs() - start;
  });

/** What the kernel alone takes, as it is just then; undefined when that fails. */
function batched(place, size) {
  const text = place.isolated ? place.run([process.execPath, BATCHED, String(size), '10.99.0.2', 'd0']) : '';
  return text === '' ? undefined : JSON.parse(text);
}

/** One daemon, once: what is measured goes into `measured`. `watched`: ours, and its stalls, which takes time itself. */
async function round(daemon, place, { bytes, table }, measured, watched = false) {
  const { size } = table;
  const file = join(place.folder, 'table');
  writeFileSync(file, bytes);
  const sink = await place.sink({ asn: PEER_ASN });
  const settings = { peers: place.peers, asn: LOCAL_ASN, peerAsn: PEER_ASN, install: true };
  const watch = new Watch(place, table);
  const configured = daemon.configure(place, settings);
  const started = watched
    ? configured.start(['--import', STALL], { stdio: ['pipe', 'pipe', 'ignore'] })
    : configured.start();
  return during(started, async (running) => {
    const { pid } = running[0];
    const stall = watched ? stallOf(running[0]) : undefined;
    await sink.wait((e) => e.event === 'established', 60_000);
    await sleep(3000);
    const before = routesOf(pid);
    await stall?.();
    const idleSec = cpuSec(running);
    sink.say(`send ${file}`);
    const { at: start } = await sink.wait((e) => e.event === 'sending', 5_000);
    const all = await watch.seen(true, pid, 'in', (n) => n - before >= size, patienceMs(size));
    const ms = all - start;
    measured.cpu = cpuSec(running) - idleSec;
    measured.peak = peakMb(running);
    const stalls = stall ? [await stall()] : [];
    await sink.close();
    const ended = nowMs();
    const none = await watch.seen(false, pid, 'left', (n) => n <= before, patienceMs(size));
    measured.out = none - ended;
    if (stall) {
      stalls.push(await stall());
      measured.stall = Math.max(...stalls.map(({ longestMs }) => longestMs));
      measured.turn = Math.max(...stalls.map(({ turnMs }) => turnMs));
    }
    return ms;
  });
}

export async function run() {
  const rows = [];
  for (const size of SIZES) {
    const table = prefixes(size);
    const { bytes } = updates(table, 5, 2, { asn: PEER_ASN, nextHop: NEXT_HOP });
    const measured = {};
    const kernel = [];
    const daemons = await compare(
      { what: 'fib', rounds: size > 100_000 ? 1 : 3, only: ['waypost', 'bird', 'frr'] },
      (daemon, place) => {
        measured[daemon.name] = {};
        // Before each round, since the machine is not the same in every minute.
        kernel.push(batched(place, size));
        return round(daemon, place, { bytes, table }, measured[daemon.name]);
      },
    );
    const stalls = [];
    for (let i = 0; i < WATCHED_ROUNDS; i++) {
      const place = new Place(1);
      try {
        if (!place.isolated) break;
        const watched = {};
        await round(waypost, place, { bytes, table }, watched, true);
        stalls.push(watched);
      } finally {
        place.close();
      }
    }
    const name = size.toLocaleString('en');
    const row = (measure, unit, { waypost: ours, ...others }, goal) =>
      rows.push({ measure: `${name} routes ${measure}`, unit, goal, ours, others });
    const each = (what) =>
      Object.fromEntries(
        Object.entries(measured).flatMap(([daemon, m]) => (m[what] === undefined ? [] : [[daemon, m[what]]])),
      );
    const runs = kernel.filter((run) => run !== undefined);
    process.stderr.write(`  fib batched netlink alone: ${runs.map(({ addMs }) => Math.round(addMs)).join(', ')}\n`);
    const addMs = runs.length === 0 ? undefined : median(runs.map((run) => run.addMs));
    const deleteMs = runs.length === 0 ? undefined : median(runs.map((run) => run.deleteMs));
    const alone = { 'batched netlink alone': addMs ?? 'failed' };
    const ip = size > 100_000 ? {} : { 'ip -batch': ipBatch(table) };
    row('into the kernel', 'ms', { ...daemons, ...alone, ...ip }, addMs && 1.5 * addMs);
    const out = each('out');
    row('out of the kernel', 'ms', { ...out, 'batched netlink alone': deleteMs ?? 'failed' }, out.bird);
    row('into the kernel, processor time', 's', each('cpu'), each('cpu').bird);
    row('in the kernel, peak memory', 'MB', each('peak'), each('peak').frr);
    const stall = (what, one) => {
      const ours = stalls.length === 0 ? 'needs root, for a namespace' : median(stalls.map(one));
      row(`in and out, longest stall of the main thread${what}`, 'ms', { waypost: ours }, 50);
    };
    stall('', (watched) => watched.stall);
    stall(', processor time', (watched) => watched.turn);
  }
  return rows;
}
