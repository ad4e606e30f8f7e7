/** Findings that say the same of several addresses, as one. */
import type { Finding } from './finding.ts';

/** Addresses that are named. */
const SHOWN = 3;

export function grouped(found: readonly { readonly ip: string; readonly finding: Finding }[]): Finding[] {
  const groups = new Map<string, { readonly finding: Finding; readonly ips: Set<string> }>();
  for (const { ip, finding } of found) {
    const key = `${finding.verdict} ${finding.text}`;
    const group = groups.get(key) ?? { finding, ips: new Set() };
    group.ips.add(ip);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ finding, ips }) => {
    const names = [...ips].slice(0, SHOWN).join(', ');
    return { ...finding, subject: ips.size > SHOWN ? `${names} and ${ips.size - SHOWN} more` : names };
  });
}
