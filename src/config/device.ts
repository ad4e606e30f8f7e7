/** Names of network devices in documents. */
import type { Findings, Path } from './problem.ts';

/** What Linux takes as the name of a network device. */
export const isDeviceName = (name: string): boolean => /^[^\s/:]{1,15}$/.test(name) && name !== '.' && name !== '..';

/** Complains about one that Linux does not take. */
export function checkDeviceName(name: string, path: Path, findings: Findings): void {
  if (!isDeviceName(name))
    findings.error(
      path,
      `not the name of a network device: ${JSON.stringify(name)}`,
      'at most 15 characters, no blanks, slashes or colons',
    );
}
