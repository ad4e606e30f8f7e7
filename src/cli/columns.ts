/** Columns for people. A file of its own: only commands that print tables load what draws them. */
import Table from 'cli-table3';
import { printLine } from './output.ts';

/** Columns without borders, as kubectl prints them. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const none = '';
  const sides = ['top', 'bottom', 'left', 'right', 'mid'];
  const chars = Object.fromEntries(
    sides.flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`]).map((name) => [name, none]),
  );
  const table = new Table({
    chars: { ...chars, middle: '   ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  table.push(
    head.map((h) => h.toUpperCase()),
    ...rows.map((r) => [...r]),
  );
  for (const line of table.toString().split('\n')) printLine(line.trimEnd());
}
