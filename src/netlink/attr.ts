/**
 * The attribute loop: headers, lengths, padding, nesting flags and unknown attributes live here once; a row says what
 * one attribute is. An attribute that no row knows is skipped, one that is longer than its row says is read as far as
 * the row goes (kernels append), and of one that is there twice the last counts, as in the kernel.
 */
import { MalformedError } from './errors.ts';
import { type HostReader, type HostWriter, read16 } from './host.ts';

/** struct nlattr: length, then type, whose two highest bits are flags. */
export const ATTRIBUTE_OCTETS = 4;
const NESTED = 0x8000;
const TYPE = 0x3fff;

/** One attribute. `Draft` is what decoding fills, `Spec` what encoding reads. */
export interface Row<Draft, Spec> {
  /** The kernel's name, for errors. */
  readonly name: string;
  readonly code: number;
  /** Fewer octets than these are malformed. */
  readonly octets: number;
  /** What it consists of, if of attributes. */
  readonly nested?: Table<never, never>;
  /** Written with the flag for nested attributes, as the kernel wants of the newer ones. */
  readonly flagged?: true;
  readonly decode: (r: HostReader, draft: Draft) => void;
  /** Writes the value. False when there is none to write. */
  readonly encode: (w: HostWriter, spec: Spec) => boolean;
}

/** The attributes of one kind of message or nest, in the order in which they are written. */
export interface Table<Draft, Spec> {
  readonly rows: readonly Row<Draft, Spec>[];
  readonly byCode: readonly (Row<Draft, Spec> | undefined)[];
}

export function table<Draft, Spec = Draft>(rows: readonly Row<Draft, Spec>[]): Table<Draft, Spec> {
  const byCode: (Row<Draft, Spec> | undefined)[] = Array.from({
    length: rows.reduce((n, { code }) => Math.max(n, code + 1), 0),
  });
  for (const row of rows) byCode[row.code] = row;
  return { rows, byCode };
}

/** Reads attributes to the end of `r`. Throws `MalformedError`, or `TruncatedError` from within a row. */
export function decodeAttributes<Draft>(r: HostReader, { byCode }: Table<Draft, never>, draft: Draft): void {
  while (!r.done) {
    if (r.remaining < ATTRIBUTE_OCTETS) throw new MalformedError(`${r.remaining} octets after the last attribute`);
    const length = r.h16();
    const code = r.h16() & TYPE;
    const row = byCode[code];
    if (length < ATTRIBUTE_OCTETS || length - ATTRIBUTE_OCTETS > r.remaining)
      throw new MalformedError(`${row?.name ?? `attribute ${code}`}: its length is ${length}`);
    const octets = length - ATTRIBUTE_OCTETS;
    if (row === undefined) r.skip(octets);
    else if (octets < row.octets) throw new MalformedError(`${row.name}: ${octets} octets instead of ${row.octets}`);
    else row.decode(r.sub(octets), draft);
    // The last one need not be padded.
    r.skip(Math.min(-length & 3, r.remaining));
  }
}

/** Writes what `spec` has of a table's attributes. */
export function encodeAttributes<Spec>(w: HostWriter, { rows }: Table<never, Spec>, spec: Spec): void {
  for (const row of rows) {
    const start = w.at;
    w.reserve16();
    w.reserve16();
    if (row.encode(w, spec)) endAttribute(w, start, row.flagged ? row.code | NESTED : row.code);
    else w.at = start;
  }
}

/** Sets the header that lies at `start` for the octets that follow it, and pads them. */
function endAttribute(w: HostWriter, start: number, type: number): void {
  w.set16(start, w.at - start);
  w.set16(start + 2, type);
  w.align(start);
}

/**
 * The name of the attribute that is at `offset` of a message whose attributes begin at `start`, with those around it:
 * `IFLA_LINKINFO.IFLA_INFO_KIND`. Undefined when none is there.
 */
export function attributeAt(
  bytes: Uint8Array,
  start: number,
  end: number,
  offset: number,
  table: Table<never, never> | undefined,
): string | undefined {
  for (let at = start; at + ATTRIBUTE_OCTETS <= end; ) {
    const length = read16(bytes, at);
    if (length < ATTRIBUTE_OCTETS || at + length > end) return undefined;
    if (offset < at + length) {
      if (offset < at) return undefined;
      const code = read16(bytes, at + 2) & TYPE;
      const row = table?.byCode[code];
      const name = row?.name ?? `attribute ${code}`;
      const inner = attributeAt(bytes, at + ATTRIBUTE_OCTETS, at + length, offset, row?.nested);
      return row?.nested === undefined || inner === undefined ? name : `${name}.${inner}`;
    }
    at += (length + 3) & ~3;
  }
  return undefined;
}
