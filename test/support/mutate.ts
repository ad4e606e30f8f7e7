/** Damage that a fuzzer does to messages: on octets, and on the attributes that an UPDATE consists of. */

/** Numbers in [0, 1), always the same ones for a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Octets at which lengths, counts and codes turn. */
const interesting = [0, 1, 2, 3, 4, 5, 8, 14, 15, 16, 17, 24, 31, 32, 33, 35, 64, 127, 128, 129, 192, 208, 240, 255];

export class Mutator {
  private readonly random: () => number;
  constructor(seed: number) {
    this.random = seeded(seed);
  }

  below(n: number): number {
    return Math.floor(this.random() * n);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  octets(n: number): number[] {
    return Array.from({ length: n }, () => (this.random() < 0.5 ? this.pick(interesting) : this.below(256)));
  }

  /** A message made of `a`, with pieces of `b`: its marker is whole and its length field right, mostly. */
  message(a: Uint8Array, b: Uint8Array): Uint8Array {
    let bytes = [...a.subarray(19)];
    for (let n = 1 + this.below(4); n > 0; n--)
      bytes = a[18] === 2 && this.random() < 0.6 ? this.update(bytes, [...b.subarray(19)]) : this.damage(bytes, b);
    const length = Math.min(65535, 19 + bytes.length);
    const header = [...a.subarray(0, 16), length >>> 8, length & 0xff, a[18]!];
    if (this.random() < 0.02) header[this.below(19)] = this.below(256);
    return Uint8Array.of(...header, ...bytes.slice(0, length - 19));
  }

  private damage(bytes: number[], other: Uint8Array): number[] {
    const at = this.below(bytes.length + 1);
    switch (this.below(6)) {
      case 0:
        return bytes.map((v, i) => (i === at ? this.pick(interesting) : v));
      case 1:
        return bytes.map((v, i) => (i === at ? v ^ (1 << this.below(8)) : v));
      case 2:
        return bytes.slice(0, at);
      case 3:
        return bytes.toSpliced(at, this.below(8));
      case 4:
        return bytes.toSpliced(at, 0, ...this.octets(this.below(8)));
      default: {
        const from = this.below(other.length);
        return bytes.toSpliced(at, this.below(8), ...other.subarray(from, from + this.below(40)));
      }
    }
  }

  /** The three fields of an UPDATE taken apart, one of them changed, and their lengths put right again. */
  private update(bytes: number[], other: number[]): number[] {
    const [withdrawn, attributes, nlri] = fields(bytes);
    const list = split(attributes);
    switch (this.below(8)) {
      case 0:
        list.reverse();
        break;
      case 1:
        list.splice(this.below(list.length + 1), 0, this.pick([...split(fields(other)[1]), this.attribute()]));
        break;
      case 2:
        list.splice(this.below(list.length + 1), this.below(2));
        break;
      case 3:
        if (list.length > 0) list.push(this.pick(list));
        break;
      case 4: {
        const i = this.below(list.length + 1);
        if (i < list.length) list[i] = this.revalue(list[i]!);
        break;
      }
      case 5:
        nlri.push(...this.pick([...fields(other), this.octets(this.below(6))]));
        break;
      case 6:
        withdrawn.push(...this.octets(this.below(6)));
        break;
      default:
        list.push(this.attribute());
    }
    const block = list.flat();
    return [
      withdrawn.length >>> 8,
      withdrawn.length & 255,
      ...withdrawn,
      block.length >>> 8,
      block.length & 255,
      ...block,
      ...nlri,
    ];
  }

  private attribute(): number[] {
    const flags = this.pick([0x40, 0x80, 0xc0, 0xe0, 0x00, 0x60]);
    const value = this.octets(this.pick([0, 1, 2, 3, 4, 6, 8, 12, 16, 20, 21, 32, 40, 300]));
    return tlv(flags, this.random() < 0.8 ? this.below(40) : this.below(256), value);
  }

  /** The attribute with damage to its value, whose length is put right, or to its head, whose length is not. */
  private revalue(attribute: number[]): number[] {
    const head = (attribute[0]! & 0x10) !== 0 ? 4 : 3;
    if (this.random() < 0.3)
      return attribute.with(this.below(Math.min(head, attribute.length)), this.pick(interesting));
    const value = this.damage(attribute.slice(head), Uint8Array.from(attribute));
    return tlv(attribute[0]!, attribute[1]!, value);
  }
}

function tlv(flags: number, code: number, value: number[]): number[] {
  if (value.length > 255 || (flags & 0x10) !== 0)
    return [flags | 0x10, code, (value.length >>> 8) & 255, value.length & 255, ...value];
  return [flags, code, value.length, ...value];
}

/** Withdrawn routes, attributes and NLRI of an UPDATE's body, as far as its lengths allow. */
function fields(bytes: number[]): [number[], number[], number[]] {
  const one = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
  const two = ((bytes[2 + one] ?? 0) << 8) | (bytes[3 + one] ?? 0);
  return [bytes.slice(2, 2 + one), bytes.slice(4 + one, 4 + one + two), bytes.slice(4 + one + two)];
}

/** Attributes one by one; the last may be cut. */
function split(block: number[]): number[][] {
  const list: number[][] = [];
  for (let at = 0; at < block.length; ) {
    const long = (block[at]! & 0x10) !== 0;
    const length = long ? ((block[at + 2] ?? 0) << 8) | (block[at + 3] ?? 0) : (block[at + 2] ?? 0);
    const end = at + (long ? 4 : 3) + length;
    list.push(block.slice(at, end));
    at = end;
  }
  return list;
}
