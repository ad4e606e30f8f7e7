import { expect, it } from 'vitest';
import { distance, nearest } from '../../src/config/nearest.ts';

it.each([
  ['', '', 0],
  ['abc', '', 3],
  ['kitten', 'sitting', 3],
  ['nodeSelector', 'nodeSelectors', 1],
])('from %j to %j it is %d', (a, b, expected) => {
  expect(distance(a, b)).toBe(expected);
  expect(distance(b, a)).toBe(expected);
});

it.each([
  ['peerAddres', 'peerAddress'],
  ['holdtime', 'holdTime'],
  ['myAsn', 'myASN'],
  ['color', undefined],
  ['my', undefined],
])('%s means %s', (word, expected) => {
  expect(nearest(word, ['peerAddress', 'holdTime', 'myASN', 'me'])).toBe(expected);
});
