import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareBytes,
  equalBytes,
  fromHex,
  OverflowError,
  Reader,
  TruncatedError,
  toHex,
  Writer,
} from '../../src/lib/bytes.ts';

const octets = (n: number) => Uint8Array.from({ length: n }, (_, i) => i + 1);

/** Every read of a fixed width, with the octets it takes. */
const reads: [string, number, (r: Reader) => unknown][] = [
  ['u8', 1, (r) => r.u8()],
  ['u16', 2, (r) => r.u16()],
  ['u32', 4, (r) => r.u32()],
  ['u64', 8, (r) => r.u64()],
  ['view', 5, (r) => r.view(5)],
  ['copy', 5, (r) => r.copy(5)],
  ['skip', 5, (r) => r.skip(5)],
  ['sub', 5, (r) => r.sub(5)],
];

describe('Reader', () => {
  it('reads big-endian numbers, unsigned', () => {
    const r = new Reader(fromHex('ff fffe fffffffd fffffffffffffffc'));
    expect([r.u8(), r.u16(), r.u32(), r.u64()]).toEqual([0xff, 0xfffe, 0xfffffffd, 0xfffffffffffffffcn]);
    expect(r.done).toBe(true);
  });

  it.each(reads)('%s throws TruncatedError one octet short, and does not move', (_, width, read) => {
    const whole = new Reader(octets(20), 3, 3 + width);
    read(whole);
    expect(whole.remaining).toBe(0);
    const short = new Reader(octets(20), 3, 3 + width - 1);
    expect(() => read(short)).toThrow(TruncatedError);
    expect(short.at).toBe(3);
  });

  it('refuses negative lengths, which would walk backwards', () => {
    const r = new Reader(octets(8), 4);
    for (const n of [-1, -4]) {
      expect(() => r.skip(n)).toThrow(TruncatedError);
      expect(() => r.sub(n)).toThrow(TruncatedError);
    }
    expect(r.at).toBe(4);
  });

  it('refuses bounds outside the octets', () => {
    for (const [at, end] of [
      [0, 9],
      [-1, 4],
      [5, 4],
      [9, 9],
    ] as const)
      expect(() => new Reader(octets(8), at, end)).toThrow(TruncatedError);
    expect(new Reader(octets(8), 8, 8).done).toBe(true);
  });

  it('gives nested structures an end of their own', () => {
    const r = new Reader(octets(8));
    const inner = r.sub(3);
    expect(r.at).toBe(3);
    expect(() => inner.u32()).toThrow(TruncatedError);
    expect([inner.u8(), inner.u16(), inner.done]).toEqual([1, 0x0203, true]);
    expect(r.u8()).toBe(4);
  });

  it('shares memory in view, and not in copy and rest, even over a Buffer', () => {
    const input = Buffer.from([1, 2, 3, 4, 5, 6]);
    const r = new Reader(input);
    const view = r.view(2);
    const copy = r.copy(2);
    const rest = r.rest();
    input.fill(9);
    expect([...view]).toEqual([9, 9]);
    expect([...copy]).toEqual([3, 4]);
    expect([...rest]).toEqual([5, 6]);
  });
});

describe('Writer', () => {
  const writes: [string, number, (w: Writer) => unknown][] = [
    ['u8', 1, (w) => w.u8(0xff)],
    ['u16', 2, (w) => w.u16(0xffff)],
    ['u32', 4, (w) => w.u32(0xffffffff)],
    ['u64', 8, (w) => w.u64(0xffffffffffffffffn)],
    ['put8s', 5, (w) => w.put8s(new Uint8Array(5).fill(0xff))],
    ['zeros', 5, (w) => w.zeros(5)],
    ['reserve8', 1, (w) => w.reserve8()],
    ['reserve16', 2, (w) => w.reserve16()],
  ];

  it.each(writes)('%s throws OverflowError one octet short, and writes nothing', (_, width, write) => {
    const buffer = new Uint8Array(20).fill(0x55);
    const full = new Writer(buffer, 3, 3 + width);
    write(full);
    expect(full.room).toBe(0);
    buffer.fill(0x55);
    const short = new Writer(buffer, 3, 3 + width - 1);
    expect(() => write(short)).toThrow(OverflowError);
    expect(short.at).toBe(3);
    expect([...buffer]).toEqual(new Array(20).fill(0x55));
  });

  it('refuses bounds outside the buffer, where a typed array would swallow the octets', () => {
    expect(() => new Writer(4, 0, 5)).toThrow(OverflowError);
    expect(() => new Writer(4, 5)).toThrow(OverflowError);
    expect(() => new Writer(4, -1)).toThrow(OverflowError);
    expect(() => new Writer(4).zeros(-1)).toThrow(OverflowError);
  });

  it('patches reserved lengths with what was written since', () => {
    const w = new Writer(32);
    const outer = w.reserve16();
    w.u8(0xaa);
    const inner = w.reserve8();
    w.u16(0xbbbb);
    w.patch8(inner);
    w.patch16(outer);
    expect(toHex(w.finish())).toBe('0004aa02bbbb');
    expect(toHex(w.finish(3))).toBe('02bbbb');
  });

  it('refuses lengths that do not fit the field', () => {
    const w = new Writer(70_000);
    const mark = w.reserve8();
    w.zeros(255);
    w.patch8(mark);
    expect(w.bytes[0]).toBe(255);
    w.u8(0);
    expect(() => w.patch8(mark)).toThrow(OverflowError);
    const wide = new Writer(70_000);
    const mark16 = wide.reserve16();
    wide.zeros(65_535);
    wide.patch16(mark16);
    expect(toHex(wide.bytes.subarray(0, 2))).toBe('ffff');
    wide.u8(0);
    expect(() => wide.patch16(mark16)).toThrow(OverflowError);
  });

  it('finish copies: later writes do not show', () => {
    const w = new Writer(Buffer.alloc(4)).u8(1);
    const out = w.finish();
    w.bytes[0] = 9;
    expect([...out]).toEqual([1]);
  });

  it('writes what a Reader reads', () => {
    const item = fc.oneof(
      fc.record({ kind: fc.constant('u8' as const), value: fc.integer({ min: 0, max: 0xff }) }),
      fc.record({ kind: fc.constant('u16' as const), value: fc.integer({ min: 0, max: 0xffff }) }),
      fc.record({ kind: fc.constant('u32' as const), value: fc.nat({ max: 0xffffffff }) }),
      fc.record({ kind: fc.constant('u64' as const), value: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }) }),
      fc.record({ kind: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 9 }) }),
    );
    fc.assert(
      fc.property(fc.array(item, { maxLength: 30 }), (items) => {
        const w = new Writer(300);
        for (const i of items) {
          if (i.kind === 'bytes') w.put8s(i.value);
          else if (i.kind === 'u64') w.u64(i.value);
          else w[i.kind](i.value);
        }
        const r = new Reader(w.finish());
        for (const i of items) expect(i.kind === 'bytes' ? r.copy(i.value.length) : r[i.kind]()).toEqual(i.value);
        expect(r.done).toBe(true);
      }),
    );
  });
});

describe('octet strings', () => {
  it('compares as Buffer.compare does', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6, max: 3 }), fc.uint8Array({ maxLength: 6, max: 3 }), (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
        expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
      }),
    );
  });

  it('prints and reads hexadecimal as Buffer does', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (a) => {
        expect(toHex(a)).toBe(Buffer.from(a).toString('hex'));
        expect(fromHex(toHex(a))).toEqual(a);
        expect(fromHex(toHex(a).toUpperCase().replace(/../g, '$& \n'))).toEqual(a);
      }),
    );
  });

  it.each(['0', 'zz', '0x00', '00 0', '-1'])('refuses %j as hexadecimal', (text) => {
    expect(() => fromHex(text)).toThrow(SyntaxError);
  });
});
