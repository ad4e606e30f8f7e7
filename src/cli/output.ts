/** How commands print: JSON for programs, plain columns for people. */
import Table from 'cli-table3';

/** Exit statuses: done, failed, wrong usage. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** A failure whose message is all that its user needs: printed without a stack. */
export class CliError extends Error {
  readonly exit: number;
  constructor(message: string, exit: number = EXIT.failed) {
    super(message);
    this.exit = exit;
  }
}

export const printLine = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

export const printJson = (value: unknown): void => printLine(JSON.stringify(value, null, 2));

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
