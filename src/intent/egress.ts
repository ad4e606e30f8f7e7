/**
 * What this node does about packets that endpoints of EgressServices send: which of them get the Service's address as
 * their source, and which routing table they leave by (OVN-Kubernetes, egressservice_node.go). Pure: which number a
 * table or a VRF has is looked up by the caller.
 */
import type { Configuration, EndpointSlice } from '../config/model.ts';
import { type Address, type Family, formatAddress, parseAddress } from '../lib/address.ts';

/** Of an EgressService on this node; `active` is the absence of all others. */
export type EgressReason =
  /** There is no such Service, or it is no load balancer. */
  | 'noService'
  | 'noIPAllocated'
  /** Nobody carries it: no endpoint is ready, or no node may, or is alive. */
  | 'noHost'
  /** Another node carries it. */
  | 'notHost'
  /** The table or the VRF does not exist. */
  | 'networkNotFound';

/** A rule that packets from here leave by the network. */
export interface EgressRule {
  readonly from: Address;
  /** TCP and UDP port of the source, 1..65535; absent: any. */
  readonly sourcePort?: number;
  readonly table: number;
}

export interface EgressTranslation {
  readonly from: Address;
  readonly to: Address;
}

export interface EgressDecision {
  /** `namespace/name` of the Service. */
  readonly key: string;
  readonly host: string;
  readonly network: string;
  /** Absent for the main table, and as long as it is not known. */
  readonly table?: number;
  /** Absent: it is in effect here. */
  readonly reason?: EgressReason;
  readonly detail: string;
  readonly rules: readonly EgressRule[];
  readonly translations: readonly EgressTranslation[];
}

export interface EgressFacts {
  /** Addresses of each Service, by `namespace/name`. */
  readonly ips: ReadonlyMap<string, readonly Address[]>;
  /** Addresses of this node's interfaces: endpoints with one of them are on the network of their host. */
  readonly own: readonly Address[];
  /** The table that a number or a name stands for; undefined where there is none. */
  table(network: string): number | undefined;
}

/** Where OVN-Kubernetes puts these rules: before those of EgressIPs, behind those of VRFs. */
export const EGRESS_PRIORITY = 5000;
/** FRA_PROTOCOL of these rules. Those of policies carry another: whoever looks after the ones leaves the others alone. */
export const EGRESS_PROTOCOL = 158;

/** What OVN-Kubernetes gives packets on their way to endpoints of the Local policy as their source. */
const localMasquerade: Readonly<Record<Family, Address>> = {
  4: parseAddress('169.254.169.3')!,
  6: parseAddress('fd69::3')!,
};

/** By the Service's name, in order. */
export function decideEgress(config: Configuration, facts: EgressFacts): readonly EgressDecision[] {
  const hosts = new Set(
    [...config.nodes.values()]
      .flatMap(({ addresses }) => addresses)
      .concat(facts.own)
      .map(formatAddress),
  );
  const decisions = [...config.egress.keys()].sort().map((key) => decideOne(key, config, facts, hosts));
  return withoutRivals(decisions);
}

/** An endpoint of several Services has the address of the first: of two, neither could be kept. */
function withoutRivals(decisions: readonly EgressDecision[]): readonly EgressDecision[] {
  const first = new Map<string, string>();
  return decisions.map((decision) => {
    const { key, detail } = decision;
    const rivals = new Set<string>();
    const translations = decision.translations.filter(({ from }) => {
      const text = formatAddress(from);
      const rival = first.get(text);
      if (rival === undefined) first.set(text, key);
      else rivals.add(rival);
      return rival === undefined;
    });
    if (rivals.size === 0) return decision;
    const left = decision.translations.length - translations.length;
    return {
      ...decision,
      translations,
      detail: `${detail}, ${left} of which have the address of ${[...rivals].join(', ')}`,
    };
  });
}

function decideOne(key: string, config: Configuration, facts: EgressFacts, hosts: ReadonlySet<string>): EgressDecision {
  const { document, host, reason } = config.egress.get(key)!;
  const { network } = document;
  const table = network === '' ? undefined : facts.table(network);
  const base = { key, host, network, ...(table !== undefined && { table }), rules: [], translations: [] };
  const no = (why: EgressReason, detail: string): EgressDecision => ({ ...base, reason: why, detail });
  const service = config.services.get(key);
  if (service === undefined || service.type !== 'LoadBalancer')
    return no('noService', `there is no load balancer ${key}`);
  if (reason !== undefined) return no('noHost', hostless[reason] ?? 'no node carries it');
  const node = config.speaker.name;
  if (host !== 'ALL' && host !== node) return no('notHost', `node ${host} carries it`);
  const ips = facts.ips.get(key) ?? [];
  if (ips.length === 0) return no('noIPAllocated', 'the Service has no address');
  if (network !== '' && table === undefined)
    return no('networkNotFound', `there is neither a routing table nor a VRF ${JSON.stringify(network)}`);
  const slices = config.endpointSlices.get(key) ?? [];
  const endpoints = endpointsOf(slices, host === 'ALL' ? node : undefined).filter((a) => !hosts.has(formatAddress(a)));
  const translations =
    host === 'ALL'
      ? []
      : endpoints.flatMap((from) => {
          const to = ips.find(({ family }) => family === from.family);
          return to === undefined ? [] : [{ from, to }];
        });
  const rules: EgressRule[] = [];
  if (table !== undefined) {
    for (const from of [...endpoints, ...service.clusterIps]) rules.push({ from, table });
    if (service.externalTrafficPolicy === 'Local')
      for (const family of new Set(service.clusterIps.map((ip) => ip.family)))
        for (const sourcePort of new Set(service.ports.flatMap(({ nodePort }) => nodePort ?? [])))
          rules.push({ from: localMasquerade[family], sourcePort, table });
  }
  const detail = `${endpoints.length} endpoints${table === undefined ? '' : ` by table ${table}`}`;
  return { ...base, detail, rules, translations };
}

const hostless: Readonly<Record<string, string>> = {
  noEndpoints: 'no endpoint of the Service is ready',
  noNode: 'no node that nodeSelector selects could carry it',
  notAlive: 'none of the nodes that could carry it is heard of',
  unassigned: 'its status says that no node carries it',
};

/** Of all slices, ready or not: what a terminating one still sends is the Service's too. One without a node is local. */
function endpointsOf(slices: readonly EndpointSlice[], node: string | undefined): readonly Address[] {
  const found = new Map<string, Address>();
  for (const { endpoints } of slices)
    for (const { addresses, nodeName } of endpoints) {
      if (node !== undefined && nodeName !== undefined && nodeName !== node) continue;
      for (const text of addresses) {
        const address = parseAddress(text);
        if (address !== undefined) found.set(formatAddress(address), address);
      }
    }
  return [...found.values()];
}
