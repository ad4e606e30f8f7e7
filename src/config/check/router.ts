/** The routers of FRRConfigurations: one for each VRF, whichever document says something of it. */
import { type Address, formatAddress } from '../../lib/address.ts';
import { equal } from '../../lib/diff.ts';
import type { Document } from '../document.ts';
import type { FrrDraft, NeighborDraft, RouterDraft } from '../frr/draft.ts';
import type { Peer } from '../model.ts';
import type { Path } from '../problem.ts';
import { placeOf, type Report } from '../report.ts';
import type { Profiles } from './bfd.ts';
import type { Found, KnownNodes } from './nodes.ts';
import { passwordOf, type Secrets } from './secrets.ts';
import { checkNeighbors } from './session.ts';

interface Place<Value> extends Found<Value> {
  readonly path: Path;
}

/** All that is said of one VRF. */
export interface Router {
  readonly asn: Place<number>;
  routerId?: Place<Address>;
  readonly vrf?: string;
  /** By the neighbour's address or interface. */
  readonly neighbors: Map<string, Found<NeighborDraft>[]>;
}

export interface FrrContext {
  readonly secrets: Secrets;
  /** BFDProfile documents. */
  readonly profiles: Profiles;
  readonly nodes: KnownNodes;
  readonly report: Report;
}

/** What tells the neighbours of one router apart. */
export const linkOf = ({ address, interface: link }: Pick<NeighborDraft, 'address' | 'interface'>): string =>
  address ? formatAddress(address) : link!;

/** By VRF; '' is the default one. */
export function collectRouters(drafts: readonly Found<FrrDraft>[], context: FrrContext): ReadonlyMap<string, Router> {
  const routers = new Map<string, Router>();
  for (const { document, value } of drafts) {
    for (const draft of value.routers) {
      const { vrf = '', asn, routerId, path } = draft;
      const router: Router = routers.get(vrf) ?? {
        asn: { document, path: [...path, 'asn'], value: asn },
        ...(draft.vrf !== undefined && { vrf }),
        neighbors: new Map(),
      };
      routers.set(vrf, router);
      addRouter(router, draft, document, context.report);
      const id = { document, path: [...path, 'id'], value: routerId };
      if (routerId !== undefined) router.routerId ??= { ...id, value: routerId };
      for (const neighbor of draft.neighbors) {
        const known = router.neighbors.get(linkOf(neighbor)) ?? [];
        const part = { document, value: withPassword(neighbor, document, context) };
        if (known[0]) checkNeighbors(known[0], part, context.report);
        router.neighbors.set(linkOf(neighbor), [...known, part]);
      }
    }
  }
  return routers;
}

/** All that say something of one VRF agree on its AS number and router ID. */
function addRouter({ asn, routerId }: Router, draft: RouterDraft, document: Document, report: Report): void {
  const where = draft.vrf === undefined ? 'the default vrf' : `vrf ${draft.vrf}`;
  if (draft.asn !== asn.value)
    report.error(
      document,
      [...draft.path, 'asn'],
      `different asns (${asn.value} != ${draft.asn}) specified for ${where}: the other is that of FRRConfiguration/${asn.document.meta.name} (${placeOf(asn.document, asn.path)})`,
    );
  if (routerId && draft.routerId && !equal(routerId.value, draft.routerId))
    report.error(
      document,
      [...draft.path, 'id'],
      `different router ids (${formatAddress(routerId.value)} != ${formatAddress(draft.routerId)}) specified for ${where}: the other is that of FRRConfiguration/${routerId.document.meta.name} (${placeOf(routerId.document, routerId.path)})`,
    );
}

/** A BGPPeer is a neighbour of the router of its VRF. */
export function checkRouter(
  { asn, routerId, vrf }: Router,
  { document, value: peer }: Found<Peer>,
  report: Report,
): void {
  const where = vrf === undefined ? 'the default VRF' : `VRF ${vrf}`;
  const other = (field: string) =>
    `in ${document.meta.kind}/${document.meta.name} (${placeOf(document, ['spec', field])})`;
  if (peer.myAsn !== asn.value)
    report.error(
      asn.document,
      asn.path,
      `${where} has one AS number: ${asn.value} here, ${peer.myAsn} ${other('myASN')}`,
    );
  if (routerId && peer.routerId && !equal(routerId.value, peer.routerId))
    report.error(
      routerId.document,
      routerId.path,
      `${where} has one router ID: ${formatAddress(routerId.value)} here, ${formatAddress(peer.routerId)} ${other('routerID')}`,
    );
}

function withPassword(neighbor: NeighborDraft, document: Document, { secrets, report }: FrrContext): NeighborDraft {
  const { secret, ...rest } = neighbor;
  if (secret === undefined) return neighbor;
  const password = passwordOf(secret, document.meta.namespace, secrets, report, (problem) =>
    report.add(document, { severity: 'error', path: [...neighbor.path, 'passwordSecret', 'name'], ...problem }),
  );
  return { ...rest, ...(password !== undefined && { password }) };
}
