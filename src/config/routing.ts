/** `routes` and `route-rules` of a NodeNetworkConfigurationPolicy's desired state. */
import { z } from 'zod';
import { type Family, formatAddress, parseAddress } from '../lib/address.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../lib/prefix.ts';
import { addressHint } from './host.ts';
import {
  LOCAL_TABLE,
  MAIN_TABLE,
  type PolicyRoute,
  type PolicyRule,
  type RoutePattern,
  RULE_PRIORITY,
  type RulePattern,
  routeTypes,
} from './network.ts';
import type { Findings, Path } from './problem.ts';
import type { Output } from './schema.ts';
import { number, refuse } from './value.ts';

const state = () => z.enum(['present', 'absent']).optional().describe('absent: whatever matches must not be there.');

/** Numbers of marks, which nmstate takes in hexadecimal too. */
const mark = () =>
  z
    .preprocess(
      (v) => (typeof v === 'string' && /^(?:0|[1-9]\d*|0x[0-9a-f]+)$/i.test(v) ? Number(v) : v),
      z.int().min(0, 'must be in 0..0xffffffff').max(0xffff_ffff, 'must be in 0..0xffffffff'),
    )
    .optional();

export const routeSchema = () =>
  z.strictObject({
    state: state(),
    destination: z.string().optional().describe('Where the route leads, ADDRESS/LENGTH. Needed unless it is absent.'),
    'next-hop-interface': z.string().optional().describe('Interface that it uses. Needed unless route-type is given.'),
    'next-hop-address': z.string().optional().describe('Router; empty for none.'),
    metric: number(-1, 0xffff_ffff).optional().describe("The lowest wins. Default -1: the kernel's default."),
    'table-id': number(0, 0xffff_ffff).optional().describe('Routing table. Default 0: main, 254.'),
    weight: number(1, 256).optional().describe('Share among several next hops, IPv4 only.'),
    'route-type': z.enum(routeTypes).optional().describe('Packets are dropped rather than sent on.'),
    cwnd: number(0, 0xffff_ffff).optional().describe("TCP's congestion window, in segments."),
    source: z.string().optional().describe('Source address of packets of this node.'),
    'vrf-name': z.string().optional().describe('VRF whose table it is, instead of table-id.'),
  });

export const ruleSchema = () =>
  z.strictObject({
    state: state(),
    family: z.enum(['ipv4', 'ipv6']).optional().describe('Needed unless an address gives it.'),
    'ip-from': z.string().optional().describe('Source of packets, ADDRESS/LENGTH.'),
    'ip-to': z.string().optional().describe('Destination of packets, ADDRESS/LENGTH.'),
    priority: number(-1, 0xffff_ffff).optional().describe('The lowest comes first. Default -1: 30000 and up.'),
    'route-table': number(0, 0xffff_ffff).optional().describe('Table to look in. Default 0: main, 254.'),
    fwmark: mark().describe('Mark of packets.'),
    fwmask: mark().describe('Bits of the mark that count. Default all.'),
    iif: z.string().optional().describe('Interface that packets come in by.'),
    action: z.enum(routeTypes).optional().describe('Packets are dropped rather than looked up.'),
    'suppress-prefix-length': number(-1, 128)
      .optional()
      .describe('Routes with prefixes up to this length do not count.'),
    suppress_prefixlength: number(-1, 128).optional(),
  });

type RawRoute = Output<typeof routeSchema>;
type RawRule = Output<typeof ruleSchema>;

export interface Routing<Present, Absent> {
  readonly present: readonly Present[];
  readonly absent: readonly Absent[];
}

/**
 * @param path of the list
 * @param tableOf the table of a VRF of this policy
 */
export function readRoutes(
  raw: readonly RawRoute[],
  path: Path,
  tableOf: (vrf: string) => number | undefined,
  findings: Findings,
): Routing<PolicyRoute, RoutePattern> {
  const present: PolicyRoute[] = [];
  const absent: RoutePattern[] = [];
  for (const [index, item] of raw.entries()) {
    const at = [...path, index];
    const table = readTable(item, at, tableOf, findings);
    if (item.state === 'absent') absent.push(readPattern(item, index, table, at, findings));
    else {
      const route = readRoute(item, index, table, at, findings);
      if (route !== undefined) present.push(route);
    }
  }
  return { present, absent };
}

function readTable(
  raw: RawRoute,
  path: Path,
  tableOf: (vrf: string) => number | undefined,
  findings: Findings,
): number | undefined {
  const vrf = raw['vrf-name'];
  const id = raw['table-id'] || undefined;
  if (id === LOCAL_TABLE) findings.error([...path, 'table-id'], `${id} has the addresses of the node itself`);
  if (vrf === undefined) return id;
  const table = tableOf(vrf);
  if (table === undefined)
    findings.error(
      [...path, 'vrf-name'],
      `this policy has no VRF ${JSON.stringify(vrf)} with a route-table-id`,
      'give the table-id',
    );
  if (id !== undefined && id !== table) findings.error([...path, 'table-id'], `is not the table of VRF ${vrf}`);
  return table;
}

function readRoute(
  raw: RawRoute,
  index: number,
  table: number | undefined,
  path: Path,
  findings: Findings,
): PolicyRoute | undefined {
  const { metric, weight, cwnd, 'route-type': type } = raw;
  const device = raw['next-hop-interface'] || undefined;
  const destination = readPrefix(raw, 'destination', path, findings);
  if (!raw.destination) findings.error([...path, 'destination'], 'is missing: a route leads somewhere');
  if (destination === undefined) return undefined;
  const gateway = readAddress(raw, 'next-hop-address', path, findings);
  const source = readAddress(raw, 'source', path, findings);
  // IPv4 may be sent to an IPv6 router (RFC 8950), and not the other way round.
  for (const [field, address] of [
    ['next-hop-address', gateway],
    ['source', source],
  ] as const)
    if (address && address.family !== destination.family && !(field === 'next-hop-address' && address.family === 6))
      findings.error([...path, field], `is not of the family of ${formatPrefix(destination)}`);
  if (type === undefined && device === undefined)
    findings.error([...path, 'next-hop-interface'], 'is missing: give it, or a route-type');
  if (type !== undefined && device !== undefined && device !== 'lo')
    findings.error([...path, 'next-hop-interface'], `a ${type} route has no next hop`);
  if (type !== undefined && gateway !== undefined)
    findings.error([...path, 'next-hop-address'], `a ${type} route has no next hop`);
  if (weight !== undefined && destination.family === 6)
    findings.error([...path, 'weight'], 'IPv6 routes have no weight');
  if (cwnd === 0) findings.error([...path, 'cwnd'], 'must not be 0');
  return {
    index,
    destination,
    table: table ?? MAIN_TABLE,
    ...(metric !== undefined && metric >= 0 && { metric }),
    ...(device !== undefined && type === undefined && { interface: device }),
    ...(gateway && { gateway }),
    ...(type !== undefined && { type }),
    ...(weight !== undefined && { weight }),
    ...(source && { source }),
    ...(cwnd !== undefined && { cwnd }),
  };
}

/** The metric is not among what is matched, as in nmstate. */
function readPattern(
  raw: RawRoute,
  index: number,
  table: number | undefined,
  path: Path,
  findings: Findings,
): RoutePattern {
  const destination = readPrefix(raw, 'destination', path, findings);
  const gateway = raw['next-hop-address'] === '' ? null : readAddress(raw, 'next-hop-address', path, findings);
  const source = readAddress(raw, 'source', path, findings);
  refuse(raw, ['weight', 'cwnd'], path, findings);
  return {
    index,
    ...(destination && { destination }),
    ...(table !== undefined && { table }),
    ...(raw['next-hop-interface'] && { interface: raw['next-hop-interface'] }),
    ...(gateway !== undefined && { gateway }),
    ...(raw['route-type'] && { type: raw['route-type'] }),
    ...(source && { source }),
  };
}

/** @param path of the list */
export function readRules(raw: readonly RawRule[], path: Path, findings: Findings): Routing<PolicyRule, RulePattern> {
  const present: PolicyRule[] = [];
  const absent: RulePattern[] = [];
  for (const [index, item] of raw.entries()) {
    const pattern = readRule(item, index, [...path, index], findings);
    if (item.state === 'absent') absent.push(pattern);
    else if (pattern.family === undefined)
      findings.error([...path, index], 'neither ip-from, ip-to nor family is defined');
    else {
      const table = pattern.table ?? (pattern.action === undefined ? MAIN_TABLE : undefined);
      const priority = pattern.priority ?? RULE_PRIORITY + index;
      present.push({ ...pattern, family: pattern.family, priority, ...(table !== undefined && { table }) });
    }
  }
  return { present, absent };
}

function readRule(raw: RawRule, index: number, path: Path, findings: Findings): RulePattern {
  const { priority, fwmark, fwmask, iif, action } = raw;
  const from = readPrefix(raw, 'ip-from', path, findings);
  const to = readPrefix(raw, 'ip-to', path, findings);
  const family = readRuleFamily(raw, from, to, path, findings);
  if (fwmask !== undefined && fwmark === undefined) findings.error([...path, 'fwmask'], 'needs fwmark');
  if (priority === 0) findings.error([...path, 'priority'], 'is that of the local table: 1 or more');
  const suppressed = raw['suppress-prefix-length'] ?? raw.suppress_prefixlength;
  return {
    index,
    ...(family !== undefined && { family }),
    ...(from && { from }),
    ...(to && { to }),
    ...(priority !== undefined && priority > 0 && { priority }),
    ...(raw['route-table'] && { table: raw['route-table'] }),
    ...(fwmark !== undefined && { mark: fwmark, mask: fwmask ?? 0xffff_ffff }),
    ...(iif && { input: iif }),
    ...(action !== undefined && { action }),
    ...(suppressed !== undefined && suppressed >= 0 && { suppressPrefixLength: suppressed }),
  };
}

function readRuleFamily(
  raw: RawRule,
  from: Prefix | undefined,
  to: Prefix | undefined,
  path: Path,
  findings: Findings,
): Family | undefined {
  const said = raw.family === undefined ? undefined : raw.family === 'ipv4' ? 4 : 6;
  const family = said ?? from?.family ?? to?.family;
  for (const [field, prefix] of [
    ['ip-from', from],
    ['ip-to', to],
  ] as const)
    if (prefix !== undefined && prefix.family !== family)
      findings.error([...path, field], `is not of family ipv${family}`);
  return family;
}

type Text<Field extends string> = { readonly [F in Field]?: string | undefined };

function readPrefix<F extends string>(raw: Text<F>, field: F, path: Path, findings: Findings): Prefix | undefined {
  const text = raw[field];
  if (!text) return undefined;
  const prefix = parsePrefix(text);
  if (prefix === undefined)
    findings.error([...path, field], `not a prefix: ${JSON.stringify(text)}`, 'write ADDRESS/LENGTH');
  else if (text.includes('/') && formatPrefix(prefix) !== canonicalText(text))
    findings.warn([...path, field], `has bits set past its length: ${formatPrefix(prefix)} is meant`);
  return prefix;
}

/** The same address in our spelling, with its length. */
function canonicalText(text: string): string {
  const [address, length] = text.split('/');
  const parsed = parseAddress(address!);
  return parsed === undefined ? text : `${formatAddress(parsed)}/${length}`;
}

function readAddress<F extends string>(raw: Text<F>, field: F, path: Path, findings: Findings) {
  const text = raw[field];
  if (!text) return undefined;
  const address = parseAddress(text);
  if (address === undefined)
    findings.error([...path, field], `not an IP address: ${JSON.stringify(text)}`, addressHint(text));
  return address;
}
