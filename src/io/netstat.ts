/** Counters of this network namespace's TCP. */
import { readFileSync } from 'node:fs';

const counters = ['TCPMD5NotFound', 'TCPMD5Unexpected', 'TCPMD5Failure'];

/** Segments dropped for a TCP-MD5 signature that was missing, not wanted or wrong; undefined where nobody counts. */
export function md5Drops(): number | undefined {
  try {
    return sumOf(readFileSync('/proc/net/netstat', 'utf8'), counters);
  } catch {
    return undefined;
  }
}

/** The file has pairs of lines, names and values; undefined where it has none of these names. */
export function sumOf(text: string, names: readonly string[]): number | undefined {
  const lines = text.split('\n').map((line) => line.split(' '));
  let sum: number | undefined;
  for (let i = 0; i + 1 < lines.length; i += 2)
    for (const [column, name] of lines[i]!.entries())
      if (names.includes(name)) sum = (sum ?? 0) + Number(lines[i + 1]![column]);
  return sum;
}
