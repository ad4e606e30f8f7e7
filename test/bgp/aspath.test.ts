import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkAsPath, decodeAsPath, encodeAsPath, mergeAs4Path } from '../../src/bgp/aspath.ts';
import { type AsSegment, pathLength } from '../../src/bgp/path.ts';
import { fromHex, Reader, toHex, Writer } from '../../src/lib/bytes.ts';
import { asPath } from '../support/bgp.ts';

const seq = (...asns: number[]): AsSegment => ({ type: 'sequence', asns });
const set = (...asns: number[]): AsSegment => ({ type: 'set', asns });
const confed = (...asns: number[]): AsSegment => ({ type: 'confedSequence', asns });
const confedSet = (...asns: number[]): AsSegment => ({ type: 'confedSet', asns });
const T = 23456;

function encode(path: readonly AsSegment[], width: 2 | 4): Uint8Array {
  const w = new Writer(8192);
  encodeAsPath(w, path, width);
  return w.finish();
}

describe('AS paths', () => {
  it('have every type of segment', () => {
    const path = [confed(65300), confedSet(65301), seq(1, 2), set(3)];
    expect(toHex(encode(path, 2))).toBe('0301ff14' + '0401ff15' + '020200010002' + '01010003');
    expect(decodeAsPath(new Reader(encode(path, 2)), 2)).toEqual(path);
  });

  it('in two octets put AS_TRANS for what does not fit', () => {
    expect(decodeAsPath(new Reader(encode([seq(65535, 65536, 4294967295)], 2)), 2)).toEqual([seq(65535, T, T)]);
  });

  it('split a segment of more than 255', () => {
    const asns = Array.from({ length: 600 }, (_, i) => i + 1);
    const path = decodeAsPath(new Reader(encode([seq(...asns)], 4)), 4);
    expect(path.map((s) => s.asns.length)).toEqual([255, 255, 90]);
    expect(path.flatMap((s) => s.asns)).toEqual(asns);
  });

  it('decode ∘ encode is the identity', () => {
    fc.assert(
      fc.property(asPath(true), (path) => {
        const bytes = encode(path, 4);
        expect(checkAsPath(bytes, 0, bytes.length, 4, true)).toBeUndefined();
        expect(decodeAsPath(new Reader(bytes), 4)).toEqual(path);
      }),
    );
  });

  it.each([
    ['unknown segment type', '05010001', 2, 'segment type 5'],
    ['segment type 0', '00010001', 2, 'segment type 0'],
    ['empty segment', '0200', 2, 'empty segment'],
    ['segment that overruns', '02020001', 2, 'segment overruns the attribute'],
    ['two-octet segment read as four-octet', '02010001', 4, 'segment overruns the attribute'],
    ['octet left over', '0201000102', 2, 'stray octet after the last segment'],
    ['AS 0 in two octets', '020200010000', 2, 'AS 0'],
    ['AS 0 in four octets', '02020000000100000000', 4, 'AS 0'],
  ] as const)('%s is malformed', (_name, hex, width, reason) => {
    const bytes = fromHex(hex);
    expect(checkAsPath(bytes, 0, bytes.length, width, true)).toBe(reason);
  });

  it.each(['03010001', '04010001'])('segment %s is for members of the confederation only', (hex) => {
    expect(checkAsPath(fromHex(hex), 0, 4, 2, true)).toBeUndefined();
    expect(checkAsPath(fromHex(hex), 0, 4, 2, false)).toMatch(/confederation/);
  });

  it('65536 is not AS 0 for its two zero octets', () => {
    expect(checkAsPath(fromHex('020100010000'), 0, 6, 4, false)).toBeUndefined();
    expect(checkAsPath(fromHex('020100000001'), 0, 6, 4, false)).toBeUndefined();
  });
});

describe('mergeAs4Path (RFC 6793 §4.2.3)', () => {
  it.each<[string, AsSegment[], AsSegment[], AsSegment[]]>([
    ['same length', [seq(1, T, 3)], [seq(1, 70000, 3)], [seq(1, 70000, 3)]],
    ['old speakers in front', [seq(9, 8, 1, T)], [seq(1, 70000)], [seq(9, 8, 1, 70000)]],
    ['no AS4_PATH left', [seq(1, 2)], [], [seq(1, 2)]],
    ['AS4_PATH longer: an old speaker aggregated', [seq(1, T)], [seq(1, 70000, 3)], [seq(1, T)]],
    ['a set is one hop', [seq(9), set(1, T, 3)], [set(1, 70000, 3)], [seq(9), set(1, 70000, 3)]],
    ['a set in front is taken whole', [set(7, 8), seq(T)], [seq(70000)], [set(7, 8), seq(70000)]],
    ['a sequence before a set', [seq(9, T)], [set(70000, 70001)], [seq(9), set(70000, 70001)]],
    ['segments stay apart where they were', [seq(9), seq(T, 2)], [seq(70000, 2)], [seq(9), seq(70000, 2)]],
    ['confederation in front stays', [confed(65300), seq(T)], [seq(70000)], [confed(65300), seq(70000)]],
    [
      'confederation after what is taken stays',
      [seq(9), confedSet(65300), seq(T)],
      [seq(70000)],
      [seq(9), confedSet(65300), seq(70000)],
    ],
    ['confederation behind is covered', [seq(T), confed(65300)], [seq(70000)], [seq(70000)]],
    ['nothing in AS_PATH, something in AS4_PATH', [], [seq(70000)], []],
  ])('%s', (_name, path, as4, merged) => {
    expect(mergeAs4Path(path, as4)).toEqual(merged);
  });

  it('does not make a segment of more than 255 at the seam', () => {
    const tail = Array.from({ length: 250 }, (_, i) => i + 1);
    const merged = mergeAs4Path(
      [seq(...Array.from({ length: 10 }, (_, i) => i + 900), ...tail.slice(0, 245))],
      [seq(...tail.slice(0, 249))],
    );
    expect(merged.map((s) => s.asns.length)).toEqual([255]);
    const long = mergeAs4Path([seq(1, 2, 3, 4, 5, 6), seq(...tail)], [seq(...tail)]);
    expect(long.map((s) => s.asns.length)).toEqual([6, 250]);
  });

  it('never changes how long a path is', () => {
    fc.assert(
      fc.property(asPath(true), asPath(false), (path, as4) => {
        expect(pathLength(mergeAs4Path(path, as4))).toBe(pathLength(path));
      }),
    );
  });
});
