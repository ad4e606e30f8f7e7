import { describe, expect, it } from 'vitest';
import { Rehearsal } from '../../src/l2/rehearsal.ts';
import { words } from '../support/layer2.ts';

/** Runs it to its end: when each slice was due, and what left it. @param turnMs how long what is done for a frame takes */
function rehearse(turnMs = 0) {
  const sent: string[] = [];
  const reports: unknown[] = [];
  const dues: number[] = [];
  let turns = 0;
  const slices = new Set<number>();
  const output = {
    send(index: number, protocol: 'arp' | 'ndp', frame: Uint8Array) {
      sent.push(`${index} ${words(protocol, frame)}`);
      return false;
    },
    report: (report: unknown) => reports.push(report),
  };
  let now = 0;
  const turn = () => {
    turns++;
    // Whoever has the sockets asks in each turn whether something is due.
    rehearsal.tick(now);
    now += turnMs;
    return now;
  };
  const rehearsal = new Rehearsal(100, output, turn);
  for (let due = rehearsal.dueMs; due !== undefined; due = rehearsal.dueMs) {
    dues.push(due);
    rehearsal.tick(due - 1);
    expect(rehearsal.dueMs).toBe(due);
    now = due;
    const before = turns;
    rehearsal.tick(due);
    slices.add(turns - before);
  }
  return { sent, reports, dues, turns, slices, rehearsal };
}

describe('a rehearsal', () => {
  it('answers requests of both families, on no interface', () => {
    const { sent, reports, turns } = rehearse();
    expect(sent.every((frame) => frame.startsWith('0 '))).toBe(true);
    const times = new Map<string, number>();
    for (const frame of sent) times.set(frame, (times.get(frame) ?? 0) + 1);
    // What is not answered would not compile the code of an answer.
    expect([...times.values()].filter((n) => n === turns).length).toBe(2);
    expect(turns).toBeGreaterThan(10_000);
    expect(reports).toEqual([]);
  });

  it('is over in seconds, in slices with time between them', () => {
    const { dues, sent, rehearsal } = rehearse();
    expect(dues[0]).toBeGreaterThan(100);
    expect(Math.min(...dues.slice(1).map((due, i) => due - dues[i]!))).toBeGreaterThanOrEqual(5);
    expect(dues.at(-1)! - dues[0]!).toBeLessThan(5_000);
    const { length } = sent;
    rehearsal.tick(10_000);
    expect(sent.length).toBe(length);
  });

  it('leaves time between its slices, and begins none in another, on a machine that takes long for them too', () => {
    const { dues, slices } = rehearse(1);
    expect(dues.length).toBeGreaterThan(100);
    expect(slices.size).toBe(1);
    const [turns] = [...slices] as [number];
    for (const [i, due] of dues.slice(1).entries()) expect(due - dues[i]!).toBeGreaterThanOrEqual(turns + 5);
  });
});
