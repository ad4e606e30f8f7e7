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

export const plural = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`;

export const printJson = (value: unknown): void => printLine(JSON.stringify(value, null, 2));

/** Characters that are written at once. */
const PIECE = 64 * 1024;

/** Text in pieces that end their own lines, however much: none is made before those in front of it have been taken. */
export async function printPieces(pieces: Iterable<string>): Promise<void> {
  let text = '';
  for (const piece of pieces) {
    text += piece;
    if (text.length < PIECE) continue;
    await written(text);
    text = '';
  }
  await written(text);
}

const written = (text: string): Promise<void> =>
  new Promise((resolve) => {
    process.stdout.write(text, () => resolve());
  });
