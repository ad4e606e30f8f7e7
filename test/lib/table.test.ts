import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Family } from '../../src/lib/address.ts';
import type { HashIndex } from '../../src/lib/hashindex.ts';
import { formatPrefix, type Prefix, prefix, prefixOf } from '../../src/lib/prefix.ts';
import { seedTables } from '../../src/lib/seed.ts';
import { PrefixTable, wordOf } from '../../src/lib/table.ts';
import { anyPrefix } from '../support/ip.ts';

/** Everything the table promises, checked against a Map from text to id. One assertion in all: tables are large. */
function check(table: PrefixTable, model: ReadonlyMap<string, number>): void {
  const wrong: string[] = [];
  for (const [text, id] of model) {
    const p = prefix(text);
    if (table.lookup(p) !== id) wrong.push(`${text} has id ${table.lookup(p)}, not ${id}`);
    if (!table.has(id) || id >= table.limit) wrong.push(`id ${id} of ${text} is not in use`);
    if (formatPrefix(table.prefix(id)) !== text)
      wrong.push(`id ${id} is ${formatPrefix(table.prefix(id))}, not ${text}`);
    if (table.lengthOf(id) !== p.length) wrong.push(`${text} has length ${table.lengthOf(id)}`);
    for (let i = 0; i < 4; i++) if (table.word(id, i) !== wordOf(p, i)) wrong.push(`${text} word ${i}`);
  }
  let live = 0;
  for (let id = 0; id < table.limit; id++) if (table.has(id)) live++;
  expect({ wrong, live, size: table.size, ids: new Set(model.values()).size }).toEqual({
    wrong: [],
    live: model.size,
    size: model.size,
    ids: model.size,
  });
}

/** Numbers below a bound, from a seed. */
const lcg = (state: number) => (bound: number) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return (state >>> 8) % bound;
};

describe.each<Family>([4, 6])('PrefixTable of IPv%d', (family) => {
  it('follows a Map through random inserts and removals', () => {
    const few = fc.array(anyPrefix(family), { minLength: 1, maxLength: 40 });
    const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(39)), { maxLength: 300 });
    fc.assert(
      fc.property(few, steps, fc.constantFrom(0, 1, 64), (prefixes, list, capacity) => {
        const table = new PrefixTable(family, capacity);
        const model = new Map<string, number>();
        for (const [insert, n] of list) {
          const p = prefixes[n % prefixes.length]!;
          const text = formatPrefix(p);
          if (insert) {
            const id = table.add(p);
            expect(id).toBe(model.get(text) ?? id);
            model.set(text, id);
          } else {
            const id = table.lookup(p);
            expect(id).toBe(model.get(text) ?? -1);
            if (id >= 0) {
              table.remove(id);
              model.delete(text);
            }
          }
        }
        check(table, model);
        for (const p of prefixes) if (!model.has(formatPrefix(p))) expect(table.lookup(p)).toBe(-1);
      }),
      { numRuns: 200 },
    );
  });

  it('tells prefixes apart by length alone', () => {
    const table = new PrefixTable(family);
    const zero = { family, bytes: new Uint8Array(family === 4 ? 4 : 16) };
    const ids = Array.from({ length: zero.bytes.length * 8 + 1 }, (_, length) => table.add(prefixOf(zero, length)));
    expect(new Set(ids).size).toBe(ids.length);
    ids.forEach((id, length) => {
      expect(table.lookup(prefixOf(zero, length))).toBe(id);
    });
  });

  it('keeps every id through growth, and hands out freed ones again', () => {
    const table = new PrefixTable(family, 1);
    const model = new Map<string, number>();
    const nth = (i: number): Prefix => {
      const bytes = new Uint8Array(family === 4 ? 4 : 16);
      // As a routing table is: consecutive /24s, or consecutive /48s.
      new DataView(bytes.buffer).setUint32(0, i << (family === 4 ? 8 : 0));
      return { family, bytes, length: family === 4 ? 24 : 48 };
    };
    const add = (i: number): void => {
      model.set(formatPrefix(nth(i)), table.add(nth(i)));
    };
    for (let i = 0; i < 5000; i++) add(i);
    for (let i = 0; i < 5000; i += 2) {
      table.remove(table.lookup(nth(i)));
      model.delete(formatPrefix(nth(i)));
    }
    const { limit } = table;
    for (let i = 5000; i < 7500; i++) add(i);
    expect(table.limit).toBe(limit);
    check(table, model);
    for (const id of model.values()) table.remove(id);
    check(table, new Map());
  });

  it('finds what another table has, whatever its number there', () => {
    const all = fc.array(anyPrefix(family), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(all, all, (ours, theirs) => {
        const [here, there] = [new PrefixTable(family), new PrefixTable(family)];
        for (const p of ours) here.add(p);
        for (const p of [...theirs, ...ours.slice(1)]) {
          const id = there.add(p);
          expect(here.findSame(there, id)).toBe(here.lookup(p));
        }
      }),
    );
  });

  it('holds while its index is being moved', () => {
    // Grows through several doublings with removals and returning prefixes all along, most of all in mid-move.
    let moves = 0;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 0x7fffffff }), (seed) => {
        const random = lcg(seed);
        const table = new PrefixTable(family, 8);
        const model = new Map<string, number>();
        for (let step = 0; step < 3000; step++) {
          const bytes = new Uint8Array(family === 4 ? 4 : 16);
          new DataView(bytes.buffer).setUint32(bytes.length - 4, random(1200));
          const p: Prefix = { family, bytes, length: bytes.length * 8 };
          const text = formatPrefix(p);
          if (random(10) < 7) model.set(text, table.add(p));
          else if (model.has(text)) {
            table.remove(table.lookup(p));
            model.delete(text);
          }
          if (table.lookup(p) !== (model.get(text) ?? -1)) expect.fail(`${text} after step ${step} of seed ${seed}`);
          if ((table as unknown as { index: HashIndex }).index.isMoving) {
            moves++;
            if (random(20) === 0) check(table, model);
          }
        }
        check(table, model);
      }),
      { numRuns: 5 },
    );
    expect(moves).toBeGreaterThan(100);
  });

  it('has no id outside its range', () => {
    const table = new PrefixTable(family);
    const id = table.add({ family, bytes: new Uint8Array(family === 4 ? 4 : 16), length: 0 });
    for (const other of [-1, id + 1, 63, 64, 1e6]) expect(table.has(other)).toBe(false);
  });
});

describe('PrefixTable of regular tables', () => {
  it.each([8, 16, 20, 24, 32])('finds consecutive /%d in few probes', (length) => {
    // Counts probes through the index: a weak hash would make runs of thousands of slots out of regular prefixes.
    const table = new PrefixTable(4, 1 << 15);
    const n = Math.min(1 << length, 24_000);
    const index = (table as unknown as { index: HashIndex }).index.slots;
    for (let i = 0; i < n; i++) table.insert((i * 2 ** (32 - length)) >>> 0, 0, 0, 0, length);
    let longest = 0;
    let run = 0;
    for (const slot of index) {
      run = slot === 0 ? 0 : run + 1;
      longest = Math.max(longest, run);
    }
    expect(table.size).toBe(n);
    expect(longest).toBeLessThan(200);
  });
});

describe('helpers', () => {
  it('wordOf reads network order, and zero past the end', () => {
    expect([0, 1, 2, 3].map((i) => wordOf(prefix('255.0.2.1'), i))).toEqual([0xff000201, 0, 0, 0]);
    expect([0, 1, 2, 3].map((i) => wordOf(prefix('2001:db8::ffff:0:1'), i))).toEqual([0x20010db8, 0, 0xffff, 1]);
  });
});

it('does not take longer and longer for prefixes that were chosen to collide, in a table with a seed that nobody knew', () => {
  const COUNT = 400;
  /** How often a table looked at a slot while it took these in. */
  const looks = (list: readonly number[]): number => {
    const table = new PrefixTable(4, 4 * COUNT);
    const { index } = table as unknown as { index: HashIndex };
    let reads = 0;
    index.slots = new Proxy(index.slots, {
      get(target, key) {
        reads++;
        return Reflect.get(target, key, target);
      },
    });
    for (const w0 of list) table.insert(w0, 0, 0, 0, 32);
    expect(table.size).toBe(COUNT);
    return reads;
  };
  const probe = new PrefixTable(4, 4 * COUNT);
  const parts = probe as unknown as { hashAt(id: number): number; index: HashIndex };
  const chosen: number[] = [];
  for (let w0 = 0; chosen.length < COUNT; w0++) {
    const id = probe.insert(w0, 0, 0, 0, 32);
    if ((parts.hashAt(id) & parts.index.mask) < 2) chosen.push(w0);
    probe.remove(id);
  }
  expect(looks(chosen)).toBeGreaterThan((COUNT * COUNT) / 4);
  try {
    for (const seed of [1, 12_345, 0xdeadbeef]) {
      seedTables(seed);
      expect(looks(chosen)).toBeLessThan(4 * COUNT);
    }
  } finally {
    seedTables(0);
  }
});
