/** MP_REACH_NLRI and MP_UNREACH_NLRI (RFC 4760 §3, §4), for IPv4 and IPv6 unicast (RFC 2545, RFC 8950). */
import { type Address, addressFrom, isLinkLocal } from '../lib/address.ts';
import type { Writer } from '../lib/bytes.ts';
import { type AddressFamily, Afi, AttributeCode, AttributeFlag, familyOf, Safi } from './const.ts';
import type { Context } from './context.ts';
import { BgpError, ErrorCode, UpdateError } from './errors.ts';
import { countNlri, type NlriRun } from './nlri.ts';
import { isHost4 } from './rows.ts';

/** A value of either attribute taken apart: `run` is undefined for a family that this session does not carry. */
export interface MpValue {
  readonly run: NlriRun | undefined;
  /** `25/70`: AFI and SAFI, for messages to people. */
  readonly label: string;
  /** Where the next hop lies; both the same in MP_UNREACH. */
  readonly nextHopStart: number;
  readonly nextHopEnd: number;
}

/**
 * Takes apart the MP_REACH value from `start` to `end`; `attribute` is where the attribute's header starts.
 * Throws `BgpError` 3/9 when the next hop has a length it cannot have or the NLRI are malformed: then no route in
 * it can be told from another (RFC 7606 §5.3, §7.11; RFC 4760 §7).
 */
export function decodeMpReach(
  bytes: Uint8Array,
  attribute: number,
  start: number,
  end: number,
  context: Context,
): MpValue {
  const fail = (text: string) => mpError(`MP_REACH_NLRI: ${text}`, bytes, attribute, end);
  if (end - start < 5) throw fail(`${end - start} octets`);
  const afi = (bytes[start]! << 8) | bytes[start + 1]!;
  const safi = bytes[start + 2]!;
  const nextHopStart = start + 4;
  const nextHopEnd = nextHopStart + bytes[start + 3]!;
  if (nextHopEnd + 1 > end) throw fail('next hop overruns the attribute');
  const label = `${afi}/${safi}`;
  const family = familyOf(afi, safi);
  if (family === undefined || !context.families.includes(family))
    return { run: undefined, label, nextHopStart, nextHopEnd };
  const length = nextHopEnd - nextHopStart;
  const ipv6 = length === 16 || length === 32;
  if (family === 'ipv6' ? !ipv6 : length !== 4 && !(ipv6 && context.extendedNextHop))
    throw fail(`next hop of ${length} octets for ${family}`);
  // One reserved octet follows the next hop (RFC 4760 §3).
  const addPath = context.addPathReceive.includes(family);
  const run = { family, addPath, bytes, start: nextHopEnd + 1, end };
  if (countNlri(run) < 0) throw fail('malformed prefix');
  return { run, label, nextHopStart, nextHopEnd };
}

/** As `decodeMpReach`, for MP_UNREACH (RFC 7606 §7.12). */
export function decodeMpUnreach(
  bytes: Uint8Array,
  attribute: number,
  start: number,
  end: number,
  context: Context,
): MpValue {
  const fail = (text: string) => mpError(`MP_UNREACH_NLRI: ${text}`, bytes, attribute, end);
  if (end - start < 3) throw fail(`${end - start} octets`);
  const afi = (bytes[start]! << 8) | bytes[start + 1]!;
  const safi = bytes[start + 2]!;
  const label = `${afi}/${safi}`;
  const at = start + 3;
  const family = familyOf(afi, safi);
  if (family === undefined || !context.families.includes(family))
    return { run: undefined, label, nextHopStart: at, nextHopEnd: at };
  const run = { family, addPath: context.addPathReceive.includes(family), bytes, start: at, end };
  if (countNlri(run) < 0) throw fail('malformed prefix');
  return { run, label, nextHopStart: at, nextHopEnd: at };
}

/** What is wrong with a next hop of good length, or undefined. */
export function checkNextHop(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end - start === 4) return isHost4(bytes, start) ? undefined : 'next hop is not the address of a host';
  if (bytes[start] === 0xff) return 'next hop is a multicast address';
  // Some speakers on links without global addresses send :: and the link-local address beside it.
  if (end - start === 32 && isLinkLocal(addressFrom(bytes.subarray(start + 16, end)))) return undefined;
  for (let i = start; i < start + 15; i++) if (bytes[i] !== 0) return undefined;
  return bytes[start + 15] !== 0 ? undefined : 'next hop is not the address of a host';
}

/** The next hop, and the link-local address that stands beside it (RFC 2545 §3), copied out of the message. */
export function decodeNextHop(
  bytes: Uint8Array,
  start: number,
  end: number,
): { nextHop: Address; linkLocalNextHop?: Address } {
  const nextHop = addressFrom(Uint8Array.prototype.slice.call(bytes, start, Math.min(end, start + 16)));
  if (end - start !== 32) return { nextHop };
  const second = addressFrom(Uint8Array.prototype.slice.call(bytes, start + 16, end));
  if (!isLinkLocal(second)) return { nextHop };
  return nextHop.bytes.some((b) => b !== 0) ? { nextHop, linkLocalNextHop: second } : { nextHop: second };
}

/**
 * The octets of the next hop that routes of this session are forwarded to: a view. Over a link-local address the peer need
 * share no subnet with us, so that a global next hop of its own may not be reached, or by who knows what way.
 */
export function usedNextHop(
  bytes: Uint8Array,
  { nextHopStart: start, nextHopEnd: end }: MpValue,
  context: Context,
): Uint8Array {
  const second = context.linkLocal && end - start === 32 && isLinkLocal(addressFrom(bytes.subarray(start + 16, end)));
  return bytes.subarray(second ? start + 16 : start, end);
}

/** Writes the head of an MP_REACH attribute, up to its NLRI. Give the result to `patch16` when those are written. */
export function beginMpReach(w: Writer, family: AddressFamily, nextHop: Uint8Array): number {
  const mark = beginMp(w, AttributeCode.mpReach, family);
  w.u8(nextHop.length).put8s(nextHop).u8(0);
  return mark;
}

/** As `beginMpReach`, for MP_UNREACH. */
export function beginMpUnreach(w: Writer, family: AddressFamily): number {
  return beginMp(w, AttributeCode.mpUnreach, family);
}

function beginMp(w: Writer, code: number, family: AddressFamily): number {
  w.u8(AttributeFlag.optional | AttributeFlag.extendedLength).u8(code);
  const mark = w.reserve16();
  w.u16(Afi[family]).u8(Safi.unicast);
  return mark;
}

/** RFC 4760 §7; the data is the whole attribute (RFC 4271 §6.3). */
export function mpError(text: string, bytes: Uint8Array, start: number, end: number): BgpError {
  const data = Uint8Array.prototype.slice.call(bytes, start, end);
  return new BgpError(text, ErrorCode.update, UpdateError.optionalAttribute, data);
}
