/** Where a row stands among others. */
import { prefix as parsed } from '../lib/prefix.ts';

/** What a row is sorted by: `group` first. */
export interface Place {
  readonly group: string | number;
  /** Compared as text. */
  readonly key: string;
}

/** Prefixes as `comparePrefixes` has them. */
export function prefixPlace(group: string | number, text: string): Place {
  const { family, bytes, length } = parsed(text);
  return { group, key: String.fromCharCode(family, ...bytes, length) };
}

/** Each item's place is asked for once. */
export function inPlace<T>(items: readonly T[], placeOf: (item: T) => Place): T[] {
  const placed = items.map((item) => ({ item, ...placeOf(item) }));
  placed.sort((a, b) => order(a.group, b.group) || order(a.key, b.key));
  return placed.map(({ item }) => item);
}

const order = <T extends string | number>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);
