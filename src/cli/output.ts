/** How commands print and fail. */

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

/** Text that ends its own lines. */
export const printText = (text: string): void => {
  process.stdout.write(text);
};

export const printLine = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

export const printJson = (value: unknown): void => printLine(JSON.stringify(value, null, 2));
