import fc from 'fast-check';
import { expect, it } from 'vitest';
import { doubleKey, itemOffsets } from '../../src/config/json.ts';

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

it('finds a key that an object has twice, and no other', () => {
  const text = '{"a": {"b": ["c", "c"], "a": "b: "}, "b": [{"c": 1}, {"c": 2, "d": {}, "\\"c": 3, "c": 4}]}';
  expect(doubleKey(text)).toEqual({ key: 'c', offset: text.indexOf('"c": 4') });
  expect(doubleKey(text.replace('"c": 4', '"e": 4'))).toBeUndefined();
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(doubleKey(JSON.stringify({ value }, null, 1))).toBeUndefined();
    }),
  );
});
