/** The shapes that most rows have: an attribute that is one property of the value. */
import { type Address, addressFrom } from '../lib/address.ts';
import type { Row } from './attr.ts';
import { MalformedError } from './errors.ts';
import type { HostReader, HostWriter } from './host.ts';

/** How a value of one attribute is read and written. `octets`: its least length. */
export interface Shape<T> {
  readonly octets: number;
  readonly read: (r: HostReader) => T;
  readonly write: (w: HostWriter, v: T) => void;
}

export const u8: Shape<number> = { octets: 1, read: (r) => r.u8(), write: (w, v) => w.u8(v) };
export const h16: Shape<number> = { octets: 2, read: (r) => r.h16(), write: (w, v) => w.h16(v) };
export const h32: Shape<number> = { octets: 4, read: (r) => r.h32(), write: (w, v) => w.h32(v) };
/** Network order: ports and ethertypes. */
export const n16: Shape<number> = { octets: 2, read: (r) => r.u16(), write: (w, v) => w.u16(v) };

/** A truth value in one octet, or in four. */
export const bool8: Shape<boolean> = { octets: 1, read: (r) => r.u8() !== 0, write: (w, v) => w.u8(v ? 1 : 0) };
export const bool32: Shape<boolean> = { octets: 4, read: (r) => r.h32() !== 0, write: (w, v) => w.h32(v ? 1 : 0) };

/** True by being there. False is not written. */
export const flag: Shape<true> = { octets: 0, read: () => true, write: () => {} };

export const octets: Shape<Uint8Array> = { octets: 0, read: (r) => r.rest(), write: (w, v) => w.put8s(v) };

/** The family follows from the length. */
export const ip: Shape<Address> = { octets: 4, read: readAddress, write: (w, v) => w.put8s(v.bytes) };

export function readAddress(r: HostReader): Address {
  if (r.remaining !== 4 && r.remaining !== 16) throw new MalformedError(`an address of ${r.remaining} octets`);
  return addressFrom(r.rest());
}

const utf8 = new TextDecoder();
const toUtf8 = new TextEncoder();

/** Text up to the first zero octet, which is written too. */
export const text: Shape<string> = {
  octets: 0,
  read(r) {
    const all = r.rest();
    const zero = all.indexOf(0);
    return utf8.decode(zero < 0 ? all : all.subarray(0, zero));
  },
  write(w, v) {
    if (v.includes('\0')) throw new RangeError('a name must not contain a zero octet');
    w.put8s(toUtf8.encode(v)).u8(0);
  },
};

/** Text that ends where the attribute does. */
export const bareText: Shape<string> = { ...text, write: (w, v) => w.put8s(toUtf8.encode(v)) };

/** Names for numbers in one octet. A number without a name stays a number, and may be written as such. */
export const named8 = <N extends string>(names: readonly (N | undefined)[]): Shape<N | number> => ({
  octets: 1,
  read: (r) => nameOf(names, r.u8()),
  write: (w, v) => w.u8(numberOf(names, v)),
});

export const nameOf = <N extends string>(names: readonly (N | undefined)[], n: number): N | number => names[n] ?? n;

export function numberOf<N extends string>(names: readonly (N | undefined)[], v: N | number): number {
  const n = typeof v === 'number' ? v : names.indexOf(v);
  if (n < 0) throw new RangeError(`${v} is none of ${names.filter((name) => name !== undefined).join(', ')}`);
  return n;
}

/** A row for the attribute that is property `key`: absent from the message when the value has no such property. */
export function property<Draft extends object, Spec, K extends keyof Draft & keyof Spec>(
  name: string,
  code: number,
  key: K,
  shape: Shape<NonNullable<Draft[K]> & NonNullable<Spec[K]>>,
): Row<Draft, Spec> {
  return {
    name,
    code,
    octets: shape.octets,
    decode(r, draft) {
      draft[key] = shape.read(r);
    },
    encode(w, spec) {
      const value = spec[key];
      if (value === undefined) return false;
      shape.write(w, value as never);
      return true;
    },
  };
}

/** Attributes that are not looked into, by number: they are written back as they were read. */
export interface Kept {
  readonly kept?: Readonly<Record<number, Uint8Array>>;
}

export interface KeptDraft {
  kept?: Record<number, Uint8Array>;
}

/** An attribute of which nothing is known but that a copy of its owner has to have it. */
export function kept(name: string, code: number, nested = false): Row<KeptDraft, Kept> {
  return {
    name,
    code,
    octets: 0,
    ...(nested && { flagged: true }),
    decode(r, draft) {
      draft.kept ??= {};
      draft.kept[code] = r.rest();
    },
    encode(w, { kept: values }) {
      const value = values?.[code];
      if (value === undefined) return false;
      w.put8s(value);
      return true;
    },
  };
}

/** An attribute that only requests have: it is written from `key` and never read. */
export function requestOnly<Draft, Spec, K extends keyof Spec>(
  name: string,
  code: number,
  key: K,
  shape: Shape<NonNullable<Spec[K]>>,
): Row<Draft, Spec> {
  return {
    name,
    code,
    octets: 0,
    decode: () => {},
    encode(w, spec) {
      const value = spec[key];
      if (value === undefined) return false;
      shape.write(w, value as never);
      return true;
    },
  };
}

/** An attribute that only answers have: it is read into `key` and never written. */
export function answerOnly<Draft, Spec, K extends keyof Draft>(
  name: string,
  code: number,
  key: K,
  shape: Pick<Shape<NonNullable<Draft[K]>>, 'octets' | 'read'>,
): Row<Draft, Spec> {
  return {
    name,
    code,
    octets: shape.octets,
    decode(r, draft) {
      draft[key] = shape.read(r);
    },
    encode: () => false,
  };
}
