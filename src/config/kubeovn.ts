/** What Kube-OVN's documents say that matters to announcing: subnets, the VLANs they are on, and who carries those. */
import type { Address } from '../lib/address.ts';
import type { Prefix } from '../lib/prefix.ts';
import type { Labels, Meta, Selector } from './model.ts';
import { selects } from './selector.ts';

export interface Subnet extends Meta {
  /** spec.cidrBlock, one of each family at most; none for a subnet without addresses. */
  readonly cidrs: readonly Prefix[];
  readonly gateways: readonly Address[];
  /** spec.excludeIps as prefixes that cover them exactly. */
  readonly excluded: readonly Prefix[];
  /** Name of a Vlan: it makes the subnet an underlay. */
  readonly vlan?: string;
  /** Addresses of the subnet may be those of load balancers. */
  readonly externalLb: boolean;
}

export interface Vlan extends Meta {
  /** 0..4095; 0 is untagged. */
  readonly id: number;
  /** Name of a ProviderNetwork. */
  readonly provider: string;
}

export interface ProviderNetwork extends Meta {
  readonly defaultInterface?: string;
  readonly customInterfaces: readonly { readonly interface: string; readonly nodes: readonly string[] }[];
  /** Absent: every node. */
  readonly nodeSelector?: Selector;
  readonly excludeNodes: readonly string[];
}

export interface KubeOvn {
  readonly subnets: readonly Subnet[];
  /** By name. */
  readonly vlans: ReadonlyMap<string, Vlan>;
  readonly networks: ReadonlyMap<string, ProviderNetwork>;
}

/** The VLAN that a subnet is on, and who carries it; undefined where the documents do not say. */
export function vlanOf(
  subnet: Subnet,
  { vlans, networks }: KubeOvn,
): { vlan: Vlan; network: ProviderNetwork } | undefined {
  const vlan = vlans.get(subnet.vlan ?? '');
  const network = networks.get(vlan?.provider ?? '');
  return vlan === undefined || network === undefined ? undefined : { vlan, network };
}

/**
 * The interface of a node on which addresses of the VLAN are announced: that of the provider network, a special one of
 * the node before the default, and of that the VLAN's sub-interface, so that frames are tagged.
 * @returns undefined for a node that the network does not reach
 */
export function vlanInterface(
  { id }: Vlan,
  { defaultInterface, customInterfaces, nodeSelector, excludeNodes }: ProviderNetwork,
  node: { readonly name: string; readonly labels: Labels },
): string | undefined {
  if (excludeNodes.includes(node.name)) return undefined;
  if (nodeSelector !== undefined && !selects(nodeSelector, node.labels)) return undefined;
  const custom = customInterfaces.find(({ nodes }) => nodes.includes(node.name))?.interface;
  const parent = custom ?? defaultInterface;
  return parent === undefined || id === 0 ? parent : `${parent}.${id}`;
}
