import { expect, it } from 'vitest';
import type { Selector } from '../../src/config/model.ts';
import { Findings } from '../../src/config/problem.ts';
import { anySelects, readSelector, readSelectors, selects } from '../../src/config/selector.ts';

const labels = { zone: 'east', empty: '' };
const one = (key: string, operator: Selector['requirements'][number]['operator'], values: string[] = []): Selector => ({
  requirements: [{ key, operator, values }],
});

it.each([
  [one('zone', 'In', ['west', 'east']), true],
  [one('zone', 'In', ['west']), false],
  [one('rack', 'In', ['']), false],
  [one('empty', 'In', ['']), true],
  [one('zone', 'NotIn', ['east']), false],
  [one('zone', 'NotIn', ['west']), true],
  [one('rack', 'NotIn', ['r1']), true],
  [one('empty', 'Exists'), true],
  [one('rack', 'Exists'), false],
  [one('rack', 'DoesNotExist'), true],
  [one('zone', 'DoesNotExist'), false],
  [one('toString', 'Exists'), false],
  [{ requirements: [] }, true],
  [{ requirements: [...one('zone', 'Exists').requirements, ...one('rack', 'Exists').requirements] }, false],
])('%j selects: %s', (selector, expected) => {
  expect(selects(selector, labels)).toBe(expected);
});

it('any of a list, and an empty list restricts nothing', () => {
  expect(anySelects([], labels)).toBe(true);
  expect(anySelects([one('rack', 'Exists')], labels)).toBe(false);
  expect(anySelects([one('rack', 'Exists'), one('zone', 'Exists')], labels)).toBe(true);
});

it('matchLabels become requirements', () => {
  const findings = new Findings();
  const raw = { matchLabels: { a: '1' }, matchExpressions: [{ key: 'b', operator: 'Exists' as const }] };
  expect(readSelector(raw, [], findings)).toEqual({
    requirements: [
      { key: 'a', operator: 'In', values: ['1'] },
      { key: 'b', operator: 'Exists', values: [] },
    ],
  });
  expect(findings.problems).toEqual([]);
});

it('the order of requirements and values does not tell two selectors apart', () => {
  const findings = new Findings();
  const a = { key: 'a', operator: 'In' as const, values: ['1', '2'] };
  const b = { key: 'b', operator: 'NotIn' as const, values: ['3'] };
  const swapped = { ...a, values: ['2', '1'] };
  readSelectors([{ matchExpressions: [a, b] }, { matchExpressions: [b, swapped] }], ['spec'], findings);
  expect(findings.problems.map(({ path, message }) => [path, message])).toEqual([
    [['spec', 1], 'duplicate definition of selector'],
  ]);
});
