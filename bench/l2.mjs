// Layer 2: how fast ARP requests and neighbour solicitations are answered, beside two others that answer to the same prober
// over the same link. The kernel answers for an address of its own within the prober's system call, so it is a floor and no
// goal. A few lines of C (peers/responder.c; needs `cc`) are woken up as our thread is and do nothing else, so they are the
// floor for every process on this machine; they run at the same time, and are asked in turn with ours. The goals are what
// MetalLB's responder took on this kind of machine (p50 54 to 65 µs).
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { median, show } from './measure.mjs';
import { end, Place, sleep } from './place.mjs';

const support = (name) => fileURLToPath(new URL(`../test/support/${name}`, import.meta.url));
const exec = promisify(execFile);

const VIPS = { arp: '10.99.0.200', ndp: '2001:db8:99::c8' };
const PLAIN = { arp: '10.99.0.201', ndp: '2001:db8:99::c9' };
const KERNEL = { arp: '10.99.0.1', ndp: '2001:db8:99::1' };
const ROUNDS = 3;
const REQUESTS = 3000;
const INTERVAL_US = 1000;
const RATES = [20_000, 50_000, 100_000, 150_000, 200_000];
const FLOOD_SECONDS = 2;
/** The burst of announcements, and the first thousand answers, which are not compiled yet. */
const SETTLE_MS = 6_000;
const MANY = 10_000;
const BURST_SECONDS = 12;
const LATE_TIMES = 5;
/** Requests so seldom that nothing of whoever answers is in a cache, and that they make the engine compile nothing. */
const SELDOM = 40;
const SELDOM_US = 50_000;
const SELDOM_STARTS = 3;

export async function run() {
  const place = new Place(1);
  try {
    if (!place.isolated) throw new Error('needs root, for namespaces');
    await exec('ip', ['-n', place.near, 'addr', 'add', `${KERNEL.ndp}/64`, 'dev', 'd0', 'nodad']);
    await exec('ip', ['-n', place.far, 'addr', 'add', '2001:db8:99::2/64', 'dev', 'p0', 'nodad']);
    const idle = await withWorker(place, false, async () => {
      const plain = await plainResponder(place);
      const arp = await inTurn(place, { ours: VIPS.arp, plain: plain && PLAIN.arp }, 'arp');
      const ndp = await inTurn(place, { ours: VIPS.ndp, plain: plain && PLAIN.ndp }, 'ndp');
      if (plain) await end(plain);
      return {
        arp: arp.ours,
        ndp: ndp.ours,
        plain: { arp: arp.plain, ndp: ndp.plain },
        rate: await lossless(place, VIPS.arp),
      };
    });
    const same = await placed(place, 0);
    const other = availableParallelism() > 1 ? await placed(place, 1) : undefined;
    const seldom = await seldomAsked(place);
    const busy = await withWorker(place, true, () => latency(place, VIPS.arp, 'waypost arp, main busy'));
    const many = await manyAddresses(place);
    const late = await lateInterface(place);
    const kernel = {
      arp: await latency(place, KERNEL.arp, 'kernel arp'),
      ndp: await latency(place, KERNEL.ndp, 'kernel ndp'),
      rate: await lossless(place, KERNEL.arp),
    };
    const row = (measure, ours, kernel, goal, unit = 'µs', plain = undefined) => ({
      measure,
      unit,
      goal,
      ours,
      others: { kernel, ...(plain !== undefined && { 'C responder': plain }) },
    });
    return [
      row('ARP request answered, p50', idle.arp.p50Us, kernel.arp.p50Us, 65, 'µs', idle.plain.arp?.p50Us),
      row('ARP request answered, p99', idle.arp.p99Us, kernel.arp.p99Us, 1000, 'µs', idle.plain.arp?.p99Us),
      row('the same with the main thread 100 % busy, p50', busy.p50Us, undefined, 2 * idle.arp.p50Us),
      row('the same with the main thread 100 % busy, p99', busy.p99Us, undefined, 2 * idle.arp.p99Us),
      row(
        'ARP request answered, both on one processor, p50',
        same.ours.p50Us,
        kernel.arp.p50Us,
        65,
        'µs',
        same.plain?.p50Us,
      ),
      ...(other
        ? [
            row(
              'ARP request answered, each on one, p50',
              other.ours.p50Us,
              undefined,
              undefined,
              'µs',
              other.plain?.p50Us,
            ),
          ]
        : []),
      row(
        `the first ${SELDOM} ARP requests after a start, 50 ms apart, on one processor, p50`,
        ...[seldom.ours, undefined, undefined, 'µs', seldom.plain],
      ),
      row('neighbour solicitation answered, p50', idle.ndp.p50Us, kernel.ndp.p50Us, 65, 'µs', idle.plain.ndp?.p50Us),
      row('neighbour solicitation answered, p99', idle.ndp.p99Us, kernel.ndp.p99Us, 1000, 'µs', idle.plain.ndp?.p99Us),
      { ...row('ARP requests answered without loss', idle.rate, kernel.rate, 50_000, '1/s'), more: true },
      row('10,000 addresses taken over, first frame of the burst to the last', many.spanMs, undefined, undefined, 'ms'),
      row('the same, most frames that the prober took within 10 ms', many.peakPer10Ms, undefined, undefined, 'frames'),
      row(
        'the same, packets of the interface that are no ARP, or were lost',
        many.unheard,
        undefined,
        undefined,
        'packets',
      ),
      row('the same, processor time of the whole burst', many.cpuMs, undefined, undefined, 'ms'),
      row('the same, memory of the process more than with two', many.moreMb, undefined, undefined, 'MB'),
      row('an interface comes up: first announcement there', late, undefined, 100, 'ms'),
    ];
  } finally {
    place.close();
  }
}

/**
 * Who asks is on processor 0, who answers on this one. Which one it is decides more than who it is: the asker's runs already,
 * and another has halted and must be woken up.
 */
function placed(place, cpu) {
  return withWorker(
    place,
    false,
    async () => {
      const plain = await plainResponder(place, cpu);
      const arp = await inTurn(place, { ours: VIPS.arp, plain: plain && PLAIN.arp }, `arp, 0 asks ${cpu}`, 0);
      if (plain) await end(plain);
      return arp;
    },
    { cpu },
  );
}

/** How long the first requests take, when caches hold what others did since; the median of some starts. */
async function seldomAsked(place) {
  const ask = (target) => proberOn(place, 'p0', 0, 'paced', target, SELDOM, SELDOM_US, KERNEL.arp);
  const [ours, plain] = [[], []];
  for (let i = 0; i < SELDOM_STARTS; i++) {
    ours.push(await withWorker(place, false, () => ask(VIPS.arp), { cpu: 0, asked: false }));
    const other = await plainResponder(place, 0);
    if (other === undefined) continue;
    plain.push(await ask(PLAIN.arp));
    await end(other);
  }
  return {
    ours: medianOf(ours, 'waypost arp, seldom').p50Us,
    ...(plain.length > 0 && { plain: medianOf(plain, 'plain arp, seldom').p50Us }),
  };
}

/**
 * Runs the fast worker with both addresses announced, its main thread idle or in an endless loop.
 * @param cpu all of it on this processor; anywhere when absent
 * @param asked it has answered thousands before
 */
async function withWorker(place, busy, work, { cpu, asked = true } = {}) {
  const child = place.spawn([...on(cpu), 'node', support('fast.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const lines = createInterface({ input: child.stdout });
    const told = (type) =>
      new Promise((resolve) => {
        const listen = (line) => {
          const report = JSON.parse(line);
          if (report.type !== type) return;
          lines.off('line', listen);
          resolve(report);
        };
        lines.on('line', listen);
      });
    const applied = told('applied');
    const say = (order) => child.stdin.write(`${JSON.stringify(order)}\n`);
    say({ addresses: Object.values(VIPS).map((ip) => ({ ip })) });
    await applied;
    await sleep(SETTLE_MS);
    for (const target of asked ? Object.values(VIPS) : []) await prober(place, 'paced', target, 2000, INTERVAL_US);
    if (busy) say({ busy: true });
    const memoryMb = async () => {
      const answer = told('memory');
      say({ memory: true });
      return (await answer).residentMb;
    };
    // utime and stime, in hundredths of a second.
    const cpuMs = () => {
      const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ');
      return 10 * (Number(fields[11]) + Number(fields[12]));
    };
    return await work({ say, memoryMb, cpuMs });
  } finally {
    await end(child);
  }
}

/** Ten thousand addresses at once: how their announcements are spread, and what they cost. */
async function manyAddresses(place) {
  const addresses = Array.from({ length: MANY }, (_, i) => ({
    ip: `10.${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`,
  }));
  return withWorker(place, false, async ({ say, memoryMb, cpuMs }) => {
    const before = { memory: await memoryMb(), cpu: cpuMs() };
    const round = prober(place, 'listen', BURST_SECONDS);
    await sleep(700); // until it listens
    const sentBefore = await framesSent(place);
    say({ addresses });
    const { frames, spanMs, peakPer10Ms } = await round;
    // Rounds that would begin after the end of the burst are not sent: with so many addresses the last one is not whole.
    const sent = (await framesSent(place)) - sentBefore;
    const after = { memory: await memoryMb(), cpu: cpuMs() };
    process.stderr.write(`  l2 ${MANY} addresses: ${sent} frames sent, ${frames} heard, in ${show(spanMs)} ms\n`);
    return {
      spanMs,
      peakPer10Ms,
      unheard: Math.max(0, sent - frames),
      cpuMs: after.cpu - before.cpu,
      moreMb: after.memory - before.memory,
    };
  });
}

async function framesSent(place) {
  const { stdout } = await exec('ip', ['-n', place.near, '-s', '-j', 'link', 'show', 'd0']);
  return JSON.parse(stdout)[0].stats64.tx.packets;
}

/** From before the command that brings an interface up to the first announcement on it, median. */
async function lateInterface(place) {
  const ip = (...args) => exec('ip', args);
  return withWorker(place, false, async () => {
    const times = [];
    for (let i = 0; i < LATE_TIMES; i++) {
      await ip('-n', place.near, 'link', 'add', 'd1', 'type', 'veth', 'peer', 'name', 'p1', 'netns', place.far);
      await ip('-n', place.far, 'link', 'set', 'p1', 'up');
      const heard = proberOn(place, 'p1', undefined, 'listen', 3);
      await sleep(1000); // until it listens
      const startMs = Number(process.hrtime.bigint()) / 1e6;
      await ip('-n', place.near, 'link', 'set', 'd1', 'up');
      const { frames, firstMs } = await heard;
      if (frames === 0) throw new Error('nothing was announced on the late interface');
      times.push(firstMs - startMs);
      await ip('-n', place.near, 'link', 'del', 'd1');
    }
    return median(times);
  });
}

/**
 * Runs under SCHED_FIFO, below the worker: a prober that loses its processor measures that. On a quiet machine it may run
 * as an ordinary process of high priority instead, as the one did that MetalLB was measured with: the kernel need not
 * move it to another processor then when the worker takes its own.
 */
const PRIORITY = process.env.WAYPOST_BENCH_PROBER === 'nice' ? ['nice', '-n', '-15'] : ['chrt', '-f', '5'];
const prober = (place, ...args) => proberOn(place, 'p0', undefined, ...args);

/** On this processor alone; anywhere when absent. */
const on = (cpu) => (cpu === undefined ? [] : ['taskset', '-c', String(cpu)]);

async function proberOn(place, device, cpu, ...args) {
  const asker = [...on(cpu), ...PRIORITY, 'node', support('prober.mjs'), device, ...args.map(String)];
  const argv = ['netns', 'exec', place.far, ...asker];
  return JSON.parse((await exec('ip', argv)).stdout);
}

/** Starts the responder in C beside the worker; undefined where there is no compiler. */
async function plainResponder(place, cpu) {
  const program = `${place.folder}/responder`;
  try {
    await exec('cc', ['-O2', '-o', program, fileURLToPath(new URL('peers/responder.c', import.meta.url))]);
  } catch {
    process.stderr.write('  l2: no C compiler, so no responder in C to compare with\n');
    return undefined;
  }
  const child = place.spawn([...on(cpu), program, 'd0', PLAIN.arp, PLAIN.ndp], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

/** Rounds of each by turns, so that all have the same share of what else the machine does. */
async function inTurn(place, targets, protocol, cpu) {
  const rounds = Object.entries(targets).flatMap(([who, target]) => (target ? [{ who, target, rounds: [] }] : []));
  for (let i = 0; i < ROUNDS; i++)
    for (const one of rounds)
      one.rounds.push(await proberOn(place, 'p0', cpu, 'paced', one.target, REQUESTS, INTERVAL_US));
  return Object.fromEntries(rounds.map((one) => [one.who, medianOf(one.rounds, `${one.who} ${protocol}`)]));
}

async function latency(place, target, what) {
  const rounds = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push(await prober(place, 'paced', target, REQUESTS, INTERVAL_US));
  return medianOf(rounds, what);
}

function medianOf(rounds, what) {
  const [p50Us, p99Us] = ['p50Us', 'p99Us'].map((key) => median(rounds.map((round) => round[key])));
  process.stderr.write(`  l2 ${what}: p50 ${show(p50Us)} µs, p99 ${show(p99Us)} µs\n`);
  return { p50Us, p99Us };
}

/** The highest of the rates at which every request is answered; requests a second that were really sent. */
async function lossless(place, target) {
  let best = 0;
  for (const rate of RATES) {
    const { answered, sent, sentPerSec } = await prober(place, 'flood', target, rate, FLOOD_SECONDS);
    process.stderr.write(
      `  l2 ${target} ${rate}/s: ${sentPerSec}/s sent, ${sent - answered} of ${sent} not answered\n`,
    );
    if (answered < sent) break;
    best = Math.max(best, sentPerSec);
  }
  return best;
}
