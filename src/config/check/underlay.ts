/**
 * Pools of load balancer addresses that lie in Kube-OVN subnets: what has to be said on both sides so that an address is
 * not given to a pod, and is answered for where its subnet is. Warnings all: the program announces what it is told.
 */
import { formatAddress } from '../../lib/address.ts';
import { covers } from '../../lib/cover.ts';
import { bounds, contains, overlaps, type Prefix } from '../../lib/prefix.ts';
import { candidatePools } from '../candidates.ts';
import { type KubeOvn, type Subnet, vlanInterface, vlanOf } from '../kubeovn.ts';
import type { Layer2Advertisement, Namespace, Pool, Service } from '../model.ts';
import { didYouMean } from '../nearest.ts';
import type { Path } from '../problem.ts';
import { placeOf, type Report } from '../report.ts';
import type { Found, KnownNode } from './nodes.ts';

export interface UnderlayGround {
  readonly kubeOvn: KubeOvn;
  readonly subnets: readonly Found<Subnet>[];
  readonly pools: readonly Found<Pool>[];
  readonly layer2: readonly Found<Layer2Advertisement>[];
  readonly services: readonly Found<Service>[];
  readonly namespaces: ReadonlyMap<string, Namespace>;
  readonly node: KnownNode;
  readonly loadBalancerClass: string;
}

export function checkUnderlays(ground: UnderlayGround, report: Report): void {
  const inside = new Map<Pool, Found<Subnet>>();
  const holding = new Set<Found<Subnet>>();
  for (const pool of ground.pools)
    for (const subnet of ground.subnets) {
      if (!blocks(pool.value).some((block) => subnet.value.cidrs.some((cidr) => overlaps(cidr, block)))) continue;
      if (!inside.has(pool.value)) inside.set(pool.value, subnet);
      holding.add(subnet);
      checkPool(pool, subnet, report);
    }
  for (const subnet of holding) checkSubnet(subnet, ground, report);
  checkAdvertised(inside, ground, report);
  checkServed(inside, ground, report);
}

const blocks = (pool: Pool): readonly Prefix[] => pool.addresses.flatMap(({ prefixes }) => prefixes);

/** The pool lies in the subnet, and no pod gets any of it. */
function checkPool(pool: Found<Pool>, subnet: Found<Subnet>, report: Report): void {
  const { cidrs, gateways, excluded } = subnet.value;
  const named = `Subnet/${subnet.value.name} (${placeOf(subnet.document)})`;
  const free: Prefix[] = [];
  for (const [i, { text, prefixes }] of pool.value.addresses.entries()) {
    const at: Path = ['spec', 'addresses', i];
    if (!prefixes.some((block) => cidrs.some((cidr) => overlaps(cidr, block)))) continue;
    if (!prefixes.every((block) => cidrs.some((cidr) => contains(cidr, block))))
      report.warn(pool.document, at, `${text} is only partly in ${named}`, 'keep the pool within cidrBlock');
    for (const gateway of gateways)
      if (prefixes.some((block) => contains(block, gateway)))
        report.warn(
          pool.document,
          at,
          `holds ${formatAddress(gateway)}, the gateway of ${named}`,
          'leave the gateway out of the pool',
        );
    const within = prefixes.flatMap((block) => cidrs.flatMap((cidr) => (contains(cidr, block) ? block : [])));
    free.push(...within.flatMap((block) => without(block, excluded)));
  }
  if (free.length === 0) return;
  report.warn(
    subnet.document,
    ['spec', 'excludeIps'],
    `does not cover pool ${pool.value.name} (${placeOf(pool.document, ['spec', 'addresses'])}): Kube-OVN may give ${rangesOf(free).join(', ')} to a pod`,
    `add ${rangesOf(free).join(', ')}`,
  );
}

/** What is left of a block without others. */
function without(block: Prefix, others: readonly Prefix[]): Prefix[] {
  if (others.some((other) => contains(other, block))) return [];
  if (!others.some((other) => overlaps(other, block))) return [block];
  return halves(block).flatMap((half) => without(half, others));
}

/** A block that only a part of overlaps is no single address. */
function halves({ family, bytes, length }: Prefix): [Prefix, Prefix] {
  const upper = new Uint8Array(bytes);
  upper[length >> 3] = upper[length >> 3]! | (0x80 >> (length & 7));
  return [
    { family, bytes, length: length + 1 },
    { family, bytes: upper, length: length + 1 },
  ];
}

/** As Kube-OVN writes them; neighbouring blocks, which come in order, are one range. */
function rangesOf(prefixes: readonly Prefix[]): string[] {
  const ranges: [first: string, last: string, next: bigint][] = [];
  for (const block of prefixes) {
    const [low, high] = bounds(block);
    const [first, last] = [toNumber(low.bytes), toNumber(high.bytes)];
    const previous = ranges.at(-1);
    if (previous?.[2] === first) ranges[ranges.length - 1] = [previous[0], formatAddress(high), last + 1n];
    else ranges.push([formatAddress(low), formatAddress(high), last + 1n]);
  }
  return ranges.map(([first, last]) => (first === last ? first : `${first}..${last}`));
}

const toNumber = (bytes: Uint8Array): bigint => bytes.reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);

/** A subnet that holds a pool takes load balancer addresses, and is on a VLAN. */
function checkSubnet({ document, value }: Found<Subnet>, { kubeOvn }: UnderlayGround, report: Report): void {
  if (!value.externalLb)
    report.warn(
      document,
      ['spec', 'enableExternalLBAddress'],
      'a pool of load balancer addresses is in this subnet, and Kube-OVN leaves them alone',
      'enableExternalLBAddress: true',
    );
  if (value.vlan === undefined)
    report.warn(
      document,
      ['spec', 'provider'],
      'the subnet has no vlan: it is an overlay, whose addresses nobody outside reaches',
      'spec.vlan, the name of a Vlan, makes it an underlay',
    );
  else {
    const vlan = kubeOvn.vlans.get(value.vlan);
    const problem =
      vlan === undefined
        ? (['Vlan', value.vlan, kubeOvn.vlans] as const)
        : kubeOvn.networks.has(vlan.provider)
          ? undefined
          : (['ProviderNetwork', vlan.provider, kubeOvn.networks] as const);
    if (problem !== undefined)
      report.warn(
        document,
        ['spec', 'vlan'],
        `there is no ${problem[0]} ${JSON.stringify(problem[1])} here: the interface to announce on is not known`,
        didYouMean(problem[1], problem[2].keys()) ?? `add the ${problem[0]} document`,
      );
  }
}

/** An address of a VLAN is answered for on the VLAN's sub-interface, and nowhere else. */
function checkAdvertised(inside: ReadonlyMap<Pool, Found<Subnet>>, ground: UnderlayGround, report: Report): void {
  for (const { document, value } of ground.layer2)
    for (const [pool, { value: subnet }] of inside) {
      if (!value.pools.includes(pool.name)) continue;
      const found = vlanOf(subnet, ground.kubeOvn);
      const wanted = found && vlanInterface(found.vlan, found.network, ground.node);
      if (found === undefined && value.interfaces.length === 0)
        report.warn(
          document,
          ['spec'],
          `announces pool ${pool.name} on every interface: which one Subnet/${subnet.name} is on is not known`,
          "name the VLAN's sub-interface under interfaces, or add the Vlan and the ProviderNetwork",
        );
      if (wanted !== undefined && value.interfaces.length > 0 && !covers(value.interfaces, wanted))
        report.warn(
          document,
          ['spec', 'interfaces'],
          `pool ${pool.name} is in Subnet/${subnet.name}, which is on ${wanted}`,
          `name ${wanted}, or leave interfaces out`,
        );
    }
}

/** What Services must say so that their addresses stay in the subnet, and with endpoints of the node. */
function checkServed(inside: ReadonlyMap<Pool, Found<Subnet>>, ground: UnderlayGround, report: Report): void {
  if (inside.size === 0) return;
  const pools = ground.pools.map(({ value }) => value);
  for (const { document, value: service } of ground.services) {
    if (service.type !== 'LoadBalancer' || service.loadBalancerClass !== ground.loadBalancerClass) continue;
    const candidates = candidatePools(service, pools, ground.namespaces);
    if (candidates.length === 0 || !candidates.every((pool) => inside.has(pool))) continue;
    const families = new Set(candidates.flatMap((pool) => blocks(pool).map(({ family }) => family)));
    if (service.ipFamilyPolicy !== 'SingleStack' && families.size === 1)
      report.warn(
        document,
        ['spec', 'ipFamilyPolicy'],
        `${service.ipFamilyPolicy}, and pool ${candidates.map(({ name }) => name).join(', ')} has IPv${[...families][0]} only`,
        service.ipFamilyPolicy === 'RequireDualStack'
          ? 'add addresses of the other family, or use SingleStack'
          : 'the Service gets one address; SingleStack says so',
      );
    if (service.externalTrafficPolicy !== 'Local')
      report.warn(
        document,
        ['spec', 'externalTrafficPolicy'],
        'is not Local: Kube-OVN sends what comes for the address to any node, and clients look like that node',
        "externalTrafficPolicy: Local, with Kube-OVN's --enable-ovn-lb-prefer-local=true",
      );
  }
}
