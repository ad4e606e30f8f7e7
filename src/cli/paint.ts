/** Colours, where somebody sees them: on a terminal, and unless NO_COLOR (no-color.org) asks for none. */

const codes = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;

/** Standard output is a terminal that knows control sequences. */
export const isScreen = (): boolean => process.stdout.isTTY === true && process.env.TERM !== 'dumb';

const seen = (): boolean => isScreen() && !process.env.NO_COLOR;

export function paint(colour: keyof typeof codes, text: string): string {
  const [on, off] = codes[colour];
  return seen() ? `\x1b[${on}m${text}\x1b[${off}m` : text;
}
