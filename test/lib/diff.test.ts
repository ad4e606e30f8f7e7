import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonical, diff, equal } from '../../src/lib/diff.ts';

const someMap = fc
  .array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.option(fc.nat(2), { nil: undefined })))
  .map((list) => new Map(list));

describe('diff', () => {
  it('turns have into want, and names every key once', () => {
    fc.assert(
      fc.property(someMap, someMap, (have, want) => {
        const d = diff(have, want);
        const result = new Map(have);
        for (const [key] of d.removed) expect(result.delete(key)).toBe(true);
        for (const [key, old, value] of d.changed) {
          expect(result.get(key)).toBe(old);
          expect(old).not.toBe(value);
          result.set(key, value);
        }
        for (const [key, value] of d.added) {
          expect(result.has(key)).toBe(false);
          result.set(key, value);
        }
        expect(result).toEqual(want);
        const named = [...d.added, ...d.changed, ...d.removed].map(([key]) => key);
        expect(new Set(named).size).toBe(named.length);
      }),
    );
  });

  it('takes undefined for a value like any other', () => {
    expect(diff(new Map(), new Map([['a', undefined]])).added).toEqual([['a', undefined]]);
    expect(diff(new Map([['a', undefined]]), new Map([['a', undefined]]))).toEqual({
      added: [],
      changed: [],
      removed: [],
    });
    expect(diff(new Map<string, number | undefined>([['a', undefined]]), new Map([['a', 1]])).changed).toEqual([
      ['a', undefined, 1],
    ]);
  });

  it('keeps the order of insertion', () => {
    const have = new Map([
      ['z', 1],
      ['y', 1],
      ['x', 1],
      ['w', 1],
    ]);
    const want = new Map([
      ['q', 1],
      ['x', 2],
      ['p', 1],
      ['z', 2],
    ]);
    const d = diff(have, want);
    expect(d.added.map(([key]) => key)).toEqual(['q', 'p']);
    expect(d.changed.map(([key]) => key)).toEqual(['x', 'z']);
    expect(d.removed.map(([key]) => key)).toEqual(['y', 'w']);
  });

  it('asks the comparison it was given', () => {
    expect(diff(new Map([['a', { n: 1 }]]), new Map([['a', { n: 1 }]]), equal).changed).toEqual([]);
    expect(diff(new Map([['a', { n: 1 }]]), new Map([['a', { n: 1 }]])).changed).toHaveLength(1);
  });
});

describe('equal', () => {
  const { plain } = fc.letrec<{ plain: unknown }>((tie) => ({
    plain: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<unknown>(undefined, null, true, 0, -0, Number.NaN, 1, 1n, '', 'a'),
      fc.uint8Array({ maxLength: 2, max: 1 }),
      fc.array(tie('plain'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('plain'), { noNullPrototype: false }),
      fc.array(fc.tuple(fc.constantFrom('a', 'b', 1, 1n), tie('plain')), { maxLength: 3 }).map((list) => new Map(list)),
      fc.array(fc.constantFrom('a', 'b', 1, 1n), { maxLength: 3 }).map((list) => new Set(list)),
    ),
  }));

  it('agrees with Node on plain data', () => {
    fc.assert(
      fc.property(plain, plain, (a, b) => {
        expect(equal(a, b)).toBe(isDeepStrictEqual(a, b));
      }),
      { numRuns: 2000 },
    );
  });

  it('holds between a value and its copy, whatever the order of keys', () => {
    const reversed = (v: unknown): unknown => {
      if (v instanceof Map) return new Map([...v].reverse().map(([key, value]) => [key, reversed(value)]));
      if (v instanceof Set) return new Set([...v].reverse());
      if (v instanceof Uint8Array) return v.slice();
      if (Array.isArray(v)) return v.map(reversed);
      if (typeof v !== 'object' || v === null) return v;
      const out = Object.create(Object.getPrototypeOf(v));
      for (const [key, value] of Object.entries(v).reverse()) out[key] = reversed(value);
      return out;
    };
    fc.assert(
      fc.property(plain, (value) => {
        expect(equal(value, reversed(value))).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    [
      [1, 2],
      [2, 1],
    ],
    [[1], { 0: 1 }],
    [{ a: 1 }, { a: 1, b: undefined }],
    [{ a: undefined }, { b: undefined }],
    [new Map([['a', 1]]), new Map([['a', 2]])],
    [new Map<string, number | undefined>([['a', undefined]]), new Map<string, number | undefined>([['b', undefined]])],
    [new Set([1]), new Set([2])],
    [Uint8Array.of(1), Uint8Array.of(2)],
    [Uint8Array.of(1), Uint16Array.of(1)],
    [null, {}],
    [0, -0],
    [1n, 1],
  ])('tells %o from %o', (a, b) => {
    expect(equal(a, b)).toBe(false);
    expect(equal(b, a)).toBe(false);
  });

  it('does not count key order', () => {
    expect(equal({ a: 1, b: [2] }, { b: [2], a: 1 })).toBe(true);
    expect(
      equal(
        new Map([
          ['a', 1],
          ['b', 2],
        ]),
        new Map([
          ['b', 2],
          ['a', 1],
        ]),
      ),
    ).toBe(true);
  });
});

describe('canonical', () => {
  const { plain } = fc.letrec<{ plain: unknown }>((tie) => ({
    plain: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<unknown>(
        undefined,
        null,
        true,
        0,
        -0,
        Number.NaN,
        1,
        12,
        1n,
        '',
        '1',
        '1n',
        'null',
        '"',
        '[1]',
        ',',
      ),
      fc.uint8Array({ maxLength: 2, max: 1 }),
      fc.uint16Array({ maxLength: 2, max: 1 }),
      fc.array(tie('plain'), { maxLength: 2 }),
      fc.dictionary(fc.constantFrom('a', 'b', 'a":1,"b'), tie('plain'), { noNullPrototype: true }),
    ),
  }));

  it('is the same text for equal values, and for no others', () => {
    fc.assert(
      fc.property(plain, plain, (a, b) => {
        expect(canonical(a) === canonical(b)).toBe(equal(a, b));
      }),
      { numRuns: 1500 },
    );
  });

  it('does not count key order, nor whether octets are a Buffer', () => {
    expect(canonical({ a: 1, b: [2n, 'x'] })).toBe(canonical({ b: [2n, 'x'], a: 1 }));
    expect(canonical(Buffer.from([1, 200]))).toBe(canonical(Uint8Array.of(1, 200)));
    expect(canonical([12])).not.toBe(canonical([1, 2]));
    expect(canonical(Uint8Array.of(1))).not.toBe(canonical(Uint8Array.of(0, 1)));
  });
});
