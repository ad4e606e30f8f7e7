/** What the kernel has of a route that was learned. */
import type { Step } from './chain.ts';
import type { InstalledFacts, KernelReason } from './facts.ts';

/** What the states of `show routes` come to. */
const findings: Readonly<Record<string, string>> = {
  installed: 'it is there',
  pending: 'it is about to be installed',
  conflict: 'not',
  failed: 'not',
  leftover: 'left by an earlier process, and not announced again so far',
  removing: 'it is about to be removed',
};

/** Why the kernel does not have a route that is chosen. */
export const obstacleOf = ({ state }: InstalledFacts): KernelReason | undefined =>
  state === 'conflict' ? 'kernelConflict' : state === 'failed' ? 'kernelRefused' : undefined;

export function installedStep(route: InstalledFacts): Step {
  const { table, vrf, importedFrom, metric, nexthops, state, error } = route;
  const importer =
    importedFrom === undefined ? '' : `, of ${vrf === '' ? 'the default VRF' : `VRF ${vrf}`} that imports it`;
  const hops = nexthops.map(({ via, dev }) => [via && `via ${via}`, dev && `dev ${dev}`].filter(Boolean).join(' '));
  const reason = obstacleOf(route) ?? null;
  return {
    question: `Is it in kernel table ${table}${importer}?`,
    answer: state === 'installed' ? 'yes' : reason ? 'no' : 'note',
    detail: `${hops.join(', ') || 'no next hop'}, metric ${metric}: ${findings[state] ?? state}${error ? `: ${error}` : ''}`,
    reason,
    sources: [],
  };
}

export const unreadStep = (problem: string): Step => ({
  question: "Can the kernel's routes be read?",
  answer: 'no',
  detail: problem,
  reason: 'kernelUnread',
  sources: [],
});
