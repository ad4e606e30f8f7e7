import { describe, expect, it } from 'vitest';
import { AttributeTable } from '../../src/bgp/intern.ts';
import { Selections } from '../../src/bgp/selection.ts';

const tables = () => {
  const attributes = new AttributeTable();
  const sets = Array.from({ length: 300 }, (_, i) => attributes.intern(Uint8Array.of(i >> 8, i), 0, 2, 0));
  return { attributes, sets, selections: new Selections(attributes) };
};

describe('Selections', () => {
  it('gives equal lists one id, and says what is in them', () => {
    const { sets, selections } = tables();
    const list = (...paths: [number, number, number][]) => {
      selections.begin();
      for (const path of paths) selections.push(...path);
      return selections.finish();
    };
    const a = list([65535, sets[299]!, 240], [0, sets[1]!, 1]);
    expect(list([65535, sets[299]!, 240], [0, sets[1]!, 1])).toBe(a);
    expect(selections.paths(a)).toEqual([
      { peer: 65535, attributes: sets[299], weight: 240 },
      { peer: 0, attributes: sets[1], weight: 1 },
    ]);
    const others = [list([0, sets[1]!, 1], [65535, sets[299]!, 240]), list([0, sets[1]!, 1]), list([0, sets[1]!, 2])];
    expect(new Set([a, ...others]).size).toBe(4);
    expect(selections.size).toBe(4);
  });

  it('keeps the sets of a list while anybody has the list', () => {
    const { attributes, sets, selections } = tables();
    const list = (): number => {
      selections.begin();
      for (const [i, set] of sets.slice(0, 256).entries()) selections.push(i, set, 1);
      return selections.finish();
    };
    const id = list();
    expect(list()).toBe(id);
    expect(selections.paths(id).map((p) => p.peer)).toEqual(Array.from({ length: 256 }, (_, i) => i));
    expect([attributes.count(sets[0]!), attributes.count(sets[256]!)]).toEqual([1, 0]);
    selections.release(id);
    expect(attributes.size).toBe(300);
    selections.release(id);
    expect([attributes.size, selections.size]).toEqual([44, 0]);
  });
});
