/** What client and monitor must know of a kind of object. */
import type { Table } from './attr.ts';
import type { HostReader, HostWriter } from './host.ts';

/**
 * `add` fails when the object is there, `replace` adds it or takes the place of the one that is there, `append` adds
 * beside it, `set` changes one that must be there and leaves alone what the request does not name.
 */
export type Verb = 'add' | 'replace' | 'append' | 'set' | 'delete' | 'get';

export interface Codec<Value, Spec, Filter> {
  readonly types: { readonly new: number; readonly del: number; readonly get: number };
  /** What the kernel can do with objects of this kind. */
  readonly verbs: readonly Verb[];
  /** Octets between the message's header and its attributes. */
  readonly headOctets: number;
  readonly attributes: Table<never, never>;
  /**
   * Reads a message's body. Undefined for what is no such object, though the messages have the same type.
   * Throws `MalformedError` or `TruncatedError`.
   */
  readonly decode: (r: HostReader) => Value | undefined;
  /** Writes a request's body. Throws `RangeError` for what cannot be expressed and `OverflowError` when it is too long. */
  readonly encode: (w: HostWriter, spec: Spec, verb: Verb) => void;
  /** Writes the body of a request for all objects that a filter lets through. */
  readonly encodeDump: (w: HostWriter, filter: Filter) => void;
  /** The filter once more, for kernels that do not know it. */
  readonly matches: (value: Value, filter: Filter) => boolean;
}
