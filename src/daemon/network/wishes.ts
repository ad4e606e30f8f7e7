/** What policies wish of the network, compared and put together: which of it is to be tried now. */
import { EVERY } from '../../config/network.ts';
import { networkGoal, SPEAKER, type Wish } from '../../intent/network.ts';
import { canonical } from '../../lib/diff.ts';
import { isOwn } from '../../vrf/baseline.ts';
import { complete, type Goal, obstacles } from '../../vrf/goal.ts';
import type { Snapshot } from '../../vrf/state.ts';
import type { NetworkJournal } from './store.ts';

/** By name of the policy, in document order. */
export type Wishes = ReadonlyMap<string, Wish>;

/** A text that two wishes share exactly when they are the same. */
export const textOf = (wish: Wish | undefined): string => canonical(wish ?? null);

export const goalOf = (wishes: Wishes): Goal => complete(networkGoal([...wishes.values()]));

/** It asks for nothing by itself. */
export const isEmpty = (wish: Wish | undefined): boolean =>
  wish === undefined ||
  ([wish.interfaces, wish.routes, wish.absentRoutes, wish.rules, wish.absentRules].every((list) => list.length === 0) &&
    wish.settings?.tcpL3mdevAccept === undefined &&
    (wish.settings?.interfaces ?? []).length === 0);

/** Names of what differs. */
export function changesOf(applied: Wishes, next: Wishes): string[] {
  const names = [...new Set([...next.keys(), ...applied.keys()])];
  return names.filter((name) => textOf(applied.get(name)) !== textOf(next.get(name)));
}

/** What is in force, with one change of those that are wanted. */
export function withOne(applied: Wishes, next: Wishes, name: string): Wishes {
  const wishes = new Map(applied);
  const wish = next.get(name);
  if (wish === undefined) wishes.delete(name);
  else wishes.set(name, wish);
  return wishes;
}

export interface Choice {
  readonly next: Wishes;
  /** Why a policy cannot be in force now, by its name. */
  readonly waiting: ReadonlyMap<string, string>;
}

/** What is wanted, but for what failed and what cannot be yet: of those, what is in force stays. */
export function choose(wanted: Wishes, { applied, failed }: NetworkJournal, have: Snapshot): Choice {
  const next = new Map<string, Wish>();
  for (const [name, wish] of wanted) {
    const usable = failed.get(name)?.text === textOf(wish) ? applied.get(name) : wish;
    if (usable !== undefined) next.set(name, usable);
  }
  // What could not be taken away stays.
  for (const [name, wish] of applied)
    if (!wanted.has(name) && failed.get(name)?.text === textOf(undefined)) next.set(name, wish);
  const waiting = new Map<string, string>();
  // Without one of them others may be impossible.
  for (;;) {
    let complete = true;
    for (const [name, reason] of obstacles(goalOf(next), have, isOwn)) {
      waiting.set(name, reason);
      const old = applied.get(name);
      // What is in force stays so, though a part of it went missing.
      if (textOf(next.get(name)) === textOf(old)) continue;
      if (old === undefined) next.delete(name);
      else next.set(name, old);
      complete = false;
    }
    if (complete) break;
  }
  const missing = missingOf(next.get(SPEAKER), goalOf(next), have);
  if (missing.length > 0) waiting.set(SPEAKER, `${missing.join(', ')} does not exist`);
  return { next, waiting };
}

/** Interfaces whose sysctls are to be set, and that neither are there nor will be made. They hold nothing else up. */
const missingOf = (speaker: Wish | undefined, { links }: Goal, have: Snapshot): string[] =>
  (speaker?.settings?.interfaces ?? []).flatMap(({ name }) =>
    name === EVERY || have.links.has(name) || links.has(name) ? [] : name,
  );

/** VRFs that are wanted, by name, with the policies that say something of them. */
export function wantedVrfs(wanted: Wishes) {
  const found = new Map<string, { table?: number; policies: string[] }>();
  for (const { name: policy, interfaces } of wanted.values())
    for (const { name, type, state, table } of interfaces) {
      if (type !== 'vrf' || state === 'absent') continue;
      const entry = found.get(name) ?? { policies: [] };
      found.set(name, entry);
      entry.policies.push(policy);
      if (table !== undefined) entry.table = table;
    }
  return found;
}

/** How a policy fares. */
export interface Standing {
  readonly policy: string;
  readonly state: 'applied' | 'confirming' | 'failed' | 'waiting';
  readonly reason: string | null;
}

export function standingOf(
  policy: string,
  wanted: Wish | undefined,
  { applied, failed }: NetworkJournal,
  waiting: string | undefined,
  changing: boolean,
): Standing {
  const text = textOf(wanted);
  const failure = failed.get(policy);
  if (failure?.text === text) return { policy, state: 'failed', reason: failure.reason };
  if (changing) return { policy, state: 'confirming', reason: null };
  const state = text === textOf(applied.get(policy)) ? 'applied' : 'waiting';
  return { policy, state, reason: waiting ?? null };
}
