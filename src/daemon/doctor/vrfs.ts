/** Whether replies of what is announced in a VRF leave by it. */
import { lacksOf, type VrfFacts } from '../../config/symmetry.ts';
import type { Use } from '../../config/uses.ts';
import { type Finding, findingsOf } from './finding.ts';

const { ok, warning } = findingsOf('vrfs');

/** @param factsOf of a VRF by its name; undefined where there is none */
export function vrfFindings(uses: Iterable<Use>, factsOf: (vrf: string) => VrfFacts | undefined): Finding[] {
  return [...uses].flatMap((use) => {
    const facts = factsOf(use.vrf);
    // That there is no such VRF is said of its peers.
    if (facts === undefined) return [];
    const lacks = lacksOf(facts, use);
    if (lacks.length === 0) return [ok(use.vrf, 'has the rules and routes for replies to leave the way requests came')];
    return lacks.map(({ message, hint }) => warning(use.vrf, message, hint));
  });
}
