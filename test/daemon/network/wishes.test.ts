/** What is to be in force next, of what is wanted, what is in force and what failed. */
import { describe, expect, it } from 'vitest';
import { confirmedIn, failedIn } from '../../../src/daemon/network/outcome.ts';
import type { NetworkJournal } from '../../../src/daemon/network/store.ts';
import { changesOf, choose, goalOf, standingOf, type Wishes } from '../../../src/daemon/network/wishes.ts';
import { speakerWish, type Wish } from '../../../src/intent/network.ts';
import { prefix } from '../../../src/lib/prefix.ts';
import { noBaseline } from '../../../src/vrf/baseline.ts';
import { emptyJournal } from '../../../src/vrf/journal.ts';
import type { Snapshot } from '../../../src/vrf/state.ts';

const wish = (name: string, priority: number): Wish => ({
  ...{ name, interfaces: [], routes: [], absentRoutes: [], absentRules: [] },
  rules: [{ index: 0, family: 4, priority, to: prefix('172.30.0.0/16'), table: 254 }],
});
const wishes = (...all: readonly Wish[]): Wishes => new Map(all.map((each) => [each.name, each]));
const journal = (applied: Wishes): NetworkJournal => ({ ...emptyJournal<Wish>('boot'), applied });
const empty: Snapshot = { links: new Map(), addresses: new Map(), routes: [], rules: [], sysctls: new Map() };
const names = (all: Wishes) => [...all.keys()];

describe('a policy that is gone and could not be taken away', () => {
  const one = wish('one', 998);
  const failed = failedIn(journal(wishes(one)), ['one'], wishes(), 'no gateway is left', '2026-01-01T00:00:00Z');

  it('stays in force, and is not tried again', () => {
    const { next } = choose(wishes(), failed, empty);
    expect(names(next)).toEqual(['one']);
    expect(changesOf(failed.applied, next)).toEqual([]);
    expect(standingOf('one', undefined, failed, undefined, false)).toEqual({
      ...{ policy: 'one', state: 'failed', reason: 'no gateway is left' },
    });
  });

  it('is not tried again when others change, and is where it is wanted again, or otherwise', () => {
    const two = wish('two', 999);
    const { next } = choose(wishes(two), failed, empty);
    const after = confirmedIn(failed, next, wishes(two), goalOf(next), noBaseline);
    expect(names(choose(wishes(two), after, empty).next)).toEqual(['two', 'one']);
    const back = choose(wishes(one), failed, empty).next;
    expect(changesOf(failed.applied, back)).toEqual([]);
    expect([...confirmedIn(failed, back, wishes(one), goalOf(back), noBaseline).failed]).toEqual([]);
    expect(changesOf(failed.applied, choose(wishes(wish('one', 997)), failed, empty).next)).toEqual(['one']);
  });
});

it('interfaces of the Speaker that are not there hold nothing up', () => {
  const settings = { rollbackMs: 0, probe: { gateway: true, sessions: true }, vrfSysctls: true };
  const speaker = speakerWish({ ...settings, interfaces: [{ name: 'eth8', forwarding: true }, { name: 'lo' }] });
  const link = { name: 'lo', kind: 'loopback', mtu: 65536, up: true, master: null, alias: '' };
  const { next, waiting } = choose(wishes(speaker, wish('one', 998)), journal(wishes()), {
    ...empty,
    links: new Map([['lo', link]]),
  });
  expect([names(next), [...waiting]]).toEqual([['', 'one'], [['', 'eth8 does not exist']]]);
});
