/** Which policy rules a packet meets, in the order in which the kernel asks them. */
import type { Address } from '../lib/address.ts';
import { formatAddress } from '../lib/address.ts';
import { contains, type Prefix } from '../lib/prefix.ts';
import type { Link } from '../netlink/link.ts';
import { type Rule, RuleFlag } from '../netlink/rule.ts';

export interface Packet {
  readonly source: Address;
  readonly destination: Address;
  /** Index of the link it comes in by; absent for one that is made here. */
  readonly input?: number;
  /** Index of the VRF that its socket is confined to. */
  readonly output?: number;
  readonly mark: number;
}

/** Links by index. */
export type Links = ReadonlyMap<number, Link>;

/** A rule that the packet meets, and the table that it leads to; no table for one that ends the search by itself. */
export interface Met {
  readonly rule: Rule;
  readonly table?: number;
}

/** The VRF that a link is in, or is. */
export function vrfOf(index: number | undefined, links: Links): Link | undefined {
  const link = links.get(index ?? 0);
  if (link?.info?.kind === 'vrf') return link;
  const master = links.get(link?.master ?? 0);
  return master?.info?.kind === 'vrf' ? master : undefined;
}

/** Rules about ports, protocols, users or types of service are passed over: the packet has none of these yet. */
export function meets(packet: Packet, rules: readonly Rule[], links: Links): readonly Met[] {
  const vrf = vrfOf(packet.input ?? packet.output, links);
  const found: Met[] = [];
  for (const rule of [...rules].sort((a, b) => a.priority - b.priority)) {
    if (rule.family !== packet.destination.family || special(rule)) continue;
    const inverted = (rule.flags & RuleFlag.invert) !== 0;
    if (selects(rule, packet, vrf, links) === inverted) continue;
    if (rule.l3mdev) {
      const table = vrf?.info?.kind === 'vrf' ? vrf.info.table : undefined;
      if (table !== undefined) found.push({ rule, table });
    } else if (rule.action === 'table') found.push({ rule, table: rule.table });
    else if (rule.action === 'blackhole' || rule.action === 'unreachable' || rule.action === 'prohibit')
      found.push({ rule });
  }
  return found;
}

const special = (rule: Rule): boolean =>
  rule.ipProtocol !== undefined ||
  rule.sourcePorts !== undefined ||
  rule.destinationPorts !== undefined ||
  rule.uids !== undefined ||
  rule.kept !== undefined ||
  rule.tos !== undefined;

function selects(rule: Rule, packet: Packet, vrf: Link | undefined, links: Links): boolean {
  const { from, to, input, output, mark, mask = 0xffff_ffff } = rule;
  if (from !== undefined && !contains(from, packet.source)) return false;
  if (to !== undefined && !contains(to, packet.destination)) return false;
  if (mark !== undefined && ((mark ^ packet.mark) & mask) !== 0) return false;
  // What is made here comes in by the loopback.
  const came = packet.input === undefined ? 'lo' : links.get(packet.input)?.name;
  if (input !== undefined && input !== came && (packet.input === undefined || input !== vrf?.name)) return false;
  if (output !== undefined && output !== links.get(packet.output ?? 0)?.name) return false;
  return true;
}

const tableNames: Readonly<Record<number, string>> = { 253: 'default', 254: 'main', 255: 'local' };

/** By the VRF whose it is, by the kernel's name for it, or by number. */
export function tableText(table: number, links: Links): string {
  const vrf = [...links.values()].find(({ info }) => info?.kind === 'vrf' && info.table === table);
  return vrf?.name === undefined ? (tableNames[table] ?? String(table)) : `${table} (VRF ${vrf.name})`;
}

/** As `ip rule` words it. */
export function ruleText(rule: Rule, links: Links): string {
  const prefix = (p: Prefix) =>
    p.length === p.bytes.length * 8 ? formatAddress(p) : `${formatAddress(p)}/${p.length}`;
  const words = [
    (rule.flags & RuleFlag.invert) !== 0 ? 'not' : undefined,
    `from ${rule.from === undefined ? 'all' : prefix(rule.from)}`,
    rule.to && `to ${prefix(rule.to)}`,
    rule.mark === undefined ? undefined : `fwmark 0x${rule.mark.toString(16)}`,
    rule.input && `iif ${rule.input}`,
    rule.output && `oif ${rule.output}`,
    rule.l3mdev ? 'lookup the table of the VRF' : undefined,
    !rule.l3mdev && rule.action === 'table' ? `lookup ${tableText(rule.table, links)}` : undefined,
    rule.action === 'table' ? undefined : String(rule.action),
  ];
  return words.filter((word) => word !== undefined).join(' ');
}
