import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arpFilter, type Instruction, neighborFilter, type Ranges, rangesOf } from '../../src/l2/filter.ts';
import { toU32 } from '../../src/lib/address.ts';
import { filter } from '../support/bpf.ts';
import { hexFiles } from '../support/hex.ts';

const arp = hexFiles('arp');
const ndp = hexFiles('ndp/neighbor');
const vip = 0xc00002c8;
const low6 = 0xc8;
const passes = (program: readonly Instruction[], frame: Uint8Array, index = 7, type = 1): boolean =>
  filter(program, { frame, index, type }) > 0;

describe('ranges of addresses', () => {
  it.each<[string, number[], number, Ranges]>([
    ['none', [], 9, []],
    ['neighbours are one', [5, 3, 4, 9], 9, [[3, 5], [9, 9]]], // biome-ignore format: ranges in one line
    ['twice is once', [5, 5], 9, [[5, 5]]],
    ['both ends', [0xffffffff, 0, 0xfffffffe], 9, [[0, 0], [0xfffffffe, 0xffffffff]]], // biome-ignore format: ranges
    ['too many: the narrowest gap goes', [1, 3, 10, 20], 3, [[1, 3], [10, 10], [20, 20]]], // biome-ignore format: ranges
    ['down to one', [1, 3, 10, 20], 1, [[1, 20]]],
  ])('%s', (_, addresses, most, expected) => {
    expect(rangesOf(addresses, most)).toEqual(expected);
  });

  it('cover every address, in order and apart, and are as few as asked', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2000)), fc.integer({ min: 1, max: 6 }), (addresses, most) => {
        const ranges = rangesOf(addresses, most);
        expect(ranges.length).toBeLessThanOrEqual(most);
        for (const address of addresses)
          expect(ranges.filter(([first, last]) => first <= address && address <= last)).toHaveLength(1);
        for (const [i, [first, last]] of ranges.entries()) {
          expect(first).toBeLessThanOrEqual(last);
          if (i > 0) expect(first).toBeGreaterThan(ranges[i - 1]![1] + 1);
          expect(addresses).toContain(first);
          expect(addresses).toContain(last);
        }
      }),
    );
  });
});

describe('the filter for ARP', () => {
  const program = arpFilter(7, rangesOf([vip]));
  it.each([...arp])('lets through what concerns the address: %s', (_, frame) => {
    expect(passes(program, frame)).toBe(true);
    expect(passes(arpFilter(7, rangesOf([vip + 1])), frame)).toBe(false);
    expect(passes(arpFilter(7, []), frame)).toBe(false);
  });

  it('lets through whoever uses the address to ask for another', () => {
    const frame = arp.get('request')!.slice();
    frame.set([0xc0, 0, 2, 200], 28);
    frame.set([10, 0, 0, 1], 38);
    expect(passes(program, frame)).toBe(true);
  });

  it('drops what arrived for another interface or host, and what is no ARP', () => {
    const frame = arp.get('request')!;
    expect(passes(program, frame, 8)).toBe(false);
    expect(passes(program, frame, 7, 3)).toBe(false);
    // What the node itself sends, where the kernel gives that to sockets.
    expect(passes(program, frame, 7, 4)).toBe(false);
    expect(passes(program, ndp.get('solicitation')!)).toBe(false);
    expect(passes(program, frame.subarray(0, 20))).toBe(false);
  });
});

describe('the filter for neighbour discovery', () => {
  const program = neighborFilter(7, rangesOf([low6]));
  it.each([...ndp])('lets through what concerns the address: %s', (_, frame) => {
    expect(passes(program, frame)).toBe(true);
    expect(passes(neighborFilter(7, rangesOf([low6 + 1])), frame)).toBe(false);
    expect(passes(neighborFilter(7, []), frame)).toBe(false);
  });

  it('drops what arrived for another interface or host, other messages and other protocols', () => {
    const frame = ndp.get('solicitation')!;
    const but = (at: number, octet: number) => frame.with(at, octet);
    expect(passes(program, frame, 8)).toBe(false);
    expect(passes(program, frame, 7, 3)).toBe(false);
    // What the node itself sends, where the kernel gives that to sockets.
    expect(passes(program, frame, 7, 4)).toBe(false);
    expect(passes(program, but(54, 134))).toBe(false);
    expect(passes(program, but(54, 137))).toBe(false);
    expect(passes(program, but(20, 17))).toBe(false);
    expect(passes(program, arp.get('request')!)).toBe(false);
  });
});

it('filters find exactly the addresses of their ranges, however many there are', () => {
  const frame = arp.get('probe')!.slice();
  fc.assert(
    fc.property(fc.array(fc.nat(3000), { maxLength: 300 }), fc.nat(2 ** 32 - 3001), (offsets, base) => {
      const addresses = offsets.map((offset) => base + offset);
      const ranges = rangesOf(addresses);
      const program = arpFilter(7, ranges);
      expect(program.length).toBeLessThan(450);
      for (const address of [...addresses, ...offsets.map((offset) => base + ((offset * 7) % 3000)), 0, 0xffffffff]) {
        new DataView(frame.buffer, frame.byteOffset).setUint32(38, address);
        expect(toU32(frame, 28)).toBe(0);
        // The sender of the probe is 0.0.0.0.
        const wanted = ranges.some(([first, last]) => (first <= address && address <= last) || first === 0);
        expect(passes(program, frame)).toBe(wanted);
      }
    }),
    { numRuns: 200 },
  );
});
