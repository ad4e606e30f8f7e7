import { describe, expect, test } from 'vitest';
import type { Selector } from '../../src/config/model.ts';
import { matches, matchesAny } from '../../src/intent/select.ts';
import { selector } from '../support/model.ts';

const one = (operator: Selector['requirements'][number]['operator'], ...values: string[]): Selector => ({
  requirements: [{ key: 'zone', operator, values }],
});

describe('operators, on a label that matches, one that does not, and none', () => {
  test.each([
    ['In', true, false, false],
    ['NotIn', false, true, true],
    ['Exists', true, true, false],
    ['DoesNotExist', false, false, true],
  ] as const)('%s', (operator, same, other, absent) => {
    const s = one(operator, 'east', 'south');
    expect(matches(s, { zone: 'east' })).toBe(same);
    expect(matches(s, { zone: 'west' })).toBe(other);
    expect(matches(s, { colour: 'red' })).toBe(absent);
  });
});

test('an empty value is a value', () => {
  expect(matches(one('Exists'), { zone: '' })).toBe(true);
  expect(matches(one('In', ''), { zone: '' })).toBe(true);
});

test('what every object inherits is no label', () => {
  expect(matches({ requirements: [{ key: 'constructor', operator: 'Exists', values: [] }] }, {})).toBe(false);
});

test('requirements add up, selectors are alternatives, an empty list restricts nothing', () => {
  const both = selector({ zone: 'east', rack: 'r1' });
  expect(matches(both, { zone: 'east', rack: 'r1' })).toBe(true);
  expect(matches(both, { zone: 'east' })).toBe(false);
  expect(matches(selector({}), {})).toBe(true);
  expect(matchesAny([], { zone: 'east' })).toBe(true);
  expect(matchesAny([both, selector({ zone: 'east' })], { zone: 'east' })).toBe(true);
  expect(matchesAny([both], { zone: 'east' })).toBe(false);
});
