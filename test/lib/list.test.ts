import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { emptyList, IdLinks } from '../../src/lib/list.ts';

it('IdLinks follows arrays: ids wander between lists, in order of arrival', () => {
  const id = fc.oneof(fc.nat(5), fc.constantFrom(63, 64, 300));
  fc.assert(
    fc.property(fc.array(fc.tuple(id, fc.nat(2))), (steps) => {
      const links = new IdLinks();
      const lists = [emptyList(), emptyList()];
      const model: number[][] = [[], []];
      for (const [n, to] of steps) {
        const from = model.findIndex((list) => list.includes(n));
        if (from >= 0) {
          links.remove(lists[from]!, n);
          model[from]!.splice(model[from]!.indexOf(n), 1);
        }
        if (to < 2) {
          links.append(lists[to]!, n);
          model[to]!.push(n);
        }
        lists.forEach((list, i) => {
          const all = new Uint32Array(20);
          expect([...all.subarray(0, links.copy(list, all))]).toEqual(model[i]);
          const two = new Uint32Array(2);
          expect([...two.subarray(0, links.copy(list, two))]).toEqual(model[i]!.slice(0, 2));
          expect([list.size, list.first, list.last]).toEqual([
            model[i]!.length,
            model[i]![0] ?? -1,
            model[i]!.at(-1) ?? -1,
          ]);
        });
      }
    }),
  );
});
