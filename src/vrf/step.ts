/** One change to the node's network, as plain data; links by name, since some are made on the way. */
import { formatAddress } from '../lib/address.ts';
import { formatMac } from '../lib/mac.ts';
import { formatPrefix } from '../lib/prefix.ts';
import type { Rule, RuleSpec } from '../netlink/rule.ts';
import type { WantedRule } from './rules.ts';
import {
  type AddressState,
  addressKey,
  type LinkState,
  type NextHopState,
  neighbourKey,
  type RouteState,
  type StaticNeighbour,
} from './state.ts';

export type Step =
  | { readonly do: 'makeLink'; readonly name: string; readonly link: Pick<LinkState, 'kind' | 'table' | 'vlan'> }
  | { readonly do: 'setLink'; readonly name: string; readonly to: LinkChange }
  | { readonly do: 'deleteLink'; readonly name: string }
  | { readonly do: 'addAddress' | 'deleteAddress'; readonly name: string; readonly address: AddressState }
  | { readonly do: 'addNeighbour'; readonly name: string; readonly neighbour: StaticNeighbour }
  | { readonly do: 'addNextHop' | 'replaceNextHop'; readonly nextHop: NextHopState }
  /** `append` beside one with the same key, as IPv4 may have. */
  | { readonly do: 'addRoute' | 'replaceRoute' | 'deleteRoute'; readonly route: RouteState }
  | { readonly do: 'addRule'; readonly rule: WantedRule | RuleSpec; readonly protocol: number }
  | { readonly do: 'deleteRule'; readonly rule: Rule }
  | { readonly do: 'sysctl'; readonly path: string; readonly value: string };

export interface LinkChange {
  readonly mtu?: number;
  readonly mac?: number;
  readonly master?: string | null;
  readonly up?: boolean;
  readonly stp?: boolean;
}

/** Steps that are carried out together; before the next ones, what is there must be read again. */
export interface Stage {
  readonly name:
    | 'remove'
    | 'release'
    | 'make'
    | 'set'
    | 'sysctls'
    | 'addresses'
    | 'neighbours'
    | 'nextHops'
    | 'routes'
    | 'rules';
  readonly steps: readonly Step[];
}

/** The step in the words of `ip` and `sysctl`. */
export function describeStep(step: Step): string {
  switch (step.do) {
    case 'makeLink': {
      const { kind, table, vlan } = step.link;
      const below = vlan === undefined ? '' : ` link ${vlan.base} id ${vlan.id}`;
      return `link add ${step.name} type ${kind}${table === undefined ? '' : ` table ${table}`}${below}`;
    }
    case 'setLink':
      return `link set ${step.name} ${describeChange(step.to)}`;
    case 'deleteLink':
      return `link delete ${step.name}`;
    case 'addAddress':
    case 'deleteAddress':
      return `address ${step.do === 'addAddress' ? 'add' : 'delete'} ${addressKey(step.address)} dev ${step.name}`;
    case 'addNeighbour':
      return `neighbour add ${neighbourKey(step.neighbour)} dev ${step.name}`;
    case 'addNextHop':
    case 'replaceNextHop':
      return `nexthop ${step.do.slice(0, -7)} ${describeNextHop(step.nextHop)}`;
    case 'addRoute':
    case 'replaceRoute':
    case 'deleteRoute':
      return `route ${step.do.slice(0, -5)} ${describeRoute(step.route)}`;
    case 'addRule':
      return `rule add ${describeRule(step.rule)}`;
    case 'deleteRule':
      return `rule delete ${describeRule(step.rule)}`;
    case 'sysctl':
      return `sysctl ${sysctlName(step.path)}=${step.value}`;
  }
}

/** As sysctl(8) has it: dots between the parts, and slashes for the dots in them. */
export const sysctlName = (path: string): string => path.replace(/[./]/g, (c) => (c === '.' ? '/' : '.'));

function describeChange({ mtu, mac, master, up, stp }: LinkChange): string {
  const words = [
    mtu === undefined ? '' : `mtu ${mtu}`,
    mac === undefined ? '' : `address ${formatMac(mac)}`,
    master === undefined ? '' : master === null ? 'nomaster' : `master ${master}`,
    up === undefined ? '' : up ? 'up' : 'down',
    stp === undefined ? '' : `stp ${stp ? 'on' : 'off'}`,
  ];
  return words.filter((word) => word !== '').join(' ');
}

function describeNextHop({ id, group, gateway, device, blackhole }: NextHopState): string {
  const words = [
    `id ${id}`,
    group === undefined ? '' : `group ${group.map((member) => `${member.id},${member.weight}`).join('/')}`,
    gateway === undefined ? '' : `via ${formatAddress(gateway)}`,
    device === undefined ? '' : `dev ${device}`,
    blackhole ? 'blackhole' : '',
  ];
  return words.filter((word) => word !== '').join(' ');
}

function describeRoute({ destination, table, priority, type, hops }: RouteState): string {
  const via = hops.map(({ gateway, device }) => {
    const to = gateway === undefined ? '' : ` via ${formatAddress(gateway)}`;
    return `${to}${device === undefined ? '' : ` dev ${device}`}`;
  });
  const kind = type === 'unicast' ? '' : `${type} `;
  return `${kind}${formatPrefix(destination)}${via.join('')} table ${table}${priority === undefined ? '' : ` metric ${priority}`}`;
}

/** As `ip rule` prints it, for instance `998: from all to 172.30.0.0/16 lookup 254`. */
export function describeRule(rule: RuleSpec): string {
  const { priority, from, to, mark, mask, input, output, action = 'table', table, l3mdev, suppressPrefixLength } = rule;
  const hex = (n: number) => `0x${n.toString(16)}`;
  const words = [
    `${priority ?? 0}:`,
    `from ${from === undefined || from.length === 0 ? 'all' : formatPrefix(from)}`,
    to === undefined || to.length === 0 ? '' : `to ${formatPrefix(to)}`,
    mark === undefined ? '' : `fwmark ${hex(mark)}${mask === undefined || mask === 0xffff_ffff ? '' : `/${hex(mask)}`}`,
    input === undefined ? '' : `iif ${input}`,
    output === undefined ? '' : `oif ${output}`,
    action !== 'table' ? `${action}` : l3mdev ? 'lookup [l3mdev-table]' : `lookup ${table ?? 0}`,
    suppressPrefixLength === undefined ? '' : `suppress_prefixlength ${suppressPrefixLength}`,
  ];
  return words.filter((word) => word !== '').join(' ');
}
