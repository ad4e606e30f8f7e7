import { describe, expect, test } from 'vitest';
import { type Happening, Journal } from '../../src/daemon/journal.ts';

const happening = (subject: string, event: string, more: Partial<Happening> = {}): Happening => ({
  kind: 'session',
  subject,
  event,
  ...more,
});
const brief = (journal: Journal, after?: number) =>
  [...journal.rows(after)].map(({ seq, subject, event, count }) => [seq, subject, event, count]);

test('events in order, each with every field', () => {
  const journal = new Journal();
  journal.add(happening('a', 'up'));
  journal.add(happening('b', 'down', { reason: 'hold timer expired', detail: 'after a while' }));
  const [first, second] = [...journal.rows()];
  expect(first).toMatchObject({
    seq: 1,
    kind: 'session',
    subject: 'a',
    event: 'up',
    reason: null,
    detail: '',
    count: 1,
  });
  expect(second).toMatchObject({ seq: 2, reason: 'hold timer expired', detail: 'after a while' });
  expect(Date.parse(first!.time)).toBeLessThanOrEqual(Date.parse(second!.time));
  expect(brief(journal, 1)).toEqual([[2, 'b', 'down', 1]]);
  expect(brief(journal, 2)).toEqual([]);
});

test('whoever has seen more than there was is a follower of the process before this one: it gets everything', () => {
  const journal = new Journal();
  journal.add(happening('a', 'up'));
  expect(brief(journal, 1)).toEqual([]);
  expect(brief(journal, 812)).toEqual([[1, 'a', 'up', 1]]);
});

describe('what repeats itself', () => {
  test('is one event, the newest, with a count and its first time', () => {
    const journal = new Journal();
    for (let i = 0; i < 3; i++) {
      journal.add(happening('a', 'attempt failed', { reason: 'refused' }));
      journal.add(happening('b', 'attempt failed', { reason: 'refused' }));
    }
    expect(brief(journal)).toEqual([
      [5, 'a', 'attempt failed', 3],
      [6, 'b', 'attempt failed', 3],
    ]);
    const [row] = [...journal.rows()];
    expect(Date.parse(row!.since)).toBeLessThanOrEqual(Date.parse(row!.time));
    // A follower that has seen the first two hears of it again.
    expect(brief(journal, 4)).toHaveLength(2);
  });

  test('is another once something else was said of the same', () => {
    const journal = new Journal();
    for (const reason of ['refused', 'no answer', 'refused']) journal.add(happening('a', 'failed', { reason }));
    expect(brief(journal)).toHaveLength(3);
  });
});

test('the oldest make room', () => {
  const journal = new Journal(3);
  for (const subject of ['a', 'b', 'c', 'd', 'e']) journal.add(happening(subject, 'up'));
  expect(brief(journal).map(([, subject]) => subject)).toEqual(['c', 'd', 'e']);
  // "a" was driven out: the same again is new.
  journal.add(happening('a', 'up'));
  expect(brief(journal).at(-1)).toEqual([6, 'a', 'up', 1]);
  journal.add(happening('d', 'up'));
  expect(brief(journal).map(([, subject, , count]) => [subject, count])).toEqual([
    ['e', 1],
    ['a', 1],
    ['d', 2],
  ]);
});

test('a thousand by default', () => {
  const journal = new Journal();
  for (let i = 0; i < 2500; i++) journal.add(happening(`s${i}`, 'up'));
  expect(brief(journal)).toHaveLength(1000);
});
