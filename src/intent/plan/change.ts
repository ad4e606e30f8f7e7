/** What one plan has that another has not. */
import { diff, equal } from '../../lib/diff.ts';
import type { ServiceView } from '../view.ts';
import type { PlannedRoute, PlannedSession } from './part.ts';

/** `+` comes, `-` goes, `~` changes. */
export interface Change<T> {
  readonly change: '+' | '-' | '~';
  readonly before: T | null;
  readonly after: T | null;
}

export interface SessionChange extends Change<PlannedSession> {
  /** What differs. */
  readonly fields: readonly string[];
  /** The session ends and begins anew: some of the fields shape the session itself. */
  readonly resets: boolean;
}

export const routeChanges = (have: Iterable<PlannedRoute>, want: Iterable<PlannedRoute>): Change<PlannedRoute>[] =>
  changes(have, want, ({ peer, prefix }) => `${peer} ${prefix}`, sameRoute);

/** Where a route comes from is not told to peers. */
const sameRoute = ({ from: _, ...a }: PlannedRoute, { from: __, ...b }: PlannedRoute): boolean => equal(a, b);

/** What becomes of Services: their addresses, and whether they are announced. */
export const serviceChanges = (have: Iterable<ServiceView>, want: Iterable<ServiceView>): Change<ServiceView>[] =>
  changes(
    have,
    want,
    ({ service }) => service,
    (a, b) => equal(outcome(a), outcome(b)),
  );

const outcome = ({ ips, pool, allocation, bgp, layer2 }: ServiceView) => [
  ips,
  pool,
  allocation?.reason,
  bgp.announced,
  bgp.reason,
  layer2.announced,
  layer2.reason,
  layer2.owner,
];

type Settings = PlannedSession['settings'];

/**
 * @param rekeyed names of sessions whose password differs
 * @param shaping the fields that differ and shape the session itself
 */
export function sessionChanges(
  have: Iterable<PlannedSession>,
  want: Iterable<PlannedSession>,
  rekeyed: ReadonlySet<string>,
  shaping: (before: Settings, after: Settings) => readonly string[],
): SessionChange[] {
  const same = (a: PlannedSession, b: PlannedSession) => equal(a.settings, b.settings) && !rekeyed.has(a.name);
  return changes(have, want, ({ name }) => name, same).map((change) => {
    const { before, after } = change;
    if (before === null || after === null) return { ...change, fields: [], resets: false };
    const key = rekeyed.has(after.name) ? ['password'] : [];
    const moved = !equal(before.settings.sourceInterface, after.settings.sourceInterface);
    const resets = moved || key.length > 0 || shaping(before.settings, after.settings).length > 0;
    const names = [...new Set([...Object.keys(before.settings), ...Object.keys(after.settings)])];
    const fields = names.filter((name) => !equal(before.settings[name], after.settings[name]));
    return { ...change, fields: [...fields, ...key], resets };
  });
}

export function changes<T>(
  have: Iterable<T>,
  want: Iterable<T>,
  keyOf: (item: T) => string,
  same: (a: T, b: T) => boolean,
): Change<T>[] {
  const keyed = (items: Iterable<T>) => new Map(Array.from(items, (item) => [keyOf(item), item] as const));
  const { added, changed, removed } = diff(keyed(have), keyed(want), same);
  const all: [string, Change<T>][] = [
    ...added.map(([key, after]): [string, Change<T>] => [key, { change: '+', before: null, after }]),
    ...changed.map(([key, before, after]): [string, Change<T>] => [key, { change: '~', before, after }]),
    ...removed.map(([key, before]): [string, Change<T>] => [key, { change: '-', before, after: null }]),
  ];
  return all.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, change]) => change);
}
