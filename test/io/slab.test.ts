import { expect, it, vi } from 'vitest';
import { nativeProblem } from '../../src/io/native.ts';
import { memory } from '../../src/io/slab.ts';

const KIB = 1 << 10;

it('is memory like any other before there were native calls, or where there are none', async () => {
  vi.resetModules();
  const fresh = await import('../../src/io/slab.ts');
  const array = fresh.memory(100 * KIB);
  expect([array.length, array.byteOffset, array.buffer.byteLength]).toEqual([100 * KIB, 0, 100 * KIB]);
});

it('is zero, begins at a multiple of 64 octets, and is nobody else’s', () => {
  expect(nativeProblem()).toBe(undefined);
  const sizes = [64 * KIB, 100_001, 3 << 20, 64 * KIB + 1, 5 << 20, 4 << 20, 4 << 20, 70_000, 9 << 20, 1 << 20];
  const arrays = sizes.map((octets, i) => {
    const array = memory(octets);
    expect(array.length).toBe(octets);
    expect(array.byteOffset % 4).toBe(0);
    expect(array.every((octet) => octet === 0)).toBe(true);
    return array.fill(i + 1);
  });
  for (const [i, array] of arrays.entries()) expect(array.every((octet) => octet === i + 1)).toBe(true);
  // What is small shares a slab; what is large does not.
  expect(arrays[0]!.buffer).toBe(arrays[1]!.buffer);
  expect(arrays[4]!.buffer).not.toBe(arrays[5]!.buffer);
});

it('is zero again where it was used before', () => {
  const used = new Set<ArrayBufferLike>();
  for (let i = 0; i < 60; i++) {
    const array = memory(2 << 20);
    expect(array[0]! + array[(1 << 20) + 1]! + array.at(-1)!).toBe(0);
    array.fill(255);
    used.add(array.buffer);
  }
  // Four in each, and the first may have begun in one that was there.
  expect([15, 16]).toContain(used.size);
});
