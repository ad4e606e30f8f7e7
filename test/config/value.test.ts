import { expect, it } from 'vitest';
import { flag, number } from '../../src/config/value.ts';

it.each([
  ['true', true],
  ['False', false],
  ['yes', true],
  [false, false],
])('nmstate takes %j for %s', (value, expected) => {
  expect(flag().parse(value)).toBe(expected);
});

it('and numbers in quotes, but nothing else', () => {
  expect(number(-1, 10).parse('-1')).toBe(-1);
  expect(number(0, 10).safeParse('11').success).toBe(false);
  expect(number(0, 10).safeParse('1.5').success).toBe(false);
  expect(flag().safeParse('truth').success).toBe(false);
  expect(flag().safeParse(1).success).toBe(false);
});
