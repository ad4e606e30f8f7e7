/** Whether addresses can be answered for on the links that they are to be announced on, and by nobody else here. */
import type { ServiceDecision } from '../../intent/service.ts';
import { type Address, formatAddress } from '../../lib/address.ts';
import { covers } from '../../lib/cover.ts';
import { contains, type Prefix } from '../../lib/prefix.ts';
import type { Link } from '../../netlink/link.ts';
import { type Ports, portsOf } from '../fast/ports.ts';
import { Responders } from '../responders.ts';
import { type Finding, findingsOf } from './finding.ts';
import { grouped } from './group.ts';

export interface Layer2Facts {
  readonly links: readonly Link[];
  /** Of the links, by index. */
  readonly subnets: readonly { readonly link: number; readonly subnet: Prefix }[];
  /** Indexes of the links that have this address. */
  holders(ip: string): readonly number[];
  /** Patterns of names (metallb-excludel2). */
  readonly exclude: readonly RegExp[];
  isWireless(name: string): boolean;
  /** The kernel answers ARP on this interface for addresses of other interfaces. */
  answersForOthers(name: string): boolean;
}

const { ok, warning, problem } = findingsOf('layer2');

export function layer2Findings(decisions: Iterable<ServiceDecision>, facts: Layer2Facts): Finding[] {
  // Who stands by must be able to as well.
  const meant = [...decisions].filter(({ layer2 }) => layer2.announced || layer2.owner !== undefined);
  if (meant.length === 0) return [];
  const all = portsOf(facts.links, facts.exclude);
  const responders = new Responders();
  responders.found(all);
  const usable = new Set<string>();
  const found: { readonly ip: string; readonly finding: Finding }[] = [];
  const add = (ip: string, finding: Finding | undefined) => finding !== undefined && found.push({ ip, finding });
  for (const { ips, layer2 } of meant)
    for (const ip of ips) {
      const text = formatAddress(ip);
      const names = responders.able(layer2.interfaces, ip.family).map(({ name }) => name);
      for (const name of names) usable.add(name);
      const whyNot = (name: string) => responders.unable(name, ip.family);
      add(text, names.length === 0 ? noInterface(layer2.interfaces, all, whyNot) : subnetFinding(ip, names, facts));
      add(text, kernelFinding(ip, names, facts));
    }
  const links = [...usable].sort().map((name) => linkFinding(name, facts));
  return [...links, ...grouped(found)];
}

/** What the daemon's words mean; others speak for themselves. */
const words: ReadonlyMap<string, string> = new Map([
  ['down', 'down, or without a carrier'],
  ['off', 'not for this family'],
]);

function noInterface(
  wanted: 'all' | readonly string[],
  { ports, ineligible }: Ports,
  whyNot: (name: string) => string,
): Finding {
  const known = [...ports.map(({ name }) => name), ...ineligible.keys()];
  const names = wanted === 'all' ? known : [...new Set([...wanted, ...known.filter((name) => covers(wanted, name))])];
  const why = names.map((name) => `${name}: ${words.get(whyNot(name)) ?? whyNot(name)}`).join('; ');
  return problem(
    null,
    `no interface can answer for it (${why || 'there is none'})`,
    'set an interface up, or correct interfaces of the L2Advertisement or metallb-excludel2',
  );
}

/** Hosts ask by ARP for what they take to be on their link, and send the rest to their router. */
function subnetFinding(ip: Address, names: readonly string[], { links, subnets }: Layer2Facts): Finding | undefined {
  const indexes = new Set(links.filter(({ name }) => names.includes(name ?? '')).map(({ index }) => index));
  if (subnets.some(({ link, subnet }) => indexes.has(link) && contains(subnet, ip))) return undefined;
  return warning(
    null,
    `is in no subnet of ${names.join(', ')}: hosts on the link send it to their router instead of asking for it`,
    'a pool inside a subnet of the link, a route onto the link in the router, or a BGPAdvertisement',
  );
}

/** The kernel answers for what is an address of this machine, whoever is elected. */
function kernelFinding(ip: Address, names: readonly string[], facts: Layer2Facts): Finding | undefined {
  for (const link of facts.holders(formatAddress(ip))) {
    const device = facts.links.find(({ index }) => index === link)?.name ?? `link ${link}`;
    if (names.includes(device))
      return problem(
        null,
        `is an address of ${device} itself: the kernel answers for it, whichever node is elected`,
        `ip address delete it from ${device}: it is answered for without`,
      );
    const answering = ip.family === 4 ? names.filter((name) => facts.answersForOthers(name)) : [];
    if (answering.length > 0)
      return problem(
        null,
        `is on ${device}, and the kernel answers ARP for it on ${answering.join(', ')}, whichever node is elected`,
        'net.ipv4.conf.all.arp_ignore = 1 and arp_announce = 2 (kube-proxy: ipvs.strictARP: true)',
      );
  }
  return undefined;
}

function linkFinding(name: string, { links, isWireless }: Layer2Facts): Finding {
  const link = links.find((one) => one.name === name);
  const kind = link?.info?.kind === 'other' ? link.info.name : link?.info?.kind;
  if (kind === 'ipvlan')
    return problem(
      name,
      'an ipvlan device gets no packets but for its own addresses: those of Services never arrive',
      'a macvlan or bridged device, or the BGP announcement of the addresses',
    );
  if (isWireless(name))
    return warning(
      name,
      'a wireless interface: access points answer ARP themselves, or filter it',
      'layer2.reception: promiscuous in the Speaker, proxy ARP off in the access point, or a wired interface',
    );
  return ok(name, 'can answer');
}
