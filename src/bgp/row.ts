/** What a path attribute's row consists of (rows.ts), and the shapes that most of them have. */
import type { Reader, Writer } from '../lib/bytes.ts';
import { mergeAs4Path } from './aspath.ts';
import { AS_TRANS } from './const.ts';
import type { AsSegment, PathAttributes } from './path.ts';

/** What the encoding of attributes depends on. */
export interface Encoding {
  readonly fourOctetAs: boolean;
  readonly internal: boolean;
}

/** Attributes while they are read, with what an old speaker sends in pieces (RFC 6793 §3). */
export interface Draft {
  readonly attributes: { -readonly [K in keyof PathAttributes]?: PathAttributes[K] };
  as4Path?: readonly AsSegment[];
  as4Aggregator?: NonNullable<PathAttributes['aggregator']>;
}

export interface Row {
  readonly name: string;
  readonly code: number;
  /** The Optional and Transitive bits that it must have. */
  readonly flags: number;
  /** What a malformed one does (RFC 7606 §7, or the attribute's own RFC). */
  readonly malformed: 'withdraw' | 'discard';
  /** Wrong flags do that too. Else they withdraw, whatever is done about a wrong value (RFC 7606 §3.c). */
  readonly flagsAlike?: true;
  /** Discarded when it comes from another AS, and never sent there (RFC 7606 §7.5, §7.9, §7.10). */
  readonly internalOnly?: true;
  /** The subcode of a bad value, for when the session must end after all (RFC 7606 §5.2). */
  readonly subcode: number;
  readonly lengthOk: (length: number, e: Encoding) => boolean;
  /** What is wrong with a value of good length, or undefined. */
  readonly check?: (bytes: Uint8Array, start: number, end: number, e: Encoding) => string | undefined;
  /** Reads a value that has passed both. */
  readonly decode: (r: Reader, draft: Draft, e: Encoding) => void;
  /** Writes the value. False when these attributes have none. */
  readonly encode: (w: Writer, a: PathAttributes, e: Encoding) => boolean;
}

/** The attributes with AS4_PATH and AS4_AGGREGATOR merged in (RFC 6793 §4.2.3). */
export function settle({ attributes, as4Path, as4Aggregator }: Draft): PathAttributes {
  const { aggregator } = attributes;
  // An aggregator that needed no AS_TRANS is newer than both: an old speaker replaced it and kept them.
  const stale = aggregator !== undefined && as4Aggregator !== undefined && aggregator.asn !== AS_TRANS;
  if (!stale) {
    if (aggregator !== undefined && as4Aggregator !== undefined) attributes.aggregator = as4Aggregator;
    if (as4Path !== undefined) attributes.asPath = mergeAs4Path(attributes.asPath ?? [], as4Path);
  }
  // Whoever calls has seen that the mandatory ones are there.
  return attributes as PathAttributes;
}

export const exactly = (n: number) => (length: number) => length === n;
export const multipleOf = (n: number) => (length: number) => length > 0 && length % n === 0;

/** `decode` and `encode` for an attribute that is one property of `PathAttributes`. */
export function property<K extends keyof PathAttributes>(
  key: K,
  read: (r: Reader, e: Encoding) => PathAttributes[K],
  write: (w: Writer, value: NonNullable<PathAttributes[K]>, e: Encoding) => void,
): Pick<Row, 'decode' | 'encode'> {
  return {
    decode(r, draft, e) {
      draft.attributes[key] = read(r, e);
    },
    encode(w, a, e) {
      const value = a[key];
      if (value === undefined) return false;
      write(w, value, e);
      return true;
    },
  };
}

export function list<T>(r: Reader, item: (r: Reader) => T): T[] {
  const items: T[] = [];
  while (!r.done) items.push(item(r));
  return items;
}

/** As `property`, for lists of items of one size. An empty list is no attribute: its length would be malformed. */
export function items<T>(
  key: {
    [K in keyof PathAttributes]-?: NonNullable<PathAttributes[K]> extends readonly T[] ? K : never;
  }[keyof PathAttributes],
  read: (r: Reader) => T,
  write: (w: Writer, item: T) => void,
): Pick<Row, 'decode' | 'encode'> {
  return {
    decode(r, draft) {
      (draft.attributes as Record<string, unknown>)[key] = list(r, read);
    },
    encode(w, a) {
      const values = a[key] as readonly T[] | undefined;
      if (values === undefined || values.length === 0) return false;
      for (const value of values) write(w, value);
      return true;
    },
  };
}

export const u32 = (r: Reader) => r.u32();

export const writeU32 = (w: Writer, v: number) => {
  w.u32(v);
};
