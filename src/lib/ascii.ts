/** ASCII text as octets, for output of millions of lines: no string is made of what is put together here. */

/** `0.` to `255.`, four octets each, and how many of them count. */
const dotted = new Uint8Array(1024);
const dottedLengths = new Uint8Array(256);
for (let n = 0; n < 256; n++) {
  const text = `${n}.`;
  dottedLengths[n] = text.length;
  for (let i = 0; i < text.length; i++) dotted[4 * n + i] = text.charCodeAt(i);
}

export function asciiOf(text: string): Uint8Array {
  const octets = new Uint8Array(text.length);
  for (let i = 0; i < octets.length; i++) octets[i] = text.charCodeAt(i);
  return octets;
}

export class Ascii {
  private bytes = new Uint8Array(65_536);
  private at = 0;

  /** What was put in since the last call: a view, valid until something is put in. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.at);
    this.at = 0;
    return taken;
  }

  text(text: string): this {
    this.need(text.length);
    for (let i = 0; i < text.length; i++) this.bytes[this.at++] = text.charCodeAt(i);
    return this;
  }

  put(octets: Uint8Array): this {
    const { length } = octets;
    this.need(length);
    // For so few octets a loop is done before `set` has begun.
    if (length < 24) for (let i = 0; i < length; i++) this.bytes[this.at + i] = octets[i]!;
    else this.bytes.set(octets, this.at);
    this.at += length;
    return this;
  }

  /** A whole number, 0..4294967295, in decimal. */
  number(n: number): this {
    let digits = 1;
    for (let limit = 10; n >= limit; limit *= 10) digits++;
    this.need(digits);
    let at = this.at + digits;
    this.at = at;
    do {
      const rest = Math.floor(n / 10);
      this.bytes[--at] = 48 + n - rest * 10;
      n = rest;
    } while (n > 0);
    return this;
  }

  /** The dotted quad of an IPv4 address. */
  quad(word: number): this {
    this.need(16);
    for (let shift = 24; shift >= 0; shift -= 8) {
      const n = (word >>> shift) & 255;
      const length = dottedLengths[n]!;
      for (let i = 0; i < length; i++) this.bytes[this.at++] = dotted[4 * n + i]!;
    }
    this.at--;
    return this;
  }

  private need(octets: number): void {
    if (this.at + octets <= this.bytes.length) return;
    const more = new Uint8Array(2 * Math.max(this.bytes.length, octets));
    more.set(this.bytes.subarray(0, this.at));
    this.bytes = more;
  }
}
