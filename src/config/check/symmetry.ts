/**
 * Whether requests and replies of Services take the same way, as far as documents tell: what is announced in a VRF that
 * a policy makes needs rules, a way out and an EgressService. Warnings all.
 */
import type { EgressService } from '../egress.ts';
import type { BgpAdvertisement, Service } from '../model.ts';
import type { NetworkPolicy } from '../network.ts';
import type { Path } from '../problem.ts';
import { placeOf, type Report } from '../report.ts';
import { anySelects } from '../selector.ts';
import { type Lack, lacksOf, type VrfFacts } from '../symmetry.ts';
import { isTold, type Use, type UseGround, usesOf } from '../uses.ts';
import { selectsNode } from './network.ts';
import type { Found, KnownNodes } from './nodes.ts';

export interface SymmetryDocuments extends Omit<UseGround, 'node' | 'advertisements'> {
  readonly nodes: KnownNodes;
  readonly advertisements: readonly Found<BgpAdvertisement>[];
  readonly policies: readonly Found<NetworkPolicy>[];
  readonly serviceDocuments: readonly Found<Service>[];
  readonly egressDocuments: readonly Found<EgressService>[];
}

export function checkSymmetry(documents: SymmetryDocuments, report: Report): void {
  const { nodes, policies } = documents;
  const advertisements = documents.advertisements.map(({ value }) => value);
  const uses = usesOf({ ...documents, node: nodes.own, advertisements });
  for (const use of uses.values()) {
    const made = policies.filter(({ value }) => vrfIn(value, use.vrf) !== undefined);
    // A VRF that no document makes may have its rules from elsewhere: the running daemon looks at the kernel.
    if (made.length === 0) continue;
    const here = made.find(({ value }) => selectsNode(value.nodeSelector, nodes.own.labels));
    if (here === undefined) warnElsewhere(use, made[0]!, documents, report);
    else {
      for (const lack of lacksOf(factsOf(use, documents), use))
        report.warn(here.document, pathOf(lack, here.value), lack.message, lack.hint);
      checkNetworks(use, here.value, documents, report);
    }
  }
}

const vrfIn = (policy: NetworkPolicy, vrf: string) =>
  policy.interfaces.find(({ name, type, state }) => name === vrf && type === 'vrf' && state !== 'absent');

/** What all policies of this node together say of the VRF. */
function factsOf({ vrf }: Use, { policies, nodes, peers }: SymmetryDocuments): VrfFacts {
  const here = policies.map(({ value }) => value).filter((p) => selectsNode(p.nodeSelector, nodes.own.labels));
  const table = here.map((policy) => vrfIn(policy, vrf)?.table).find((each) => each !== undefined);
  const members = new Set(here.flatMap((policy) => vrfIn(policy, vrf)?.ports ?? []));
  for (const { name, controller } of here.flatMap(({ interfaces }) => interfaces))
    if (controller === vrf) members.add(name);
  const learned = peers.some((peer) => peer.vrf === vrf && peer.receive !== undefined);
  const out = here
    .flatMap(({ routes }) => routes)
    .filter((route) => route.table === table && route.destination.length === 0 && route.type === undefined);
  const closed = (family: 'ipv4' | 'ipv6', name: string) =>
    here.some(({ interfaces }) => interfaces.some((each) => each.name === name && each[family]?.forwarding === false));
  return {
    name: vrf,
    rules: here.flatMap(({ rules }) =>
      rules.map(({ family, priority, to, table: leads, action }) => ({
        family,
        priority,
        ...(to && { to }),
        ...(action === undefined && { table: leads ?? 254 }),
      })),
    ),
    ways: new Set(learned ? [4, 6] : out.map(({ destination }) => destination.family)),
    interfaces: [...members].map((name) => ({
      name,
      forwarding: new Set(([4, 6] as const).filter((family) => !closed(`ipv${family}`, name))),
    })),
  };
}

function pathOf({ what, interface: name }: Lack, { interfaces }: NetworkPolicy): Path {
  const state = ['spec', 'desiredState'];
  if (what === 'wayOut') return [...state, 'routes'];
  const at = interfaces.find((each) => each.name === name)?.index;
  if (name !== undefined) return at === undefined ? state : [...state, 'interfaces', at];
  return [...state, 'route-rules'];
}

function warnElsewhere(use: Use, made: Found<NetworkPolicy>, documents: SymmetryDocuments, report: Report): void {
  for (const { document, value } of documents.advertisements) {
    const meant = documents.peers.some((peer) => peer.vrf === use.vrf && isTold(value, peer));
    if (!meant || !anySelects(value.nodeSelectors, documents.nodes.own.labels)) continue;
    report.warn(
      document,
      ['spec', 'nodeSelectors'],
      `announces in VRF ${use.vrf} from this node, where NodeNetworkConfigurationPolicy/${made.value.name} (${placeOf(made.document)}) does not make it`,
      `select the same nodes: ${labelsText(made.value.nodeSelector)}`,
    );
  }
}

const labelsText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
    .join(', ');

/** What endpoints send leaves by the VRF too. */
function checkNetworks(use: Use, policy: NetworkPolicy, documents: SymmetryDocuments, report: Report): void {
  const table = vrfIn(policy, use.vrf)?.table;
  const without = use.services.filter((key) => !documents.egress.has(key));
  const first = documents.serviceDocuments.find(({ value }) => `${value.namespace}/${value.name}` === without[0]);
  if (first !== undefined)
    report.warn(
      first.document,
      ['metadata', 'name'],
      `is announced in VRF ${use.vrf}, and no EgressService sends its replies there: they leave by the main table${without.length > 1 ? ` (as those of ${without.length - 1} more Services)` : ''}`,
      `an EgressService of the same name and namespace with network: ${JSON.stringify(use.vrf)}`,
    );
  for (const { document, value } of documents.egressDocuments) {
    if (!use.services.includes(`${value.namespace}/${value.name}`)) continue;
    if (value.network === use.vrf || (table !== undefined && Number(value.network) === table)) continue;
    report.warn(
      document,
      ['spec', 'network'],
      `the Service is announced in VRF ${use.vrf}${table === undefined ? '' : ` (table ${table})`}, and its replies leave by ${value.network === '' ? 'the main table' : value.network}`,
      `network: ${JSON.stringify(use.vrf)}`,
    );
  }
}
