import { describe, expect, it } from 'vitest';
import {
  type Conflict,
  type ConflictAction,
  type ConflictRule,
  isClaimant,
  stepConflict,
} from '../../src/l2/conflict.ts';

const low = 0x02005e100001;
const own = 0x02005e100005;
const high = 0x02005e100009;

/** Claims and due times in turn; gives what was done when. */
class Case {
  state: Conflict | undefined;
  readonly done: [number, ...ConflictAction[]][] = [];
  private readonly rule: ConflictRule;
  constructor(rule: ConflictRule) {
    this.rule = rule;
  }

  private note([state, actions]: readonly [Conflict | undefined, readonly ConflictAction[]], atMs: number): this {
    this.state = state;
    if (actions.length > 0) this.done.push([atMs, ...actions]);
    return this;
  }

  claim(mac: number, atMs: number, rule: ConflictRule = this.rule): this {
    return this.note(stepConflict(rule, own, this.state, { type: 'claim', mac, atMs }), atMs);
  }

  /** Lets time pass until nothing is due any more. */
  quiet(): this {
    for (let atMs = this.state?.dueMs; this.state !== undefined && atMs !== undefined; atMs = this.state?.dueMs)
      this.note(stepConflict(this.rule, own, this.state, { type: 'due', atMs }), atMs);
    return this;
  }
}

describe('a conflict', () => {
  it('is reported once, however many claims there are, and is over after a minute without one', () => {
    const one = new Case('report').claim(low, 0).claim(high, 1000).claim(low, 50_000);
    expect(one.state).toMatchObject({ phase: 'held', mac: low, claims: 3 });
    expect(one.quiet().done).toEqual([
      [0, 'begin'],
      [110_000, 'end'],
    ]);
    expect(one.claim(low, 200_000).done.at(-1)).toEqual([200_000, 'begin']);
  });

  it('is defended against at most every ten seconds', () => {
    const one = new Case('defend');
    for (let atMs = 0; atMs <= 25_000; atMs += 100) one.claim(low, atMs);
    expect(one.done).toEqual([
      [0, 'begin', 'defend'],
      [10_000, 'defend'],
      [20_000, 'defend'],
    ]);
    expect(one.quiet().done.at(-1)).toEqual([85_000, 'end']);
  });

  it('is decided by the hardware address: the lower one stays', () => {
    const one = new Case('yield').claim(high, 0).claim(high, 5000);
    expect(one.state?.phase).toBe('held');
    expect(one.done).toEqual([[0, 'begin', 'defend']]);
  });

  it('is decided by the hardware address: the higher one falls silent, asks, and comes back', () => {
    const one = new Case('yield').claim(low, 0).claim(low, 30_000);
    expect(one.state?.phase).toBe('yielded');
    expect(one.quiet().done).toEqual([
      [0, 'begin', 'yield'],
      [90_000, 'probe'],
      [92_000, 'end', 'resume'],
    ]);
    expect(one.state).toBeUndefined();
  });

  it('goes on in silence when the other answers the question', () => {
    const one = new Case('yield').claim(low, 0);
    const [probing, actions] = stepConflict('yield', own, one.state, { type: 'due', atMs: 60_000 });
    expect(actions).toEqual(['probe']);
    expect(probing).toMatchObject({ phase: 'probing', dueMs: 62_000 });
    one.state = probing;
    one.claim(low, 60_001);
    expect(one.state).toMatchObject({ phase: 'yielded', dueMs: 120_001 });
    expect(one.done).toEqual([[0, 'begin', 'yield']]);
  });

  it('is not decided anew by a third host: whoever was given way to has the address still', () => {
    const one = new Case('yield').claim(low, 0);
    for (let atMs = 1; atMs < 1000; atMs++) one.claim(high, atMs);
    expect(one.state).toMatchObject({ phase: 'yielded', mac: low, claims: 1000, dueMs: 60_000 });
    expect(one.done).toEqual([[0, 'begin', 'yield']]);
    expect(one.quiet().done.slice(1)).toEqual([
      [60_000, 'probe'],
      [62_000, 'end', 'resume'],
    ]);
  });

  it('is decided anew when our own hardware address has become the lower one', () => {
    const { state } = new Case('yield').claim(low, 0);
    const [after, actions] = stepConflict('yield', low - 1, state, { type: 'claim', mac: low, atMs: 5 });
    expect(actions).toEqual(['resume', 'defend']);
    expect(after?.phase).toBe('held');
  });

  it('of two speakers leaves exactly one of them', () => {
    const heard = (mine: number, other: number) =>
      stepConflict('yield', mine, undefined, { type: 'claim', mac: other, atMs: 0 })[0]!.phase;
    expect([heard(low, high), heard(high, low)]).toEqual(['held', 'yielded']);
  });

  it('is taken up again when the rule changes to one that holds', () => {
    const one = new Case('yield').claim(low, 0).claim(low, 100, 'defend');
    expect(one.done.at(-1)).toEqual([100, 'resume', 'defend']);
    expect(one.state?.phase).toBe('held');
    const two = new Case('yield').claim(low, 0).claim(low, 100, 'report');
    expect(two.done.at(-1)).toEqual([100, 'resume']);
  });

  it('is none when nothing was claimed', () => {
    expect(stepConflict('defend', own, undefined, { type: 'due', atMs: 0 })).toEqual([undefined, []]);
  });

  it('is none with oneself, nor with a sender that cannot be one', () => {
    const macs = new Set([own, low]);
    expect([own, low, high, 0, 0x01005e000001, 0xffffffffffff].map((mac) => isClaimant(mac, macs))).toEqual([
      ...[false, false, true, false, false, false],
    ]);
  });
});
