/**
 * What was made of attributes, by their octets: routes of a table share them, and to move text is a hundredth of making
 * it. Of bounded size: a full room is emptied, and of two sets for one slot the later one stays.
 */
import type { Ascii } from '../lib/ascii.ts';

/** Room for text that fits into a processor's cache, with what else is kept by it. */
export const TAILS_OCTETS = 1 << 21;
/** Text that belongs to one slot, on average, and to one octet of attributes. */
const TEXT_PER_SLOT = 128;
const TEXT_PER_OCTET = 2;

/** Of a slot: the hash, the tag, and where the octets and the text begin and end. */
const Field = { hash: 0, tag: 1, key: 2, keyEnd: 3, text: 4, textEnd: 5 } as const;
const FIELDS = 6;

export class Tails {
  private readonly out: Ascii;
  private readonly mask: number;
  /** A slot without text is empty; there are none until something is remembered. */
  private slots = new Int32Array(0);
  private keys = new Uint8Array(0);
  private keysView = new DataView(this.keys.buffer);
  private keysUsed = 0;
  private textUsed = 0;
  private hash = 0;

  /** @param out the room that it reserves is for this alone, and says how much is remembered */
  constructor(out: Ascii) {
    this.out = out;
    this.mask = (1 << Math.floor(Math.log2(Math.max(1, out.reserved / TEXT_PER_SLOT)))) - 1;
  }

  /**
   * Puts the text in that belongs to these octets. Returns false, with nothing put in, when it is not known.
   * @param tag what else it depends on
   */
  again(view: DataView, start: number, end: number, tag: number): boolean {
    const hash = hashOf(view, start, end) ^ tag;
    this.hash = hash;
    const { slots } = this;
    if (slots.length === 0) return false;
    const slot = (hash & this.mask) * FIELDS;
    const [text, textEnd] = [slots[slot + Field.text]!, slots[slot + Field.textEnd]!];
    if (text === textEnd || slots[slot + Field.hash] !== hash || slots[slot + Field.tag] !== tag) return false;
    if (!this.same(view, start, end, slots[slot + Field.key]!, slots[slot + Field.keyEnd]!)) return false;
    this.out.again(text, textEnd);
    return true;
  }

  /** Remembers what was put in from position `from` on for the octets of the last `again`, which did not know them. */
  remember(bytes: Uint8Array, start: number, end: number, tag: number, from: number): void {
    if (this.slots.length === 0) this.begin();
    const { out, slots, hash } = this;
    const [keyOctets, textOctets] = [end - start, out.end - from];
    const [keysRoom, textRoom] = [this.keys.length, out.reserved];
    if (keyOctets > keysRoom / 8 || textOctets > textRoom / 8) return;
    if (this.keysUsed + keyOctets > keysRoom || this.textUsed + textOctets > textRoom) {
      slots.fill(0);
      this.keysUsed = 0;
      this.textUsed = 0;
    }
    out.keep(from, this.textUsed);
    const { keys, keysUsed } = this;
    for (let i = 0; i < keyOctets; i++) keys[keysUsed + i] = bytes[start + i]!;
    const slot = (hash & this.mask) * FIELDS;
    slots[slot + Field.hash] = hash;
    slots[slot + Field.tag] = tag;
    slots[slot + Field.key] = keysUsed;
    slots[slot + Field.keyEnd] = this.keysUsed += keyOctets;
    slots[slot + Field.text] = this.textUsed;
    slots[slot + Field.textEnd] = this.textUsed += textOctets;
  }

  private begin(): void {
    this.slots = new Int32Array((this.mask + 1) * FIELDS);
    this.keys = new Uint8Array(this.out.reserved / TEXT_PER_OCTET);
    this.keysView = new DataView(this.keys.buffer);
  }

  private same(view: DataView, start: number, end: number, key: number, keyEnd: number): boolean {
    if (keyEnd - key !== end - start) return false;
    const { keysView } = this;
    let [at, at2] = [start, key];
    for (; at + 4 <= end; at += 4, at2 += 4) if (view.getInt32(at) !== keysView.getInt32(at2)) return false;
    for (; at < end; at++, at2++) if (view.getUint8(at) !== keysView.getUint8(at2)) return false;
    return true;
  }
}

function hashOf(view: DataView, start: number, end: number): number {
  let h = Math.imul(end - start, 0x9e3779b1);
  let at = start;
  for (; at + 4 <= end; at += 4) {
    h = Math.imul(h ^ view.getInt32(at), 0x85ebca6b);
    h ^= h >>> 15;
  }
  for (; at < end; at++) h = Math.imul(h ^ view.getUint8(at), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0xc2b2ae35);
  return h ^ (h >>> 13);
}
