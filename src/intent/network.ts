/** What the policies that select this node want of its network, in the kernel's terms. */
import { selectsNode } from '../config/check/network.ts';
import type { Configuration } from '../config/model.ts';
import type { NetworkPolicy, NetworkSettings, PolicyFamily, PolicyInterface, PolicyRoute } from '../config/network.ts';
import { canonical } from '../lib/diff.ts';
import type { Draft, HostAddress, LinkGoal, SysctlGoal, WantedRoute } from '../vrf/goal.ts';
import { thisNode } from './node.ts';

/** Those that select this node, in document order. */
export function policiesHere(config: Configuration): readonly NetworkPolicy[] {
  const { labels } = thisNode(config);
  return config.networkPolicies.filter(({ nodeSelector }) => selectsNode(nodeSelector, labels));
}

/** What is wanted of the network by one policy, or by the Speaker: plain data, which a journal can keep. */
export interface Wish
  extends Pick<NetworkPolicy, 'name' | 'interfaces' | 'routes' | 'absentRoutes' | 'rules' | 'absentRules'> {
  readonly settings?: Pick<NetworkSettings, 'vrfSysctls' | 'tcpL3mdevAccept' | 'interfaces'>;
}

/** The name of the Speaker's wish. No policy has it. */
export const SPEAKER = '';

export const wishOf = ({ name, interfaces, routes, absentRoutes, rules, absentRules }: NetworkPolicy): Wish => ({
  name,
  interfaces,
  routes,
  absentRoutes,
  rules,
  absentRules,
});

/** How a change is confirmed is no part of it. */
export const speakerWish = ({ vrfSysctls, tcpL3mdevAccept, interfaces }: NetworkSettings): Wish => ({
  name: SPEAKER,
  interfaces: [],
  routes: [],
  absentRoutes: [],
  rules: [],
  absentRules: [],
  settings: { vrfSysctls, interfaces, ...(tcpL3mdevAccept !== undefined && { tcpL3mdevAccept }) },
});

/** Everything that is wanted here, in document order, by name. */
export function wishesOf(config: Configuration): ReadonlyMap<string, Wish> {
  const wishes = [speakerWish(config.speaker.network), ...policiesHere(config).map(wishOf)];
  return new Map(wishes.map((wish) => [wish.name, wish]));
}

export function networkGoal(policies: readonly Wish[]): Draft {
  const settings = policies.find(({ name }) => name === SPEAKER)?.settings ?? { vrfSysctls: false, interfaces: [] };
  const links = new Map<string, LinkGoal>();
  const sysctls = new Map<string, SysctlGoal>();
  const add = (link: LinkGoal) => links.set(link.name, { ...links.get(link.name), ...link });
  for (const policy of policies)
    for (const item of policy.interfaces) {
      add(linkGoal(item, policy.name));
      for (const [family, said] of [
        ['ipv4', item.ipv4],
        ['ipv6', item.ipv6],
      ] as const)
        if (said !== undefined && item.state !== 'absent')
          for (const [field, value] of familySysctls(family, said))
            sysctls.set(`net/${family}/conf/${item.name}/${field}`, { value });
    }
  // A bond's ports stay as they are.
  for (const policy of policies)
    for (const { name, type, ports = [], state } of policy.interfaces)
      if (type !== 'bond' && state !== 'absent')
        for (const port of ports) add({ state: 'up', by: policy.name, ...links.get(port), name: port, master: name });
  if (settings.vrfSysctls)
    for (const { name, kind, master, state } of links.values())
      if (state !== 'absent' && (kind === 'vrf' || (master && links.get(master)?.kind === 'vrf')))
        for (const [path, goal] of vrfSysctls(name)) if (!sysctls.has(path)) sysctls.set(path, goal);
  if (settings.tcpL3mdevAccept !== undefined)
    sysctls.set('net/ipv4/tcp_l3mdev_accept', { value: settings.tcpL3mdevAccept ? '1' : '0' });
  for (const { name, forwarding, rpFilter } of settings.interfaces) {
    if (forwarding) sysctls.set(`net/ipv6/conf/${name}/accept_ra`, asRouter);
    if (forwarding !== undefined)
      for (const family of ['ipv4', 'ipv6'])
        sysctls.set(`net/${family}/conf/${name}/forwarding`, { value: forwarding ? '1' : '0' });
    if (rpFilter !== undefined) sysctls.set(`net/ipv4/conf/${name}/rp_filter`, { value: rpFilters[rpFilter] });
  }
  return {
    links,
    routes: routesOf(policies.flatMap(({ routes }) => routes)),
    absentRoutes: policies.flatMap(({ absentRoutes }) =>
      absentRoutes.map(({ index: _, interface: device, ...pattern }) => ({ ...pattern, ...(device && { device }) })),
    ),
    rules: policies.flatMap(({ rules }) =>
      rules.map(({ index: _, mask, ...rule }) => ({ ...rule, ...(mask !== undefined && { mask }) })),
    ),
    absentRules: policies.flatMap(({ absentRules }) => absentRules.map(({ index: _, ...pattern }) => pattern)),
    sysctls,
    exits: policies.flatMap(({ name: by, routes }) =>
      routes.flatMap(({ interface: device }) => (device === undefined ? [] : { device, by })),
    ),
  };
}

const rpFilters = { off: '0', strict: '1', loose: '2' } as const;

/** A router heeds other routers' advertisements only when told to. */
const asRouter: SysctlGoal = { value: '2', when: 'host' };

/** What packets of other machines need to pass in and out of a VRF. */
const vrfSysctls = (name: string): readonly (readonly [string, SysctlGoal])[] => [
  [`net/ipv4/conf/${name}/forwarding`, { value: '1' }],
  [`net/ipv4/conf/${name}/rp_filter`, { value: '2', when: 'strict' }],
  [`net/ipv6/conf/${name}/accept_ra`, asRouter],
  [`net/ipv6/conf/${name}/forwarding`, { value: '1' }],
];

function familySysctls(family: 'ipv4' | 'ipv6', { enabled, forwarding, autoconf }: PolicyFamily): [string, string][] {
  const bit = (value: boolean) => (value ? '1' : '0');
  return [
    ...(family === 'ipv6' ? [['disable_ipv6', bit(!enabled)] as [string, string]] : []),
    ...(forwarding === undefined ? [] : [['forwarding', bit(forwarding)] as [string, string]]),
    ...(autoconf === undefined ? [] : [['autoconf', bit(autoconf)] as [string, string]]),
  ];
}

const kinds: Readonly<Record<string, string>> = { 'linux-bridge': 'bridge' };

function linkGoal(item: PolicyInterface, by: string): LinkGoal {
  const { name, type, state, mtu, mac, controller, ports, table, vlan, stp, bondMode } = item;
  const list = (said: PolicyFamily | undefined): { list: readonly HostAddress[] } | undefined =>
    said === undefined ? undefined : said.enabled ? said.addresses && { list: said.addresses } : { list: [] };
  const [ipv4, ipv6] = [list(item.ipv4), list(item.ipv6)];
  return {
    name,
    state,
    by,
    ...(type !== undefined && { kind: kinds[type] ?? type }),
    ...(mtu !== undefined && { mtu }),
    ...(mac !== undefined && { mac }),
    ...(controller !== undefined && { master: controller === '' ? null : controller }),
    ...(ports && { ports }),
    ...(table !== undefined && { table }),
    ...(vlan && { vlan }),
    ...(stp !== undefined && { stp }),
    ...(bondMode !== undefined && { bondMode }),
    ...(ipv4 && { ipv4: ipv4.list }),
    ...(ipv6 && { ipv6: ipv6.list }),
  };
}

/** RTAX_CWND, as a bit of the lock. */
const CWND_LOCK = 1 << 7;

/** Routes that differ in the next hop alone are one route with several. */
function routesOf(all: readonly PolicyRoute[]): WantedRoute[] {
  const routes = new Map<string, WantedRoute>();
  for (const { destination, table, metric, interface: device, gateway, type, weight, source, cwnd } of all) {
    const key = canonical([destination, table, metric]);
    const hop = {
      ...(gateway && { gateway }),
      ...(device !== undefined && { device }),
      ...(weight !== undefined && weight !== 1 && { weight }),
    };
    const hops = [...(routes.get(key)?.hops ?? []), ...(type === undefined ? [hop] : [])];
    routes.set(key, {
      destination,
      table,
      type: type ?? 'unicast',
      hops,
      ...(metric !== undefined && { priority: metric }),
      ...(source && { preferredSource: source }),
      ...(cwnd !== undefined && { metrics: { congestionWindow: cwnd, lock: CWND_LOCK } }),
    });
  }
  return [...routes.values()];
}
