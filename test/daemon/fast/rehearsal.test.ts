import { afterEach, describe, expect, it } from 'vitest';
import { Rehearsal } from '../../../src/daemon/fast/rehearsal.ts';
import { Poller } from '../../../src/io/poller.ts';

const pollers: Poller[] = [];
afterEach(() => {
  for (const poller of pollers.splice(0)) poller.close();
});

/** On a real poller and a clock that each turn of the loop moves on. @param turnMs how long a turn takes */
function make(turnMs = 0) {
  const poller = new Poller();
  pollers.push(poller);
  const watched = new Set<number>();
  const counted = {
    watch(fd: number, one: { ready(): void }) {
      watched.add(fd);
      poller.watch(fd, one);
    },
    unwatch(fd: number) {
      watched.delete(fd);
      poller.unwatch(fd);
    },
  };
  const stage = { now: 0, turns: 0, watched, rehearsal: undefined as unknown as Rehearsal };
  stage.rehearsal = new Rehearsal(
    counted,
    () => stage.now,
    () => {
      stage.turns++;
      stage.now += turnMs;
      poller.wait(0);
      // Whoever has the sockets asks in each turn whether something is due.
      stage.rehearsal.tick(stage.now);
    },
  );
  return stage;
}

/** Runs it to its end: when each slice was due, and the turns that each took. */
function run(one: ReturnType<typeof make>) {
  const dues: number[] = [];
  const turns: number[] = [];
  for (let due = one.rehearsal.dueMs; due !== undefined; due = one.rehearsal.dueMs) {
    dues.push(due);
    one.rehearsal.tick(due - 1);
    expect(one.rehearsal.dueMs).toBe(due);
    one.now = due;
    const before = one.turns;
    one.rehearsal.tick(due);
    turns.push(one.turns - before);
  }
  return { dues, turns };
}

describe('a rehearsal', () => {
  it('is asked and answers in both families, thousands of times, and lets go of everything', () => {
    const one = make();
    expect(one.watched.size).toBe(2);
    run(one);
    expect(one.turns).toBeGreaterThan(10_000);
    // What is not answered would not compile the code of an answer. Announcements come beside.
    expect(one.rehearsal.answers).toBeGreaterThanOrEqual(2 * one.turns);
    expect(one.watched.size).toBe(0);
  });

  it('is over in seconds, in slices with time between them', () => {
    const { dues } = run(make());
    expect(dues[0]).toBeGreaterThanOrEqual(100);
    expect(Math.min(...dues.slice(1).map((due, i) => due - dues[i]!))).toBeGreaterThanOrEqual(5);
    expect(dues.at(-1)! - dues[0]!).toBeLessThan(5_000);
  });

  it('leaves time between its slices, and begins none in another, on a machine that takes long for them too', () => {
    const { dues, turns } = run(make(1));
    expect(dues.length).toBeGreaterThan(100);
    expect(new Set(turns).size).toBe(1);
    for (const [i, due] of dues.slice(1).entries()) expect(due - dues[i]!).toBeGreaterThanOrEqual(turns[0]! + 5);
  });

  it('can be ended before its time', () => {
    const one = make();
    one.now = 100;
    one.rehearsal.tick(100);
    const { turns } = one;
    one.rehearsal.close();
    one.rehearsal.tick(10_000);
    expect([one.turns, one.watched.size, one.rehearsal.dueMs]).toEqual([turns, 0, undefined]);
  });
});
