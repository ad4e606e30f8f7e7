/**
 * Capabilities of an OPEN (RFC 5492): the values, their codec as one loop over rows, and what two sets of them
 * negotiate. `show peers` prints the three columns: sent, received, negotiated.
 */
import { Reader, TruncatedError, type Writer } from '../lib/bytes.ts';
import { type AddressFamily, Afi, CapabilityCode, familyOf } from './const.ts';
import { BgpError, ErrorCode, OpenError } from './errors.ts';

/** One capability. `unknown` keeps what this speaker has no row for. */
export type Capability =
  | { readonly type: 'multiprotocol'; readonly afi: number; readonly safi: number }
  | { readonly type: 'routeRefresh' }
  | { readonly type: 'enhancedRefresh' }
  | { readonly type: 'extendedMessage' }
  | { readonly type: 'fourOctetAs'; readonly asn: number }
  | {
      readonly type: 'extendedNextHop';
      readonly entries: readonly { readonly afi: number; readonly safi: number; readonly nextHopAfi: number }[];
    }
  | {
      readonly type: 'gracefulRestart';
      /** The sender has just restarted (R bit, RFC 4724 §3) and honours NOTIFICATION as RFC 8538 says (N bit). */
      readonly restarting: boolean;
      readonly notification: boolean;
      /** 0..4095 seconds. */
      readonly restartTimeSec: number;
      readonly families: readonly { readonly afi: number; readonly safi: number; readonly forwarding: boolean }[];
    }
  | {
      readonly type: 'longLivedGracefulRestart';
      readonly families: readonly {
        readonly afi: number;
        readonly safi: number;
        readonly forwarding: boolean;
        /** 0..16777215 seconds. */
        readonly staleTimeSec: number;
      }[];
    }
  | {
      readonly type: 'addPath';
      readonly entries: readonly {
        readonly afi: number;
        readonly safi: number;
        readonly send: boolean;
        readonly receive: boolean;
      }[];
    }
  /** 0 provider, 1 route server, 2 route-server client, 3 customer, 4 peer (RFC 9234 §4.1). */
  | { readonly type: 'role'; readonly role: number }
  | { readonly type: 'fqdn'; readonly hostname: string; readonly domain: string }
  | { readonly type: 'unknown'; readonly code: number; readonly value: Uint8Array };

/** The outcome of two capability sets; session.ts adds what the AS numbers decide and makes the codecs' Context of it. */
export interface Negotiated {
  readonly fourOctetAs: boolean;
  readonly families: readonly AddressFamily[];
  readonly routeRefresh: boolean;
  readonly enhancedRefresh: boolean;
  readonly extendedMessage: boolean;
  readonly extendedNextHop: boolean;
  readonly addPathReceive: readonly AddressFamily[];
  readonly addPathSend: readonly AddressFamily[];
}

type Known = Exclude<Capability['type'], 'unknown'>;
type Of<T extends Capability['type']> = Extract<Capability, { type: T }>;

interface Row<T extends Known> {
  /** Reads the whole value. `undefined` keeps the capability as unknown, where its RFC says to ignore a bad value. */
  decode(r: Reader): Of<T> | undefined;
  encode(w: Writer, c: Of<T>): void;
}

/** A capability without a value. */
const flag = <T extends 'routeRefresh' | 'enhancedRefresh' | 'extendedMessage'>(type: T): Row<T> => ({
  decode: () => ({ type }) as Of<T>,
  encode: () => {},
});

function list<E>(r: Reader, entry: (r: Reader) => E): E[] {
  const entries: E[] = [];
  while (!r.done) entries.push(entry(r));
  return entries;
}

const FORWARDING = 0x80;

const rows: { readonly [T in Known]: Row<T> } = {
  multiprotocol: {
    decode(r) {
      const afi = r.u16();
      r.skip(1);
      return { type: 'multiprotocol', afi, safi: r.u8() };
    },
    encode: (w, c) => w.u16(c.afi).u8(0).u8(c.safi),
  },
  routeRefresh: flag('routeRefresh'),
  enhancedRefresh: flag('enhancedRefresh'),
  extendedMessage: flag('extendedMessage'),
  fourOctetAs: {
    decode: (r) => ({ type: 'fourOctetAs', asn: r.u32() }),
    encode: (w, c) => w.u32(c.asn),
  },
  extendedNextHop: {
    decode: (r) => ({
      type: 'extendedNextHop',
      // RFC 8950 §4: the SAFI takes two octets here, unlike everywhere else.
      entries: list(r, (e) => ({ afi: e.u16(), safi: e.u16(), nextHopAfi: e.u16() })),
    }),
    encode(w, c) {
      for (const e of c.entries) w.u16(e.afi).u16(e.safi).u16(e.nextHopAfi);
    },
  },
  gracefulRestart: {
    decode(r) {
      const head = r.u16();
      return {
        type: 'gracefulRestart',
        restarting: (head & 0x8000) !== 0,
        notification: (head & 0x4000) !== 0,
        restartTimeSec: head & 0x0fff,
        families: list(r, (e) => ({ afi: e.u16(), safi: e.u8(), forwarding: (e.u8() & FORWARDING) !== 0 })),
      };
    },
    encode(w, c) {
      w.u16((c.restarting ? 0x8000 : 0) | (c.notification ? 0x4000 : 0) | (c.restartTimeSec & 0x0fff));
      for (const f of c.families)
        w.u16(f.afi)
          .u8(f.safi)
          .u8(f.forwarding ? FORWARDING : 0);
    },
  },
  longLivedGracefulRestart: {
    decode: (r) => ({
      type: 'longLivedGracefulRestart',
      families: list(r, (e) => ({
        afi: e.u16(),
        safi: e.u8(),
        forwarding: (e.u8() & FORWARDING) !== 0,
        staleTimeSec: (e.u8() << 16) | e.u16(),
      })),
    }),
    encode(w, c) {
      for (const f of c.families)
        w.u16(f.afi)
          .u8(f.safi)
          .u8(f.forwarding ? FORWARDING : 0)
          .u8(f.staleTimeSec >>> 16)
          .u16(f.staleTimeSec);
    },
  },
  addPath: {
    decode(r) {
      const entries = list(r, (e) => ({ afi: e.u16(), safi: e.u8(), mode: e.u8() }));
      // RFC 7911 §4: with any other mode the capability counts as not understood.
      if (entries.some((e) => e.mode < 1 || e.mode > 3)) return undefined;
      return {
        type: 'addPath',
        entries: entries.map(({ afi, safi, mode }) => ({
          afi,
          safi,
          send: (mode & 2) !== 0,
          receive: (mode & 1) !== 0,
        })),
      };
    },
    encode(w, c) {
      // An entry that says neither has no encoding: 0 would make the peer ignore all of them.
      for (const e of c.entries)
        if (e.send || e.receive)
          w.u16(e.afi)
            .u8(e.safi)
            .u8((e.send ? 2 : 0) | (e.receive ? 1 : 0));
    },
  },
  role: {
    decode: (r) => ({ type: 'role', role: r.u8() }),
    encode: (w, c) => w.u8(c.role),
  },
  fqdn: {
    decode(r) {
      const hostname = decodeName(r);
      const domain = decodeName(r);
      return hostname === undefined || domain === undefined ? undefined : { type: 'fqdn', hostname, domain };
    },
    encode(w, c) {
      // Both share the 255 octets of one capability, less their own lengths.
      const hostname = encodeName(c.hostname, 253);
      const domain = encodeName(c.domain, 253 - hostname.length);
      w.u8(hostname.length).put8s(hostname).u8(domain.length).put8s(domain);
    },
  },
};

/** A name of printable UTF-8, or undefined: it is shown to people, and it is the peer's. */
function decodeName(r: Reader): string | undefined {
  const bytes = r.view(r.u8());
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return /\p{Cc}/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** `text` in UTF-8, cut at a character to fit `limit` octets. */
function encodeName(text: string, limit: number): Uint8Array {
  const out = new Uint8Array(limit);
  return out.subarray(0, new TextEncoder().encodeInto(text, out).written);
}

const nameByCode = new Map<number, Known>(
  (Object.keys(rows) as Known[]).map((name) => [CapabilityCode[name], name] as const),
);

/**
 * The content of one Capabilities parameter (RFC 5492 §4), in order. An exact repetition is dropped (§4); other
 * repetitions stay, and `lastOf` or `negotiate` chooses.
 * Throws `BgpError` 2/0 when a capability overruns `r` or a known one has a length it cannot have.
 * @param seen what earlier parameters of the same OPEN held: many speakers send a parameter for each capability
 */
export function decodeCapabilities(r: Reader, seen: Set<string> = new Set()): Capability[] {
  const out: Capability[] = [];
  while (!r.done) {
    let code: number | undefined;
    try {
      const start = r.at;
      code = r.u8();
      const value = r.sub(r.u8());
      const key = String.fromCharCode(...r.bytes.subarray(start, r.at));
      if (seen.has(key)) continue;
      seen.add(key);
      out.push(decodeValue(code, value));
    } catch (error) {
      if (!(error instanceof TruncatedError)) throw error;
      throw malformed(code === undefined ? 'capability' : `capability ${code}`);
    }
  }
  return out;
}

function decodeValue(code: number, value: Reader): Capability {
  const name = nameByCode.get(code);
  const start = value.at;
  if (name !== undefined) {
    const c = rows[name].decode(value);
    if (c !== undefined) {
      if (!value.done) throw malformed(`capability ${name}`);
      return c;
    }
  }
  return { type: 'unknown', code, value: new Reader(value.bytes, start, value.end).rest() };
}

const malformed = (what: string): BgpError =>
  new BgpError(`${what} is malformed`, ErrorCode.open, OpenError.unspecific);

/** Writes each capability as code, length and value. Throws `OverflowError` when one exceeds 255 octets, or `w`. */
export function encodeCapabilities(w: Writer, capabilities: readonly Capability[]): void {
  for (const c of capabilities) {
    w.u8(c.type === 'unknown' ? c.code : CapabilityCode[c.type]);
    const mark = w.reserve8();
    if (c.type === 'unknown') w.put8s(c.value);
    // The row of `c.type` takes `c`: the compiler cannot see that the two go together.
    else (rows[c.type] as Row<Known>).encode(w, c);
    w.patch8(mark);
  }
}

/**
 * The last capability of this type: what RFC 4724 §3 and RFC 9494 §3 prescribe for repeated instances, and as good
 * as any other choice where the RFC is silent.
 */
export function lastOf<T extends Capability['type']>(capabilities: readonly Capability[], type: T): Of<T> | undefined {
  return capabilities.findLast((c): c is Of<T> => c.type === type);
}

/** What holds on a session after these two OPENs; each side gets what both announced. */
export function negotiate(sent: readonly Capability[], received: readonly Capability[]): Negotiated {
  const both = (type: Capability['type']) => lastOf(sent, type) !== undefined && lastOf(received, type) !== undefined;
  const theirs = familiesOf(received);
  const families = familiesOf(sent).filter((f) => theirs.includes(f));
  const addPath = (receiver: readonly Capability[], sender: readonly Capability[]) =>
    families.filter((f) => addPathOf(receiver, f)?.receive && addPathOf(sender, f)?.send);
  return {
    fourOctetAs: both('fourOctetAs'),
    families,
    routeRefresh: both('routeRefresh'),
    enhancedRefresh: both('enhancedRefresh'),
    extendedMessage: both('extendedMessage'),
    extendedNextHop: families.includes('ipv4') && ipv6NextHop(sent) && ipv6NextHop(received),
    addPathReceive: addPath(sent, received),
    addPathSend: addPath(received, sent),
  };
}

/** Families announced. None at all means IPv4 unicast: a speaker without RFC 4760 carries nothing else. */
function familiesOf(capabilities: readonly Capability[]): AddressFamily[] {
  const announced = capabilities.filter((c) => c.type === 'multiprotocol');
  if (announced.length === 0) return ['ipv4'];
  const families = announced.map((c) => familyOf(c.afi, c.safi)).filter((f) => f !== undefined);
  return [...new Set(families)];
}

function addPathOf(capabilities: readonly Capability[], family: AddressFamily) {
  const entries = capabilities.flatMap((c) => (c.type === 'addPath' ? c.entries : []));
  return entries.findLast((e) => familyOf(e.afi, e.safi) === family);
}

/** IPv4 unicast may have an IPv6 next hop (RFC 8950 §4). */
function ipv6NextHop(capabilities: readonly Capability[]): boolean {
  return capabilities.some(
    (c) =>
      c.type === 'extendedNextHop' &&
      c.entries.some((e) => familyOf(e.afi, e.safi) === 'ipv4' && e.nextHopAfi === Afi.ipv6),
  );
}
