import fc from 'fast-check';
import { expect, it } from 'vitest';
import { itemOffsets } from '../../src/config/json.ts';

const items = (text: string, at?: number) => itemOffsets(text, at).map(([from, to]) => text.slice(from, to));

it('finds the objects of the top-level items, whatever else is called so', () => {
  const text =
    '{"metadata": {"items": [{"a": 1}]}, "x": "items", "items": [{"b": "}\\"{"}, {"items": [{}, {}]}], "y": [{}]}';
  expect(items(text)).toEqual(['{"b": "}\\"{"}', '{"items": [{}, {}]}']);
});

it('starts where it is told to', () => {
  expect(items('--- {"items": [{}]}', 4)).toEqual(['{}']);
});

it('finds what JSON.parse finds', () => {
  fc.assert(
    fc.property(
      fc.array(fc.dictionary(fc.string(), fc.jsonValue())),
      fc.dictionary(fc.string(), fc.jsonValue()),
      (list, rest) => {
        const text = JSON.stringify({ ...rest, items: list }, null, 1);
        expect(items(text).map((item) => JSON.parse(item))).toEqual(JSON.parse(JSON.stringify(list)));
      },
    ),
  );
});
