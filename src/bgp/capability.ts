/**
 * Capabilities of an OPEN (RFC 5492): the values, their codec as one loop over rows, and what two sets of them
 * negotiate. `show peers` prints the three columns: sent, received, negotiated.
 */
import { Reader, TruncatedError, type Writer } from '../lib/bytes.ts';
import { type Known, type Of, type Row, rows } from './capabilityrows.ts';
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
