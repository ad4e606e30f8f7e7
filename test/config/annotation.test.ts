import { describe, expect, it } from 'vitest';
import { choice, communityLabels, flag, readAnnotations, seconds, whole } from '../../src/config/annotation.ts';
import { Findings } from '../../src/config/problem.ts';

const table = {
  flag: flag('A flag.'),
  number: whole(0, 300, 'A number.'),
  time: seconds(1, 60, 'A time.'),
  word: choice({ one: 1, two: 2 }, 'A word.'),
} as const;

describe('values', () => {
  const read = (name: string, text: string) => {
    const findings = new Findings();
    const values = readAnnotations(table, { [`waypost.dev/${name}`]: text }, findings);
    expect(findings.failed).toBe(Object.keys(values).length === 0);
    return Object.values(values)[0];
  };

  it.each([
    ['flag', 'true', true],
    ['flag', 'false', false],
    ['flag', 'True', undefined],
    ['flag', '', undefined],
    ['number', '0', 0],
    ['number', '300', 300],
    ['number', '301', undefined],
    ['number', '-1', undefined],
    ['number', '1.0', undefined],
    ['number', '1e1', undefined],
    ['time', '1s', 1],
    ['time', '1m', 60],
    ['time', '0.5m', 30],
    ['time', '0s', undefined],
    ['time', '61s', undefined],
    ['time', '1500ms', undefined],
    ['time', '30', undefined],
    ['word', 'two', 2],
    ['word', 'toString', undefined],
  ])('%s: %j', (name, text, expected) => {
    expect(read(name, text)).toBe(expected);
  });
});

it('what is absent has no value, and no other prefix counts', () => {
  const findings = new Findings();
  expect(readAnnotations(table, { flag: 'true', 'example.com/flag': 'x' }, findings)).toEqual({});
  expect(findings.problems).toEqual([]);
});

it('labels for communities have a name each', () => {
  const labels = {
    'waypost.dev/community.a': '1.2',
    'waypost.dev/community.': 'x',
    'waypost.dev/other': 'y',
    app: 'z',
  };
  expect([...communityLabels(labels)]).toEqual([['community.a', '1.2']]);
});
