/**
 * ASCII text as octets, for output of millions of lines: no string is made of what is put together here. What comes again
 * is moved within the array (`again`), which costs a tenth of writing it anew.
 */

/** For each n below 1000: its three digits with leading zeros, and how many of them count without. */
const digits = new Uint8Array(4000);
for (let n = 0; n < 1000; n++) {
  const text = n.toString().padStart(3, '0');
  for (let i = 0; i < 3; i++) digits[4 * n + i] = text.charCodeAt(i);
  digits[4 * n + 3] = n < 10 ? 1 : n < 100 ? 2 : 3;
}
const [DOT, A, ZERO] = [0x2e, 0x61, 0x30];
/** From here on a call of `set` is cheaper than a loop. */
const SET_FROM = 12;

export function asciiOf(text: string): Uint8Array {
  const octets = new Uint8Array(text.length);
  for (let i = 0; i < octets.length; i++) octets[i] = text.charCodeAt(i);
  return octets;
}

export class Ascii {
  private bytes: Uint8Array;
  readonly reserved: number;
  private at: number;

  /** @param reserved octets of room for what `keep` keeps */
  constructor(reserved = 0) {
    this.bytes = new Uint8Array(reserved + 65_536);
    this.reserved = reserved;
    this.at = reserved;
  }

  /** What was put in since the last call: a view, valid until something is put in. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(this.reserved, this.at);
    this.at = this.reserved;
    return taken;
  }

  /** Where the next octet will be, until the next `take`. */
  get end(): number {
    return this.at;
  }

  /** A view of what was put in from position `start` on, valid until something is put in. */
  since(start: number): Uint8Array {
    return this.bytes.subarray(start, this.at);
  }

  /** Takes back what was put in from position `end` on. */
  cut(end: number): void {
    this.at = end;
  }

  /** Copies what was put in from position `start` on into the reserved room, to position `to` there. */
  keep(start: number, to: number): void {
    this.bytes.copyWithin(to, start, this.at);
  }

  /** Puts in again what is between two positions, of this text or of the reserved room. */
  again(start: number, end: number): this {
    const length = end - start;
    this.need(length);
    this.bytes.copyWithin(this.at, start, end);
    this.at += length;
    return this;
  }

  text(text: string): this {
    this.need(text.length);
    for (let i = 0; i < text.length; i++) this.bytes[this.at++] = text.charCodeAt(i);
    return this;
  }

  put(octets: Uint8Array): this {
    const { length } = octets;
    this.need(length);
    if (length < SET_FROM) for (let i = 0; i < length; i++) this.bytes[this.at + i] = octets[i]!;
    else this.bytes.set(octets, this.at);
    this.at += length;
    return this;
  }

  /** One character. */
  octet(code: number): this {
    this.need(1);
    this.bytes[this.at++] = code;
    return this;
  }

  /** A whole number, 0..4294967295, in decimal. */
  number(n: number): this {
    this.need(10);
    if (n < 1000) this.few(n);
    else if (n < 1_000_000) {
      const high = (n / 1000) | 0;
      this.few(high);
      this.three(n - high * 1000);
    } else {
      const high = Math.floor(n / 1_000_000);
      const low = n - high * 1_000_000;
      const middle = (low / 1000) | 0;
      if (high < 1000) this.few(high);
      else {
        this.few((high / 1000) | 0);
        this.three(high % 1000);
      }
      this.three(middle);
      this.three(low - middle * 1000);
    }
    return this;
  }

  /** Two digits, of a number below 100. */
  pair(n: number): this {
    this.need(2);
    this.bytes[this.at++] = digits[4 * n + 1]!;
    this.bytes[this.at++] = digits[4 * n + 2]!;
    return this;
  }

  /** Two hexadecimal digits, of a number below 256. */
  hex(n: number): this {
    this.need(2);
    const [high, low] = [n >> 4, n & 15];
    this.bytes[this.at++] = high < 10 ? ZERO + high : A - 10 + high;
    this.bytes[this.at++] = low < 10 ? ZERO + low : A - 10 + low;
    return this;
  }

  /** The dotted quad of an IPv4 address. */
  quad(word: number): this {
    this.need(16);
    this.few(word >>> 24);
    this.bytes[this.at++] = DOT;
    this.few((word >>> 16) & 255);
    this.bytes[this.at++] = DOT;
    this.few((word >>> 8) & 255);
    this.bytes[this.at++] = DOT;
    this.few(word & 255);
    return this;
  }

  /** Below 1000, without leading zeros; there is room. */
  private few(n: number): void {
    const { bytes } = this;
    const from = 4 * n;
    const count = digits[from + 3]!;
    if (count > 2) bytes[this.at++] = digits[from]!;
    if (count > 1) bytes[this.at++] = digits[from + 1]!;
    bytes[this.at++] = digits[from + 2]!;
  }

  /** Below 1000, three digits; there is room. */
  private three(n: number): void {
    const { bytes } = this;
    bytes[this.at++] = digits[4 * n]!;
    bytes[this.at++] = digits[4 * n + 1]!;
    bytes[this.at++] = digits[4 * n + 2]!;
  }

  private need(octets: number): void {
    if (this.at + octets > this.bytes.length) this.grow(octets);
  }

  private grow(octets: number): void {
    const more = new Uint8Array(2 * Math.max(this.bytes.length, octets));
    more.set(this.bytes.subarray(0, this.at));
    this.bytes = more;
  }
}
