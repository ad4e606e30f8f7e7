import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Arena } from '../../src/lib/arena.ts';

const MIB = 1 << 20;

interface Kept {
  position: number;
  readonly bytes: Uint8Array;
}

const filled = (length: number, seed: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = Math.imul(i + seed, 0x9e3779b1) >>> 24;
  return bytes;
};
const put = (arena: Arena, bytes: Uint8Array): Kept => ({ position: arena.put(bytes, 0, bytes.length), bytes });
/** They are still what was put there. (`toEqual` takes seconds for a mebibyte.) */
const isSound = (arena: Arena, { position, bytes }: Kept): boolean => {
  const at = arena.within(position);
  return Buffer.compare(arena.piece(position).subarray(at, at + bytes.length), bytes) === 0;
};
const drop = (arena: Arena, { position, bytes }: Kept): void => arena.drop(position, bytes.length);
const move = (arena: Arena, kept: Kept): void => {
  kept.position = arena.move(kept.position, kept.bytes.length);
};

describe('Arena', () => {
  it('keeps every string whole, whatever comes after it', () => {
    const arena = new Arena();
    const kept = [1, 0, 4095, 4096, 300_000, 700_000, 3, MIB, 1].map((length, seed) =>
      put(arena, filled(length, seed)),
    );
    expect(kept.filter((one) => !isSound(arena, one))).toEqual([]);
  });

  it('does not copy what is there, once there is much', () => {
    const arena = new Arena();
    const first = put(arena, filled(MIB, 1));
    const piece = arena.piece(first.position);
    for (let i = 0; i < 20; i++) put(arena, filled(MIB / 4, i));
    expect(arena.piece(first.position)).toBe(piece);
    expect(arena.byteLength).toBe(6 * MIB);
  });

  it('is small when there is little in it', () => {
    const arena = new Arena();
    put(arena, filled(5000, 1));
    expect(arena.byteLength).toBe(8192);
  });

  it('refuses what no piece could hold', () => {
    expect(() => new Arena().put(new Uint8Array(MIB + 1), 0, MIB + 1)).toThrow(
      new RangeError('1048577 octets are more than a piece of an arena has'),
    );
  });

  it('gives a piece back with its last string, and takes its number again', () => {
    const arena = new Arena();
    const kept = Array.from({ length: 4 }, (_, i) => put(arena, filled(MIB, i)));
    drop(arena, kept[1]!);
    expect(arena.byteLength).toBe(3 * MIB);
    const next = put(arena, filled(MIB, 9));
    expect(next.position).toBe(kept[1]!.position);
    expect(isSound(arena, next)).toBe(true);
  });

  it('moves the strings out of pieces that are half garbage, and of no others', () => {
    const arena = new Arena();
    const kept = Array.from({ length: 4 * 16 }, (_, i) => put(arena, filled(MIB / 16, i)));
    const [first, second] = [kept.slice(0, 16), kept.slice(16, 32)];
    const gone = new Set([...first.slice(1), ...second.slice(0, 8), ...kept.slice(33, 48), ...kept.slice(49)]);
    for (const one of gone) drop(arena, one);
    expect(arena.isWasteful).toBe(true);
    expect(arena.byteLength).toBe(4 * MIB);
    arena.leave();
    const left = kept.filter((one) => !gone.has(one));
    const stays = second.map((one) => one.position);
    for (const one of left) move(arena, one);
    expect(second.map((one) => one.position)).toEqual(stays);
    expect(left.filter((one) => !isSound(arena, one))).toEqual([]);
    expect(arena.isWasteful).toBe(false);
    expect(arena.byteLength).toBe(2 * MIB);
  });

  it('behaves like a list of strings, moved or not', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ op: fc.constant('put' as const), n: fc.nat(60_000) }) },
      { weight: 4, arbitrary: fc.record({ op: fc.constant('drop' as const), n: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('leave' as const), n: fc.constant(0) }) },
      { weight: 2, arbitrary: fc.record({ op: fc.constant('move' as const), n: fc.nat() }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const arena = new Arena();
        const kept: Kept[] = [];
        for (const { op, n } of steps) {
          if (op === 'put') kept.push(put(arena, filled(n, n)));
          else if (op === 'leave') arena.leave();
          else if (kept.length > 0 && op === 'move') move(arena, kept[n % kept.length]!);
          else if (kept.length > 0) drop(arena, kept.splice(n % kept.length, 1)[0]!);
        }
        expect(kept.every((one) => isSound(arena, one))).toBe(true);
        for (const one of kept) drop(arena, one);
        expect(arena.isWasteful).toBe(false);
        expect(arena.byteLength).toBeLessThanOrEqual(MIB);
      }),
      { numRuns: 50 },
    );
  });
});
