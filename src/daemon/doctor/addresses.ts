/** What becomes of packets for the addresses of Services once they are here. */
import type { EndpointSlice } from '../../config/model.ts';
import type { ServiceDecision } from '../../intent/service.ts';
import { type Address, formatAddress } from '../../lib/address.ts';
import { contains, type Prefix } from '../../lib/prefix.ts';
import { type Finding, findingsOf } from './finding.ts';
import { grouped } from './group.ts';

export interface DeliveryFacts {
  /** Addresses of this machine, as text. */
  readonly own: ReadonlySet<string>;
  /** Subnets of the links, by the name of the link. */
  readonly subnets: readonly { readonly link: string; readonly subnet: Prefix }[];
  /** Addresses that the packet filter or IPVS knows. */
  readonly known: ReadonlySet<string>;
  /** What may take packets and cannot be seen, and why: the packet filter, iptables-legacy, eBPF of Cilium. */
  readonly hidden: string | undefined;
  /** The gateway that packets for an address would be sent to. Asked once for each pool. */
  gatewayTo(ip: Address): string | undefined;
  readonly forwards: Readonly<Record<4 | 6, boolean>>;
  /** By `namespace/name` of the Service. */
  readonly slices: ReadonlyMap<string, readonly EndpointSlice[]>;
  /** The daemon itself puts the addresses on the loopback. */
  readonly isOnLoopback: (by: 'bgp' | 'layer2') => boolean;
}

const { ok, note, warning, problem } = findingsOf('addresses');

export function addressFindings(decisions: Iterable<ServiceDecision>, facts: DeliveryFacts): Finding[] {
  const found: { readonly ip: string; readonly finding: Finding }[] = [];
  const gateways = new Map<string, string | undefined>();
  const gatewayTo = (ip: Address, pool: string) => {
    const key = `${pool} ${ip.family}`;
    if (!gateways.has(key)) gateways.set(key, facts.gatewayTo(ip));
    return gateways.get(key);
  };
  for (const decision of decisions) {
    const { bgp, layer2, ips, key } = decision;
    if (!bgp.announced && !layer2.announced) continue;
    for (const ip of ips) {
      const text = formatAddress(ip);
      found.push({
        ip: text,
        finding: takerFinding(text, decision, facts) ?? noTaker(gatewayTo(ip, decision.pool ?? '')),
      });
      const link = facts.subnets.find(({ subnet }) => contains(subnet, ip))?.link;
      if (bgp.announced && layer2.owner === undefined && link !== undefined)
        found.push({ ip: text, finding: onLink(link) });
      if (!facts.forwards[ip.family] && leadsElsewhere(facts.slices.get(key) ?? [], facts.own))
        found.push({ ip: text, finding: noForwarding(ip.family) });
    }
  }
  return grouped(found);
}

/** Who takes packets for it, or that this cannot be seen; undefined: nobody. */
function takerFinding(text: string, { bgp, layer2 }: ServiceDecision, facts: DeliveryFacts): Finding | undefined {
  const { own, known, hidden } = facts;
  if (own.has(text)) return ok(null, 'is on an interface of this node');
  if ((bgp.announced && facts.isOnLoopback('bgp')) || (layer2.announced && facts.isOnLoopback('layer2')))
    return ok(null, 'is put on the loopback by the daemon');
  if (known.has(text)) return ok(null, 'is known to the packet filter or IPVS');
  return hidden === undefined ? undefined : note(null, `whether its packets are taken cannot be seen: ${hidden}`);
}

function noTaker(gateway: string | undefined): Finding {
  const loop = gateway === undefined ? '' : `, and its packets would go back out to ${gateway}`;
  return warning(
    null,
    `nothing here takes its packets: no interface has it, and neither the packet filter nor IPVS knows it${loop}`,
    'kube-proxy or whatever serves it; for a program on this node spec.loopbackAddresses of the Speaker',
  );
}

const onLink = (link: string): Finding =>
  warning(
    null,
    `is announced by BGP and lies in a subnet of ${link}: hosts there ask for it by ARP or neighbour discovery, and nobody answers`,
    'an L2Advertisement beside the BGPAdvertisement, or a pool outside the subnet',
  );

const noForwarding = (family: 4 | 6): Finding =>
  problem(
    null,
    `has endpoints that are not on this node's own addresses, and IPv${family} is not forwarded`,
    family === 4 ? 'net.ipv4.ip_forward = 1' : 'net.ipv6.conf.all.forwarding = 1',
  );

const leadsElsewhere = (slices: readonly EndpointSlice[], own: ReadonlySet<string>): boolean =>
  slices.some(({ endpoints }) => endpoints.some(({ addresses }) => addresses.some((text) => !own.has(text))));
