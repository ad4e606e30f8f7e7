/** What becomes of the journal when a change ends: pure. */
import { type Baseline, prune } from '../../vrf/baseline.ts';
import type { Goal } from '../../vrf/goal.ts';
import type { NetworkJournal } from './store.ts';
import { goalOf, textOf, type Wishes } from './wishes.ts';

/** It is confirmed: what failed and is no longer wanted so is forgotten. */
export function confirmedIn(
  { pending: _, ...journal }: NetworkJournal,
  next: Wishes,
  wanted: Wishes,
  goal: Goal,
  baseline: Baseline,
): NetworkJournal {
  const failed = new Map([...journal.failed].filter(([name]) => textOf(wanted.get(name)) !== textOf(next.get(name))));
  return { ...journal, applied: next, failed, baseline: prune(baseline, goal) };
}

/** It is taken back. */
export const undoneIn = ({ pending: _, ...journal }: NetworkJournal): NetworkJournal => ({
  ...journal,
  baseline: prune(journal.baseline, goalOf(journal.applied)),
});

/** These are not tried again until they change. @param at ISO 8601 */
export function failedIn(
  journal: NetworkJournal,
  changed: readonly string[],
  wanted: Wishes,
  reason: string,
  at: string,
): NetworkJournal {
  const failed = new Map(journal.failed);
  for (const name of changed) failed.set(name, { text: textOf(wanted.get(name)), reason, at });
  return { ...journal, failed };
}
