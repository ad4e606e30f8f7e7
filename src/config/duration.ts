/** Durations as metav1.Duration writes them: Go's syntax, `90s`, `1m30s`, `1.5h`. */

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5
  μs: 1e-3, // U+03BC
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Milliseconds of a Go duration string.
 * @returns undefined when `text` is none: a number without unit is refused, but for 0
 */
export function parseDuration(text: string): number | undefined {
  const match = /^([+-]?)((?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+|0)$/.exec(text);
  if (match === null) return undefined;
  let total = 0;
  for (const [, value, unit] of match[2]!.matchAll(/([\d.]+)([a-zµμ]+)/g)) total += Number(value) * unitMs[unit!]!;
  return match[1] === '-' ? -total : total;
}
