/** Where addresses of pools in Kube-OVN subnets are announced on layer 2: on the subnet's VLAN, from its nodes. */
import { type KubeOvn, vlanInterface, vlanOf } from '../config/kubeovn.ts';
import type { Labels, Pool } from '../config/model.ts';
import { contains } from '../lib/prefix.ts';
import type { Layer2Scope } from './layer2.ts';

/** The interface of each node that is on the VLAN, by the node's name. */
export type Underlay = ReadonlyMap<string, string>;

/** @returns undefined for a pool that is in no subnet, or in one of which the documents do not say where it is */
export function underlayOf(pool: Pool, kubeOvn: KubeOvn, nodes: ReadonlyMap<string, Labels>): Underlay | undefined {
  const subnet = kubeOvn.subnets.find(({ cidrs }) =>
    pool.addresses.every(({ prefixes }) => prefixes.every((block) => cidrs.some((cidr) => contains(cidr, block)))),
  );
  const found = subnet && vlanOf(subnet, kubeOvn);
  if (found === undefined) return undefined;
  const interfaces = new Map<string, string>();
  for (const [name, labels] of nodes) {
    const link = vlanInterface(found.vlan, found.network, { name, labels });
    if (link !== undefined) interfaces.set(name, link);
  }
  return interfaces;
}

/**
 * An advertisement as it holds for such a pool: of nodes those that are on the VLAN, and of interfaces the VLAN's, unless
 * the advertisement names some. Nodes with an endpoint come first, as Kube-OVN keeps what comes in on its node.
 */
export function onUnderlay({ document, candidacy }: Layer2Scope, underlay: Underlay, node: string): Layer2Scope {
  const own = underlay.get(node);
  return {
    document,
    candidacy: {
      ...candidacy,
      nodes: new Set([...candidacy.nodes].filter((name) => underlay.has(name))),
      interfaces: candidacy.interfaces.length > 0 || own === undefined ? candidacy.interfaces : [own],
      preferLocal: true,
    },
  };
}
