// Routes for the benchmarks, the same in every run: nothing is read from outside, numbers come from a seed.
import { encodeAttributes } from '../dist/bgp/attr.js';
import { DEFAULT_CONTEXT } from '../dist/bgp/context.js';
import { writeReach } from '../dist/bgp/update.js';
import { fromU32 } from '../dist/lib/address.js';
import { Writer } from '../dist/lib/bytes.js';
import { PrefixTable } from '../dist/lib/table.js';

/** Numbers in [0, bound) from a seed (xorshift32). */
export function randomFrom(seed) {
  let x = seed | 0 || 1;
  return (bound) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % bound;
  };
}

/** Share of prefix lengths in today's IPv4 table, percent, roughly: most are /24. */
const lengths = [
  ...Array(60).fill(24),
  ...Array(12).fill(22),
  ...Array(10).fill(23),
  20,
  20,
  20,
  20,
  20,
  21,
  21,
  21,
  21,
  21,
  19,
  19,
  19,
  16,
  16,
  18,
  18,
  17,
];

/** A table of `n` different IPv4 prefixes with the lengths of the Internet's. */
export function prefixes(n, seed = 1) {
  const random = randomFrom(seed);
  const table = new PrefixTable(4);
  while (table.size < n) {
    const length = lengths[random(lengths.length)];
    const octet = 1 + random(222);
    // Routers refuse loopback addresses, and rightly so.
    if (octet === 127) continue;
    const w0 = (octet << 24) | (random(1 << 24) & (-1 << (32 - length)));
    table.insert(w0 >>> 0, 0, 0, 0, length);
  }
  return table;
}

/** Not one for documentation or private use: a receiver that has it refuses the route as a loop. */
const publicAsn = (asn) => (asn >= 64_496 && asn <= 65_551 ? asn + 2_000 : asn);

/** Attributes as transit providers send them: three to seven hops, often communities; from this neighbour, if any. */
export function attributes(random, { asn, nextHop } = {}) {
  const asns = Array.from({ length: 3 + random(5) }, () => publicAsn(1 + random(400_000)));
  if (asn !== undefined) asns[0] = asn;
  const communities = Array.from({ length: random(6) }, () => random(0xffffffff));
  return {
    origin: 'igp',
    asPath: [{ type: 'sequence', asns }],
    nextHop: { family: 4, bytes: fromU32(nextHop ?? 0xc0000200 + random(4)) },
    ...(random(3) === 0 ? { med: random(1000) } : {}),
    ...(communities.length > 0 ? { communities } : {}),
  };
}

/** The UPDATEs that carry all of `table`, `each` prefixes a message, every message with attributes of its own. */
export function updates(table, each, seed = 2, neighbour = {}) {
  const random = randomFrom(seed);
  const ids = Uint32Array.from({ length: table.size }, (_, id) => id);
  const count = Math.ceil(ids.length / each);
  const starts = new Uint32Array(count + 1);
  const w = new Writer(count * 256);
  for (let i = 0; i < count; i++) {
    const encoded = encodeAttributes(attributes(random, neighbour), 'ipv4', DEFAULT_CONTEXT);
    const to = Math.min((i + 1) * each, ids.length);
    if (writeReach(w, 'ipv4', encoded, table, ids, i * each, to, DEFAULT_CONTEXT) !== to)
      throw new Error('does not fit');
    starts[i + 1] = w.at;
  }
  return { bytes: w.finish(), starts };
}

/** Milliseconds that `work` takes. */
export function timed(work) {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** Milliseconds of processor time that `work` takes, garbage collection included: what a busy machine does not falsify. */
export function cpuTimed(work) {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
