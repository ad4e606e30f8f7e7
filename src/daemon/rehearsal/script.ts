/**
 * What a made-up peer sends: a table that comes, comes anew, and is withdrawn. What has run in one way only is compiled
 * for that, and thrown away when another comes along, which would be just when it matters.
 */
import { encodeAttributes } from '../../bgp/attr.ts';
import { DEFAULT_CONTEXT } from '../../bgp/context.ts';
import type { PathAttributes } from '../../bgp/path.ts';
import { writeReach, writeUnreach } from '../../bgp/update.ts';
import { address } from '../../lib/address.ts';
import { Writer } from '../../lib/bytes.ts';
import { PrefixTable } from '../../lib/table.ts';

/** Prefixes; those of an UPDATE; those of a step, which is to take milliseconds from the first on. */
const PREFIXES = 6_000;
const UPDATE_PREFIXES = 5;
const STEP_PREFIXES = 100;
const STEP_OCTETS = 1 << 14;
/** Numbers above 2^31 are others to the engine than those below. */
const FIRST_PREFIXES = [0x0b00_0000, 0xcb00_0000] as const;
const LENGTHS = [21, 22, 23, 24, 24, 24, 24, 32] as const;

export const NEXT_HOP = address('11.255.255.254');
export const PEER_ASN = 64_513;
const CONTEXT = { ...DEFAULT_CONTEXT, families: ['ipv4'] } as const;

export class Script {
  private readonly prefixes = new PrefixTable(4);
  private readonly writer = new Writer(STEP_OCTETS);

  constructor() {
    for (let i = 0; i < PREFIXES; i++) {
      const length = LENGTHS[i % LENGTHS.length]!;
      this.prefixes.insert((FIRST_PREFIXES[i & 1]! + (i << 11)) >>> 0, 0, 0, 0, length);
    }
  }

  /** UPDATEs, step by step: Buffers, as they come from sockets. */
  *steps(): Generator<Buffer, void> {
    for (let from = 0; from < PREFIXES; from += STEP_PREFIXES) yield this.announced(from, false);
    // Every other UPDATE has the attributes that its prefixes have already.
    for (let from = 0; from < PREFIXES; from += STEP_PREFIXES) yield this.announced(from, true);
    for (let from = 0; from < PREFIXES; from += STEP_PREFIXES) yield this.withdrawn(from);
  }

  private announced(first: number, again: boolean): Buffer {
    return this.updates(first, (ids, from, to) => {
      const isOther = again && (from / UPDATE_PREFIXES) % 2 === 1;
      const encoded = encodeAttributes(attributesOf(ids[from]!, isOther ? 1 : 0), 'ipv4', CONTEXT);
      writeReach(this.writer, 'ipv4', encoded, this.prefixes, ids, from, to, CONTEXT);
    });
  }

  private withdrawn(first: number): Buffer {
    return this.updates(first, (ids, from, to) => {
      writeUnreach(this.writer, 'ipv4', this.prefixes, ids, from, to, CONTEXT);
    });
  }

  private updates(first: number, write: (ids: Uint32Array, from: number, to: number) => void): Buffer {
    const ids = Uint32Array.from({ length: STEP_PREFIXES }, (_, i) => first + i);
    this.writer.at = 0;
    for (let from = 0; from < STEP_PREFIXES; from += UPDATE_PREFIXES) write(ids, from, from + UPDATE_PREFIXES);
    return Buffer.from(this.writer.finish());
  }
}

/** As the Internet's are. */
function attributesOf(n: number, variant: number): PathAttributes {
  const path = Array.from({ length: 2 + (n % 5) }, (_, i) => 1 + n * (i + 1) + variant);
  return {
    origin: n % 7 === 0 ? 'incomplete' : 'igp',
    asPath: [{ type: 'sequence', asns: [PEER_ASN, ...path] }],
    nextHop: NEXT_HOP,
    ...(n % 3 === 0 && { med: n }),
    ...(n % 2 === 0 && { communities: [n, 0xfde8_0000 + n] }),
    ...(n % 11 === 0 && { atomicAggregate: true, aggregator: { asn: 1 + n, address: 1 + n } }),
    ...(n % 13 === 0 && { largeCommunities: [[n, 1, 2]] }),
  };
}
