/** When a session was up, from the journal's events of it. */
import type { EventRow } from '../journal.ts';
import type { Stretch } from './view.ts';

/** How far back a peer's line of time goes, ms. */
export const PAST_MS = 3_600_000;
/** Steps in which it moves on, so that a page where nothing happens stays the same, ms. */
const STEP_MS = 60_000;

/**
 * The last hour, oldest first; nothing from before the start.
 * @param events of this session, oldest first
 * @param up whether it is up now
 */
export function pastOf(events: readonly EventRow[], up: boolean, startedMs: number, nowMs: number): Stretch[] {
  const end = Math.ceil(nowMs / STEP_MS) * STEP_MS;
  const begin = Math.max(end - PAST_MS, startedMs);
  const turns = events
    .filter(({ event }) => event === 'session up' || event === 'session down')
    .map(({ event, time }) => ({ atMs: Date.parse(time), up: event === 'session up' }));
  const stretches: Stretch[] = [];
  let fromMs = begin;
  // What the journal has forgotten was the opposite of what came then.
  let was = turns[0] ? !turns[0].up : up;
  for (const turn of turns) {
    if (turn.atMs > fromMs && turn.up !== was) {
      stretches.push({ fromMs, toMs: Math.min(turn.atMs, end), up: was });
      fromMs = turn.atMs;
    }
    was = turn.up;
  }
  if (fromMs < end) stretches.push({ fromMs, toMs: end, up: was });
  return stretches;
}
