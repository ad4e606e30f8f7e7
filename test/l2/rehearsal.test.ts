import { describe, expect, it } from 'vitest';
import { Rehearsal } from '../../src/l2/rehearsal.ts';
import { words } from '../support/layer2.ts';

/** Runs it to its end: when each slice was due, and what left it. */
function rehearse() {
  const sent: string[] = [];
  const reports: unknown[] = [];
  const dues: number[] = [];
  let turns = 0;
  const output = {
    send(index: number, protocol: 'arp' | 'ndp', frame: Uint8Array) {
      sent.push(`${index} ${words(protocol, frame)}`);
      return false;
    },
    report: (report: unknown) => reports.push(report),
  };
  const rehearsal = new Rehearsal(100, output, () => turns++);
  for (let due = rehearsal.dueMs; due !== undefined; due = rehearsal.dueMs) {
    dues.push(due);
    rehearsal.tick(due - 1);
    expect(rehearsal.dueMs).toBe(due);
    rehearsal.tick(due);
  }
  return { sent, reports, dues, turns, rehearsal };
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
});
