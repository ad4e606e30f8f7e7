/** No address may belong to two entries of pools. */
import { comparePrefixes, contains, formatPrefix, type Prefix } from '../../lib/prefix.ts';
import type { Pool } from '../model.ts';
import { placeOf, type Report } from '../report.ts';
import type { Found } from './nodes.ts';

interface Entry {
  readonly pool: Found<Pool>;
  readonly index: number;
  readonly order: number;
  readonly text: string;
  readonly prefix: Prefix;
}

/** Reports each entry that shares addresses with one that was defined before it. */
export function checkOverlap(pools: readonly Found<Pool>[], report: Report): void {
  const entries: Entry[] = [];
  for (const pool of pools)
    for (const [index, { text, prefixes }] of pool.value.addresses.entries())
      for (const prefix of prefixes) entries.push({ pool, index, order: entries.length, text, prefix });
  // In this order a prefix comes after all that contain it, and right after them.
  entries.sort((a, b) => comparePrefixes(a.prefix, b.prefix));
  const open: Entry[] = [];
  const told = new Set<string>();
  for (const entry of entries) {
    while (open.length > 0 && !contains(open.at(-1)!.prefix, entry.prefix)) open.pop();
    const outer = open.at(-1);
    if (outer !== undefined) tell(outer, entry, told, report);
    open.push(entry);
  }
}

function tell(a: Entry, b: Entry, told: Set<string>, report: Report): void {
  const [first, second] = a.order < b.order ? [a, b] : [b, a];
  const path = ['spec', 'addresses', second.index];
  const pair = JSON.stringify([first.pool.value.name, first.index, second.pool.value.name, second.index]);
  if (told.has(pair)) return;
  told.add(pair);
  const shared =
    a.text === formatPrefix(a.prefix) && b.text === formatPrefix(b.prefix)
      ? ''
      : ` (both have ${formatPrefix(b.prefix)})`;
  const where = placeOf(first.pool.document, ['spec', 'addresses', first.index]);
  report.error(
    second.pool.document,
    path,
    `CIDR ${JSON.stringify(second.text)} in pool ${JSON.stringify(second.pool.value.name)} overlaps with already defined CIDR ` +
      `${JSON.stringify(first.text)} of pool ${JSON.stringify(first.pool.value.name)}${shared}, ${where}`,
  );
}
