/** EgressService: what packets of a Service's endpoints are to look like when they leave, and by which table. */
import type { Meta, Selector } from './model.ts';

export interface EgressService extends Meta {
  /** LoadBalancerIP: one node carries the Service, and sources become its address. Network: every node its endpoints. */
  readonly sourceIpBy: 'LoadBalancerIP' | 'Network';
  /** Nodes that may be chosen; one without requirements is every node. */
  readonly nodeSelector: Selector;
  /** Number or name of a routing table, or name of a VRF; empty for the main table. */
  readonly network: string;
  /** status.host, where somebody has chosen already; empty: that nobody does. */
  readonly statusHost?: string;
}

/** Who carries it. */
export interface Egress {
  readonly document: EgressService;
  /** Name of a node, `ALL` or `''` for nobody. */
  readonly host: string;
  /** Why nobody does. */
  readonly reason?: 'noService' | 'notLoadBalancer' | 'noEndpoints' | 'noNode' | 'notAlive' | 'unassigned';
}

/** The label that the node which carries a Service has, so that advertisements can select it. */
export const egressLabel = ({ namespace, name }: Pick<Meta, 'namespace' | 'name'>): string =>
  `egress-service.k8s.ovn.org/${namespace}-${name}`;
