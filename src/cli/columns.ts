/** Columns for people, without borders, as kubectl prints them. */
import { printPieces } from './output.ts';

const GAP = '   ';

/** What would move a terminal's cursor has no place in a cell. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const controls = /[\u0000-\u001f\u007f-\u009f]+/g;

/** @param rows cells of each; gone through twice, since the widest says how wide a column is */
export function printTable(head: readonly string[], rows: () => Iterable<readonly string[]>): Promise<void> {
  const titles = head.map((title) => title.toUpperCase());
  const widths = titles.map(({ length }) => length);
  for (const row of rows())
    for (const [i, cell] of row.entries()) if (cell.length > widths[i]!) widths[i] = cell.length;
  return printPieces(linesOf(titles, rows(), widths));
}

function* linesOf(
  titles: readonly string[],
  rows: Iterable<readonly string[]>,
  widths: readonly number[],
): Generator<string> {
  const line = (cells: readonly string[]) =>
    `${cells
      .map((cell, i) => cell.replace(controls, ' ').padEnd(widths[i]!))
      .join(GAP)
      .trimEnd()}\n`;
  yield line(titles);
  for (const row of rows) yield line(row);
}
