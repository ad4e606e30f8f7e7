/** What routers of FRRConfigurations have of other VRFs: routes that these learned, and prefixes that they tell. */
import { formatPrefix, type Prefix } from '../../lib/prefix.ts';
import { readAdvertise } from '../frr/advertise.ts';
import type { FrrDraft, NeighborDraft, RouterDraft } from '../frr/draft.ts';
import { familiesOf } from '../frr/neighbor.ts';
import type { Peer } from '../model.ts';
import { didYouMean } from '../nearest.ts';
import { Findings } from '../problem.ts';
import type { Report } from '../report.ts';
import type { Found } from './nodes.ts';

/** By VRF, '' for the default one: those that its table has routes of too, in the order in which they count. */
export type Imports = ReadonlyMap<string, readonly string[]>;

/**
 * The imports of all documents add up.
 * @param peers of this node: their VRFs are defined without a router, too
 * @param complete every document could be read: otherwise what is missing may be in one that could not
 */
export function collectImports(
  drafts: readonly Found<FrrDraft>[],
  peers: readonly Found<Peer>[],
  complete: boolean,
  report: Report,
): Imports {
  const routers = drafts.flatMap(({ document, value }) => value.routers.map((router) => ({ document, router })));
  const known = new Set([
    ...routers.map(({ router }) => router.vrf ?? ''),
    ...peers.map(({ value }) => value.vrf ?? ''),
  ]);
  const imports = new Map<string, string[]>();
  for (const { document, router } of routers) {
    for (const { vrf, path } of router.imports) {
      const into = router.vrf ?? '';
      const before = imports.get(into) ?? [];
      if (!before.includes(vrf)) imports.set(into, [...before, vrf]);
      if (known.has(vrf) || !complete) continue;
      const hint = didYouMean(vrf, known) ?? 'a router of that VRF, with the neighbors that its routes come from';
      const where = into === '' ? 'the default vrf' : `vrf ${into}`;
      const message = `the router of ${where} imports vrf ${vrf || 'default'} which is not defined`;
      report.error(document, path, message, hint);
    }
  }
  return imports;
}

/** The drafts with what neighbours are told of the prefixes of imported routers, which may be in other documents. */
export function withImported(drafts: readonly Found<FrrDraft>[], report: Report): readonly Found<FrrDraft>[] {
  const prefixes = new Map<string, Prefix[]>();
  for (const { value } of drafts)
    for (const { vrf = '', prefixes: its } of value.routers) prefixes.set(vrf, [...(prefixes.get(vrf) ?? []), ...its]);
  return drafts.map((found) => {
    const { document, value } = found;
    if (value.routers.every((router) => router.imports.length === 0)) return found;
    const findings = new Findings();
    const told = (router: RouterDraft, neighbor: NeighborDraft): NeighborDraft => {
      const { toAdvertise, path } = neighbor;
      if (toAdvertise === undefined) return neighbor;
      const all = distinct([...router.prefixes, ...router.imports.flatMap(({ vrf }) => prefixes.get(vrf) ?? [])]);
      const at = [...path, 'toAdvertise'];
      return {
        ...neighbor,
        advertise: readAdvertise(toAdvertise, all, familiesOf(neighbor), document.meta, at, findings),
      };
    };
    const routers = value.routers.map((router) => ({
      ...router,
      neighbors: router.neighbors.map((neighbor) => told(router, neighbor)),
    }));
    for (const problem of findings.problems) report.add(document, problem);
    return { document, value: { ...value, routers } };
  });
}

const distinct = (prefixes: readonly Prefix[]): readonly Prefix[] => [
  ...new Map(prefixes.map((prefix) => [formatPrefix(prefix), prefix])).values(),
];
