// BFD: from a link that is cut without a word until the kernel has none of the ten routes any more that were learned over
// it. The link runs through a bridge: the port to the far end goes down, and the daemon's own interface stays up. BIRD is
// the far end of each daemon. Daemons run side by side, each with a link of its own, and are cut in turn, so that all
// meet the same load. `ip -ts monitor` at both ends gives the times, by one clock. Needs root, and BIRD.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { LOCAL_ASN, median, networks, PEER_ASN, show } from './measure.mjs';
import { daemons } from './peers/all.mjs';
import { bfdProtocol } from './peers/bird.mjs';
import { which } from './peers/which.mjs';
import { end, nowMs, Place, sleep } from './place.mjs';

const RUNS = Number(process.env.WAYPOST_BENCH_RUNS ?? 20);
const SETTINGS = [
  { intervalMs: 50, multiplier: 3 },
  { intervalMs: 10, multiplier: 3 },
];
const ROUTES = 10;
const READY_MS = 60_000;
const LOST_MS = 10_000;
const ATTEMPTS = 3;
/** BIRD's goal is missed only by more than this, ms. */
const MARGIN_MS = 5;

export async function run() {
  if (!which('bird')) throw new Error('needs BIRD for the far end');
  const rows = [];
  for (const bfd of SETTINGS) {
    const { waypost, ...others } = await cuts(bfd);
    const { bird } = others;
    const name = `${bfd.multiplier} × ${bfd.intervalMs} ms, cut to the last route's end`;
    const of = (which) => Object.fromEntries(Object.entries(others).map(([key, r]) => [key, r[which] ?? r]));
    rows.push({
      measure: `${name}, p50`,
      unit: 'ms',
      goal: bird?.p50 + MARGIN_MS,
      ours: waypost.p50 ?? waypost,
      others: of('p50'),
    });
    rows.push({ measure: `${name}, max`, unit: 'ms', ours: waypost.max ?? waypost, others: of('max') });
  }
  return rows;
}

/** By daemon: the median and the longest of all runs, or a text that says why there is none. */
async function cuts(bfd) {
  const results = {};
  const links = [];
  try {
    for (const daemon of daemons.filter(({ name }) => ['waypost', 'bird', 'frr'].includes(name))) {
      if (daemon.find()) links.push(new Link(daemon, bfd));
      else results[daemon.name] = 'not installed';
    }
    await Promise.all(links.map((link) => link.start()));
    // The first cut runs code for the first time; a daemon that lives for months has that behind it.
    for (let i = -1; i < RUNS; i++) for (const link of links) await link.cut(i >= 0);
    for (const { daemon, times, failure } of links) {
      const [p50, max] = [median(times), Math.max(...times)];
      results[daemon.name] = failure ?? { p50, max };
      const text = failure ?? `p50 ${show(p50)}, max ${show(max)}`;
      process.stderr.write(`  bfd ${bfd.intervalMs} ms ${daemon.name}: ${text}\n`);
    }
    return results;
  } finally {
    for (const link of links) await link.close();
  }
}

/** A daemon, a link through a bridge, and BIRD at its other end. */
class Link {
  times = [];
  /** Why there are no more. */
  failure;
  /** What the monitors wrote. */
  #gone = [];
  #cutAt;
  #running = [];

  constructor(daemon, bfd) {
    this.daemon = daemon;
    this.bfd = bfd;
    this.place = new Place(1, daemon.name);
    if (!this.place.isolated) throw new Error('needs root, for namespaces');
  }

  async start() {
    const { place, daemon, bfd } = this;
    // d0 ─ p0 ─ bridge ─ s0 ─ f0, all but the first in one namespace: the bridge has no address there.
    this.ip = place.spawnFar([...first, 'ip', '-batch', '-'], { stdio: ['pipe', 'ignore', 'inherit'] });
    this.#say(
      'address flush dev p0',
      'link add br0 type bridge',
      'link set p0 master br0',
      'link add s0 type veth peer name f0',
      'link set s0 master br0',
      `address add ${place.peers[0]}/24 dev f0`,
      ...['br0', 's0', 'f0'].map((name) => `link set ${name} up`),
    );
    this.#monitor(
      (argv) => place.spawn(argv, piped),
      'route',
      (at, text) => {
        if (/^Deleted 20\./.test(text)) this.#gone.push(at);
      },
    );
    this.#monitor(
      (argv) => place.spawnFar(argv, piped),
      'link',
      (at, text) => {
        if (/^\d+: s0@\S+ <(?!.*[<,]UP[,>])/.test(text)) this.#cutAt ??= at;
      },
    );
    this.#running.push(place.spawnFar([...first, ...this.#farEnd()]));
    const settings = { peers: place.peers, asn: LOCAL_ASN, peerAsn: PEER_ASN, install: true, bfd };
    this.#running.push(...(await daemon.configure(place, settings).start()));
  }

  #say(...lines) {
    this.ip.stdin.write(`${lines.join('\n')}\n`);
  }

  /** Lines of `ip -ts monitor`: `[2026-01-31T12:00:00.123456] …`. */
  #monitor(spawn, what, take) {
    const child = spawn([...first, 'ip', '-ts', 'monitor', what]);
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [, sec, micros, text] = /^\[(\S+)\.(\d{6})\] (.*)/.exec(line) ?? [];
      if (text !== undefined) take(Date.parse(sec) + Number(micros) / 1000, text);
    });
  }

  #farEnd() {
    const { place, bfd } = this;
    const at = (file) => join(place.folder, file);
    this.control = at('far.ctl');
    writeFileSync(
      at('far.conf'),
      `log stderr { error, fatal, bug };
router id ${place.peers[0]};
protocol device {}
${bfdProtocol(bfd)}
protocol static { ipv4;\n${networks(ROUTES)
        .map((prefix) => `route ${prefix} blackhole;`)
        .join('\n')}\n}
protocol bgp { local ${place.peers[0]} port ${place.port} as ${PEER_ASN}; neighbor ${place.local} as ${LOCAL_ASN};
  bfd on; passive on; error wait time 1, 2; hold time 90; ipv4 { import none; export all; next hop self; }; }
`,
    );
    return [which('bird'), '-f', '-c', at('far.conf'), '-s', this.control, '-P', at('far.pid')];
  }

  /** All routes are in the kernel, and the far end sends as often as it is to. */
  #isReady() {
    const { place, control, bfd } = this;
    const sessions = place.run(['birdc', '-s', control, 'show', 'bfd', 'sessions']);
    const up = new RegExp(`Up\\s.*\\s${(bfd.intervalMs / 1000).toFixed(3)}\\s+\\S+$`, 'm');
    return up.test(sessions) && place.run(['ip', 'route']).match(/^20\./gm)?.length === ROUTES;
  }

  async cut(counts) {
    if (this.failure !== undefined) return;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++)
      try {
        const ms = await this.#cut();
        if (counts) this.times.push(ms);
        return;
      } catch (error) {
        // The session went down by itself just before.
        if (attempt === ATTEMPTS - 1) this.failure = `failed: ${error.message}`;
      }
  }

  async #cut() {
    // On a busy machine a session may be lost by itself in between.
    do {
      await until('all is up', () => this.#isReady(), READY_MS, 100);
      // At any point between two packets.
      await sleep(300 + 100 * Math.random());
    } while (!this.#isReady());
    this.#gone = [];
    this.#cutAt = undefined;
    this.#say('link set s0 down');
    const gone = () => this.#gone.filter((at) => at >= this.#cutAt);
    try {
      await until('routes gone', () => gone().length >= ROUTES, LOST_MS, 5);
    } finally {
      this.#say('link set s0 up');
    }
    return Math.max(...gone()) - this.#cutAt;
  }

  async close() {
    for (const child of this.#running.reverse()) await end(child);
    this.place.close();
  }
}

/** What takes times, and the far end, must not wait for those whose times are taken. */
const first = which('chrt') ? ['chrt', '-f', '60'] : [];
const piped = { stdio: ['ignore', 'pipe', 'inherit'] };

async function until(what, done, ms, pollMs) {
  const start = nowMs();
  while (!done()) {
    if (nowMs() - start > ms) throw new Error(`${what}: not within ${ms / 1000} s`);
    await sleep(pollMs);
  }
}
