import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AttributeTable } from '../../src/bgp/intern.ts';
import { toHex } from '../../src/lib/bytes.ts';
import { seedTables } from '../../src/lib/seed.ts';

const octets = (text: string) => new TextEncoder().encode(text);
const intern = (table: AttributeTable, text: string, tag = 0) =>
  table.intern(octets(text), 0, octets(text).length, tag);
const find = (table: AttributeTable, text: string, tag = 0) => table.find(octets(text), 0, octets(text).length, tag);

describe('AttributeTable', () => {
  it('finds what was added, under its tag, wherever the octets lie', () => {
    const table = new AttributeTable();
    expect(find(table, 'abc')).toBe(-1);
    const id = intern(table, 'abc');
    expect(intern(table, 'abc')).toBe(id);
    expect(find(table, 'abc', 1)).toBe(-1);
    expect(find(table, 'ab')).toBe(-1);
    expect(table.find(octets('xxabcxx'), 2, 5, 0)).toBe(id);
    const other = intern(table, 'abc', 1);
    expect(other).not.toBe(id);
    expect([table.tag(id), table.tag(other), table.size]).toEqual([0, 1, 2]);
    expect(toHex(table.view(id))).toBe('616263');
  });

  it('tells sets apart whose hashes are the same', () => {
    const table = new AttributeTable();
    const keys = ['a', 'b', 'aa', 'ab'].flatMap((text) => [0, 1].map((tag) => ({ bytes: octets(text), tag })));
    const ids = keys.map(({ bytes, tag }) => table.intern(bytes, 0, bytes.length, tag, 42));
    expect(new Set(ids).size).toBe(keys.length);
    const found = () => keys.map(({ bytes, tag }) => table.find(bytes, 0, bytes.length, tag, 42));
    expect(found()).toEqual(ids);
    table.release(ids[2]!);
    expect(found()).toEqual(ids.with(2, -1));
  });

  it('hashes with a seed, and so that no two words undo what two others do, whatever the seed', () => {
    const sets = Array.from({ length: 512 }, (_, choice) => {
      const bytes = new Uint8Array(9 * 8);
      const view = new DataView(bytes.buffer);
      for (let i = 0; i < 9; i++) {
        if (((choice >> i) & 1) === 0) continue;
        // After one multiplication the highest bit is still alone, and where it goes is known.
        view.setUint32(8 * i, 0x8000_0000);
        view.setUint32(8 * i + 4, 0x8001_0000);
      }
      return bytes;
    });
    const hashes = (seed: number): number[] => {
      seedTables(seed);
      const table = new AttributeTable();
      seedTables(0);
      return sets.map((bytes) => table.hash(bytes, 0, bytes.length, 0));
    };
    for (const seed of [0, 1, 0xdeadbeef]) expect(new Set(hashes(seed)).size).toBeGreaterThan(500);
    expect(hashes(1)).not.toEqual(hashes(2));
  });

  it('copies: the octets may change afterwards', () => {
    const table = new AttributeTable();
    const bytes = octets('abc');
    const id = table.add(bytes, 0, 3, 0);
    bytes.fill(0);
    expect(table.view(id)).toEqual(octets('abc'));
  });

  it('keeps a set until its last reference is gone, and gives its id to another', () => {
    const table = new AttributeTable();
    const id = intern(table, 'abc');
    expect(table.count(id)).toBe(0);
    table.retain(id);
    table.retain(id);
    table.release(id);
    expect([find(table, 'abc'), table.count(id)]).toEqual([id, 1]);
    table.release(id);
    expect([find(table, 'abc'), table.size]).toEqual([-1, 0]);
    expect(intern(table, 'xyz')).toBe(id);
    expect(table.count(id)).toBe(0);
  });

  it('a set that nobody wanted goes with one release', () => {
    const table = new AttributeTable();
    table.release(intern(table, 'abc'));
    expect(table.size).toBe(0);
  });

  it('behaves like a map of counted sets', () => {
    // Few keys that share hashes' low bits often enough; sizes up to hundreds move the arena.
    const key = fc.tuple(fc.nat(40), fc.nat(3)).map(([n, tag]) => ({ text: String(n).repeat(1 + n * 4), tag }));
    const step = fc.record({ key, op: fc.constantFrom('add', 'add', 'retain', 'release') });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const table = new AttributeTable();
        const model = new Map<string, { id: number; text: string; tag: number; count: number }>();
        for (const { key: k, op } of steps) {
          const name = `${k.tag} ${k.text}`;
          const known = model.get(name);
          expect(find(table, k.text, k.tag)).toBe(known?.id ?? -1);
          if (op === 'add') {
            const id = intern(table, k.text, k.tag);
            if (known === undefined) model.set(name, { id, ...k, count: 0 });
            else expect(id).toBe(known.id);
          } else if (known !== undefined && op === 'retain') {
            table.retain(known.id);
            known.count++;
          } else if (known !== undefined) {
            table.release(known.id);
            if (--known.count <= 0) model.delete(name);
          }
          expect(table.size).toBe(model.size);
        }
        expect(new Set([...model.values()].map((m) => m.id)).size).toBe(model.size);
        for (const m of model.values()) {
          expect(table.view(m.id)).toEqual(octets(m.text));
          expect([table.tag(m.id), table.count(m.id)]).toEqual([m.tag, m.count]);
        }
      }),
    );
  });

  it('finds every set while its index grows, and sets go and come', () => {
    const table = new AttributeTable();
    const kept = new Map<number, string>();
    // Growing twofold from 64 slots: some index is being moved for a tenth of all steps.
    for (let i = 0; i < 12_000; i++) {
      const text = `set ${i}`;
      kept.set(intern(table, text), text);
      const gone = [...kept.keys()][(i * 7) % kept.size]!;
      if (i % 3 !== 0) continue;
      table.release(gone);
      expect(find(table, kept.get(gone)!)).toBe(-1);
      kept.delete(gone);
      if (i % 500 !== 0) continue;
      for (const [id, one] of kept) if (find(table, one) !== id) throw new Error(`${one} is not found`);
    }
    for (const [id, text] of kept) expect([find(table, text), table.view(id)]).toEqual([id, octets(text)]);
    for (const id of kept.keys()) table.release(id);
    expect(table.size).toBe(0);
    for (const text of kept.values()) expect(find(table, text)).toBe(-1);
  });

  it('keeps the octets of every set while others go, and pieces of memory with them', () => {
    const table = new AttributeTable();
    const kept = new Map<number, string>();
    let most = 0;
    for (let i = 0; i < 8_000; i++) {
      const text = `${i} `.repeat(1 + ((i * 37) % 400));
      kept.set(intern(table, text), text);
      // Waves: all but a tenth of what is there goes, so that no piece is ever empty; then it fills again.
      const ids = (i >> 9) % 2 === 1 ? [...kept.keys()].filter((id) => id % 10 !== 0).slice(0, 2) : [];
      for (const id of ids) {
        table.release(id);
        kept.delete(id);
      }
      most = Math.max(most, table.byteLength);
      if (i % 200 !== 0) continue;
      for (const [id, one] of kept) if (Buffer.compare(table.view(id), octets(one)) !== 0) expect.fail(`set ${id}`);
    }
    const living = [...kept.values()].reduce((n, text) => n + text.length, 0);
    expect(most).toBeGreaterThan(2 * living);
    expect(table.byteLength).toBeLessThan(3 * living + (2 << 20));
  });

  it('gives memory back when most sets are gone', () => {
    const table = new AttributeTable();
    const ids = Array.from({ length: 20_000 }, (_, i) =>
      intern(table, `attributes of about ninety octets ${i} `.repeat(2)),
    );
    const full = table.byteLength;
    ids.forEach((id, i) => {
      if (i % 20 !== 0) table.release(id);
    });
    expect(table.size).toBe(1000);
    expect(table.byteLength).toBeLessThan(full * 0.6);
    ids.forEach((id, i) => {
      if (i % 20 !== 0) return;
      expect(table.view(id)).toEqual(octets(`attributes of about ninety octets ${i} `.repeat(2)));
      expect(find(table, `attributes of about ninety octets ${i} `.repeat(2))).toBe(id);
    });
  });

  it('costs little more than the octets', () => {
    const table = new AttributeTable();
    const n = 50_000;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const text = `${i}:`.padEnd(90, 'x');
      sum += text.length;
      intern(table, text);
    }
    expect(table.byteLength).toBeLessThan(sum * 1.5 + n * 40);
  });
});
