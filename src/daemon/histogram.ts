/** A histogram whose counts are kept elsewhere, which the library has no notion of, as Prometheus' text. */
export function histogramText(
  name: string,
  help: string,
  bounds: readonly number[],
  /** By class; that of what is beyond all bounds last. Absent: none. */
  counts: ArrayLike<number>,
  sum: number,
): string {
  let text = `# HELP ${name} ${help}\n# TYPE ${name} histogram\n`;
  let n = 0;
  for (const [i, bound] of [...bounds, '+Inf'].entries()) {
    n += counts[i] ?? 0;
    text += `${name}_bucket{le="${bound}"} ${n}\n`;
  }
  return `${text}${name}_sum ${sum}\n${name}_count ${n}\n`;
}
