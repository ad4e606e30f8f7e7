/** Names of network devices in documents. */
import type { Findings, Path } from './problem.ts';

/** `net.ipv4.conf.all` and the like are settings of every device, or of those to come: no device has these names. */
const taken = ['all', 'default'];

/** What Linux takes as the name of a network device. */
export const isDeviceName = (name: string): boolean =>
  /^[^\s/:]{1,15}$/.test(name) && !['.', '..', ...taken].includes(name);

/** Complains about one that Linux does not take. */
export function checkDeviceName(name: string, path: Path, findings: Findings): void {
  if (!isDeviceName(name))
    findings.error(
      path,
      `not the name of a network device: ${JSON.stringify(name)}`,
      taken.includes(name) ? 'name each device that is meant' : 'at most 15 characters, no blanks, slashes or colons',
    );
}
