import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AddressFamily } from '../../src/bgp/const.ts';
import { countNlri, forEachNlri, type NlriRun, nlriOctets, readPrefixes, writeNlri } from '../../src/bgp/nlri.ts';
import { addressFrom } from '../../src/lib/address.ts';
import { fromHex, OverflowError, toHex, Writer } from '../../src/lib/bytes.ts';
import { formatPrefix, type Prefix, prefix, prefixOf } from '../../src/lib/prefix.ts';
import { PrefixTable, wordOf } from '../../src/lib/table.ts';
import { truncations } from '../support/bgp.ts';

const families: readonly AddressFamily[] = ['ipv4', 'ipv6'];
const run = (family: AddressFamily, bytes: Uint8Array, addPath = false): NlriRun => ({
  family,
  addPath,
  bytes,
  start: 0,
  end: bytes.length,
});
const runHex = (family: AddressFamily, hex: string, addPath = false) => run(family, fromHex(hex), addPath);

/** A run out of prefixes, with path identifiers where they are given. */
function encode(family: AddressFamily, prefixes: readonly Prefix[], pathIds?: readonly number[]): NlriRun {
  const table = new PrefixTable(family === 'ipv4' ? 4 : 6);
  const w = new Writer(4096);
  prefixes.forEach((p, i) => {
    writeNlri(w, table, table.add(p), pathIds?.[i]);
  });
  return run(family, w.finish(), pathIds !== undefined);
}

/** What `forEachNlri` hands over, as the values that `wordOf` has for the same prefix. */
function visited(r: NlriRun): number[][] {
  const out: number[][] = [];
  forEachNlri(r, (...call) => out.push(call));
  return out;
}

const anyPrefix = (family: AddressFamily) => {
  const size = family === 'ipv4' ? 4 : 16;
  return fc
    .tuple(fc.uint8Array({ minLength: size, maxLength: size }), fc.nat(8 * size))
    .map(([bytes, length]) => prefixOf(addressFrom(bytes), length));
};

describe('NLRI', () => {
  it.each([
    ['ipv4', '', []],
    ['ipv4', '00', ['0.0.0.0/0']],
    ['ipv4', '080a', ['10.0.0.0/8']],
    ['ipv4', '09 0a80', ['10.128.0.0/9']],
    ['ipv4', '18 c00002', ['192.0.2.0/24']],
    ['ipv4', '1f c0000202 20 c0000203 01 80', ['192.0.2.2/31', '192.0.2.3/32', '128.0.0.0/1']],
    ['ipv6', '00', ['::/0']],
    ['ipv6', '20 20010db8', ['2001:db8::/32']],
    ['ipv6', '21 20010db880', ['2001:db8:8000::/33']],
    ['ipv6', '3f 20010db800000002', ['2001:db8:0:2::/63']],
    ['ipv6', '41 20010db80000000380', ['2001:db8:0:3:8000::/65']],
    ['ipv6', '80 20010db8000000000000000000000001', ['2001:db8::1/128']],
    ['ipv6', '61 20010db800000000ffffffff80', ['2001:db8::ffff:ffff:8000:0/97']],
  ] as const)('%s %s', (family, hex, texts) => {
    const r = runHex(family, hex);
    expect(countNlri(r)).toBe(texts.length);
    expect(readPrefixes(r).map(formatPrefix)).toEqual(texts);
    expect(visited(r)).toEqual(texts.map(prefix).map((p) => [0, 1, 2, 3].map((i) => wordOf(p, i)).concat(p.length, 0)));
    expect(toHex(encode(family, texts.map(prefix)).bytes)).toBe(hex.replaceAll(' ', ''));
  });

  it('clears bits past the length', () => {
    expect(readPrefixes(runHex('ipv4', '01ff 07ff 11ffffff 1fffffffff')).map(formatPrefix)).toEqual([
      '128.0.0.0/1',
      '254.0.0.0/7',
      '255.255.128.0/17',
      '255.255.255.254/31',
    ]);
    expect(visited(runHex('ipv4', '11ffffff'))).toEqual([[0xffff8000, 0, 0, 0, 17, 0]]);
    expect(visited(runHex('ipv4', '0aff ff'))).toEqual([[0xffc00000, 0, 0, 0, 10, 0]]);
    expect(visited(runHex('ipv6', '21ffffffffff'))).toEqual([[0xffffffff, 0x80000000, 0, 0, 33, 0]]);
    expect(visited(runHex('ipv6', '7fffffffffffffffffffffffffffffffff'))).toEqual([
      [0xffffffff, 0xffffffff, 0xffffffff, 0xfffffffe, 127, 0],
    ]);
  });

  it('reads path identifiers as unsigned numbers', () => {
    const r = runHex('ipv4', 'fffffffe 080a 00000001 18c00002', true);
    expect(countNlri(r)).toBe(2);
    expect(visited(r).map((v) => v[5])).toEqual([0xfffffffe, 1]);
    expect(readPrefixes(r).map(formatPrefix)).toEqual(['10.0.0.0/8', '192.0.2.0/24']);
  });

  it.each([
    ['ipv4', false, '21c0000200ff'],
    ['ipv4', false, 'ff'],
    ['ipv6', false, '81'],
    ['ipv4', false, '08'],
    ['ipv4', false, '18c000'],
    ['ipv4', true, '000000'],
    ['ipv4', true, '00000001'],
    ['ipv4', true, '0000000108'],
  ] as const)('%s, ADD-PATH %s: %s is malformed', (family, addPath, hex) => {
    expect(countNlri(runHex(family, hex, addPath))).toBe(-1);
  });

  it.each(families)('%s: a cut run is malformed, or ends between two prefixes', (family) => {
    const bits = family === 'ipv4' ? 32 : 128;
    const prefixes = [0, 1, 8, 9, 17, bits].map((n) => prefixOf(addressFrom(new Uint8Array(bits / 8).fill(0xa5)), n));
    const whole = encode(family, prefixes);
    const boundaries = prefixes.map((_, n) => encode(family, prefixes.slice(0, n)).end);
    for (const cut of truncations(whole.bytes)) {
      const n = boundaries.indexOf(cut.length);
      expect(countNlri(run(family, cut))).toBe(n);
      if (n >= 0) expect(readPrefixes(run(family, cut))).toEqual(prefixes.slice(0, n));
    }
  });

  it.each(families)('%s: what is written is what is visited, and takes the octets announced', (family) => {
    fc.assert(
      fc.property(fc.array(anyPrefix(family), { maxLength: 20 }), fc.boolean(), (prefixes, addPath) => {
        const ids = prefixes.map((_, i) => i * 0x01010101);
        const r = encode(family, prefixes, addPath ? ids : undefined);
        expect(r.end).toBe(prefixes.reduce((n, p) => n + nlriOctets(p.length, addPath), 0));
        expect(countNlri(r)).toBe(prefixes.length);
        expect(readPrefixes(r)).toEqual(prefixes);
        expect(visited(r)).toEqual(
          prefixes.map((p, i) => [...[0, 1, 2, 3].map((n) => wordOf(p, n)), p.length, addPath ? ids[i] : 0]),
        );
      }),
    );
  });

  it('does not write past the end', () => {
    const table = new PrefixTable(4);
    const id = table.add(prefix('192.0.2.0/24'));
    expect(() => writeNlri(new Writer(3), table, id)).toThrow(OverflowError);
    expect(() => writeNlri(new Writer(7), table, id, 1)).toThrow(OverflowError);
    writeNlri(new Writer(4), table, id);
  });
});
