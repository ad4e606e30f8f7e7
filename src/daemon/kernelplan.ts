/** What a configuration does to the kernel, as plain rows that two configurations can be compared by: a part of `plan`. */
import type { Configuration } from '../config/model.ts';
import { decideEgress, EGRESS_PRIORITY, type EgressDecision } from '../intent/egress.ts';
import { wishesOf } from '../intent/network.ts';
import { type PlannedSession, plain } from '../intent/plan/part.ts';
import type { ServiceDecision } from '../intent/service.ts';
import { interfaceAddresses } from '../io/interfaces.ts';
import { readTableNames } from '../io/tables.ts';
import { formatAddress } from '../lib/address.ts';
import { formatMac } from '../lib/mac.ts';
import type { Goal, HostAddress, LinkGoal } from '../vrf/goal.ts';
import { describeRule, describeStep, sysctlName } from '../vrf/step.ts';
import { tableLookup } from './egress.ts';
import { goalOf } from './network/wishes.ts';
import { Stack } from './stack.ts';

/** One thing in the kernel that is to be as `text` says; what and name together are its own. */
export interface PlannedKernel {
  readonly what: 'learned' | 'link' | 'address' | 'route' | 'rule' | 'sysctl' | 'egress' | 'loopback';
  readonly name: string;
  readonly text: string;
}

/** What kernel rows are made of. */
export interface KernelParts {
  readonly speaker: Configuration['speaker'];
  readonly imports: Configuration['imports'];
  /** Of the node's network. */
  readonly goal: Goal;
  readonly egress: Iterable<EgressDecision>;
  readonly sessions: Iterable<PlannedSession>;
  readonly services: Iterable<ServiceDecision>;
}

export function* plannedKernel(parts: KernelParts): Generator<PlannedKernel> {
  const { speaker, imports, goal, egress, sessions, services } = parts;
  yield* learned(speaker.kernel, imports, sessions);
  yield* network(goal);
  for (const decision of egress) yield* sources(decision);
  for (const ip of loopback(speaker, services)) yield { what: 'loopback', name: ip, text: 'on lo' };
}

/** The kernel's part of documents, of what they come to and of how this machine is now. */
export function kernelParts(
  config: Configuration,
  sessions: Iterable<PlannedSession>,
  decisions: ReadonlyMap<string, ServiceDecision>,
): KernelParts {
  const goal = goalOf(wishesOf(config));
  const { speaker, imports } = config;
  return { speaker, imports, goal, egress: egressOf(config, decisions, goal), sessions, services: decisions.values() };
}

/** What documents come to on this machine as it is now. */
export function egressOf(
  config: Configuration,
  decisions: ReadonlyMap<string, ServiceDecision>,
  goal = goalOf(wishesOf(config)),
): readonly EgressDecision[] {
  if (config.egress.size === 0) return [];
  const ips = new Map([...decisions].map(([key, { ips }]) => [key, ips] as const));
  return decideEgress(config, { ips, own: interfaceAddresses(), table: tableOf(goal) });
}

/** As a daemon would find it, but that VRFs which are to be are there. */
function tableOf(goal: Goal): (network: string) => number | undefined {
  const there = tableLookup(linksNow(), readTableNames());
  return (network) => goal.links.get(network)?.table ?? there(network);
}

function linksNow() {
  try {
    const stack = new Stack([]);
    try {
      return stack.links();
    } finally {
      stack.close();
    }
  } catch {
    return []; // no Linux, or no library for it: what documents say is all there is
  }
}

/** Where routes of peers go, by the VRF of their sessions and by those that import them. Who may bring none does not count. */
function* learned(
  { install, protocol, metric, mtu }: Configuration['speaker']['kernel'],
  imports: Configuration['imports'],
  sessions: Iterable<PlannedSession>,
): Generator<PlannedKernel> {
  if (!install) return;
  const from = new Map<string, string[]>();
  for (const { name, settings } of sessions) {
    const policy = settings.receive as { all?: boolean; rules?: readonly unknown[] } | undefined;
    if (!policy?.all && (policy?.rules ?? []).length === 0) continue;
    const vrf = String(settings.vrf ?? '');
    from.set(vrf, [...(from.get(vrf) ?? []), name]);
  }
  const place = (vrf: string) => (vrf === '' ? 'main table' : `VRF ${vrf}`);
  for (const vrf of [...new Set([...from.keys(), ...imports.keys()])].sort()) {
    const own = from.get(vrf)?.sort().join(', ');
    const others = (imports.get(vrf) ?? []).filter((other) => from.has(other)).map((other) => `of ${place(other)}`);
    if (own === undefined && others.length === 0) continue;
    const size = mtu === undefined ? '' : ` mtu ${mtu}`;
    const words = [`protocol ${protocol} metric ${metric}${size}`, ...(own ? [`from ${own}`] : []), ...others];
    yield { what: 'learned', name: place(vrf), text: words.join(' ') };
  }
}

function* network({ links, routes, absentRoutes, rules, absentRules, sysctls }: Goal): Generator<PlannedKernel> {
  for (const link of links.values()) {
    yield { what: 'link', name: link.name, text: linkText(link) };
    for (const { address, length } of [...(link.ipv4 ?? []), ...(link.ipv6 ?? [])])
      yield { what: 'address', name: `${formatAddress(address)}/${length}`, text: `dev ${link.name}` };
  }
  for (const route of routes) {
    const [, where, rest = ''] = /^route add (.*? table \d+)(?: (.*))?$/.exec(describeStep({ do: 'addRoute', route }))!;
    yield { what: 'route', name: where!, text: rest };
  }
  for (const pattern of absentRoutes) yield { what: 'route', name: patternText(pattern), text: 'absent' };
  for (const { family, ...rule } of rules)
    yield { what: 'rule', name: describeRule({ ...rule, family }), text: `ipv${family}` };
  for (const pattern of absentRules) yield { what: 'rule', name: patternText(pattern), text: 'absent' };
  for (const [path, { value }] of sysctls) yield { what: 'sysctl', name: sysctlName(path), text: `= ${value}` };
}

function linkText({ state, kind, table, vlan, master, ports, mtu, mac, stp, bondMode, ipv4, ipv6 }: LinkGoal): string {
  if (state === 'absent') return 'absent';
  const none = (list: readonly HostAddress[] | undefined, family: string) =>
    list?.length === 0 ? `no ${family} addresses` : '';
  const words = [
    kind === undefined ? '' : `type ${kind}`,
    table === undefined ? '' : `table ${table}`,
    vlan === undefined ? '' : `link ${vlan.base} id ${vlan.id}`,
    bondMode === undefined ? '' : `mode ${bondMode}`,
    master === undefined ? '' : master === null ? 'nomaster' : `master ${master}`,
    ports === undefined ? '' : `ports ${ports.join(' ') || 'none'}`,
    mtu === undefined ? '' : `mtu ${mtu}`,
    mac === undefined ? '' : `address ${formatMac(mac)}`,
    stp === undefined ? '' : `stp ${stp ? 'on' : 'off'}`,
    state,
    none(ipv4, 'IPv4'),
    none(ipv6, 'IPv6'),
  ];
  return words.filter((word) => word !== '').join(' ');
}

const patternText = (pattern: object): string =>
  Object.entries(plain(pattern) as object)
    .map(([field, value]) => `${field} ${value ?? 'none'}`)
    .join(' ');

/** By their source, packets of endpoints get another, or leave by another table. */
function* sources({ key, reason, detail, rules, translations }: EgressDecision): Generator<PlannedKernel> {
  yield { what: 'egress', name: key, text: reason === undefined ? `carried here: ${detail}` : `${reason}: ${detail}` };
  for (const { from, to } of translations)
    yield { what: 'egress', name: `${key} from ${formatAddress(from)}`, text: `source ${formatAddress(to)}` };
  for (const { from, sourcePort, table } of rules) {
    const port = sourcePort === undefined ? '' : ` sport ${sourcePort}`;
    yield {
      what: 'rule',
      name: `${EGRESS_PRIORITY}: from ${formatAddress(from)}${port}`,
      text: `lookup ${table} by EgressService/${key}`,
    };
  }
}

function loopback(
  { loopbackAddresses }: Configuration['speaker'],
  services: Iterable<ServiceDecision>,
): readonly string[] {
  const found = new Set<string>();
  if (loopbackAddresses.length > 0)
    for (const decision of services)
      if (loopbackAddresses.some((protocol) => decision[protocol].announced))
        for (const ip of decision.ips) found.add(formatAddress(ip));
  return [...found].sort();
}
