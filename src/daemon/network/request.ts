/** A step as a request to the kernel. Pure: which index a link has is looked up by the caller. */
import { macBytes } from '../../lib/mac.ts';
import type { Hop } from '../../netlink/hop.ts';
import type { Op } from '../../netlink/kinds.ts';
import type { LinkSpec } from '../../netlink/link.ts';
import type { LinkInfo } from '../../netlink/linkinfo.ts';
import { type NeighbourSpec, NeighbourState } from '../../netlink/neighbour.ts';
import type { RouteSpec } from '../../netlink/route.ts';
import type { Rule, RuleSpec } from '../../netlink/rule.ts';
import { OWN_PROTOCOL } from '../../vrf/mark.ts';
import {
  type AddressState,
  dropped,
  isProxy,
  type NamedHop,
  type RouteState,
  type StaticNeighbour,
} from '../../vrf/state.ts';
import type { LinkChange, Step } from '../../vrf/step.ts';

/** The index of a link by its name. Throws for one that does not exist. */
export type IndexOf = (name: string) => number;

/** Throws what `indexOf` throws. */
export function requestOf(step: Exclude<Step, { readonly do: 'sysctl' }>, indexOf: IndexOf): Op {
  switch (step.do) {
    case 'makeLink': {
      const { kind, table, vlan } = step.link;
      const info = {
        kind,
        ...(table !== undefined && { table }),
        ...(vlan && { id: vlan.id, protocol: vlan.protocol }),
      };
      const value: LinkSpec = {
        name: step.name,
        info: info as LinkInfo,
        ...(vlan && { parent: indexOf(vlan.base) }),
      };
      return { verb: 'add', kind: 'link', value };
    }
    case 'setLink':
      return { verb: 'set', kind: 'link', value: { index: indexOf(step.name), ...changeSpec(step.to, indexOf) } };
    case 'deleteLink':
      return { verb: 'delete', kind: 'link', value: { index: indexOf(step.name) } };
    case 'addAddress': {
      // Those of others may be there as ours, and are given back.
      const verb = step.address.protocol === OWN_PROTOCOL ? 'add' : 'replace';
      return { verb, kind: 'address', value: { ...addable(step.address), link: indexOf(step.name) } };
    }
    case 'deleteAddress': {
      const { address, length, peer } = step.address;
      const value = { address, length, ...(peer && { peer }), link: indexOf(step.name) };
      return { verb: 'delete', kind: 'address', value };
    }
    case 'addNeighbour':
      return { verb: 'replace', kind: 'neighbour', value: { ...lasting(step.neighbour), link: indexOf(step.name) } };
    case 'addNextHop':
    case 'replaceNextHop': {
      const { device, ...nextHop } = step.nextHop;
      const value = { ...nextHop, ...(device !== undefined && { link: indexOf(device) }) };
      return { verb: step.do === 'addNextHop' ? 'add' : 'replace', kind: 'nextHop', value };
    }
    case 'addRoute':
      return { verb: 'append', kind: 'route', value: routeSpec(step.route, indexOf) };
    case 'replaceRoute':
      return { verb: 'replace', kind: 'route', value: routeSpec(step.route, indexOf) };
    case 'deleteRoute':
      return { verb: 'delete', kind: 'route', value: deletableRoute(step.route, indexOf) };
    case 'addRule':
      return { verb: 'add', kind: 'rule', value: { ...step.rule, protocol: step.protocol } };
    case 'deleteRule':
      return { verb: 'delete', kind: 'rule', value: deletableRule(step.rule) };
  }
}

function changeSpec({ mtu, mac, master, up, stp }: LinkChange, indexOf: IndexOf): LinkSpec {
  return {
    ...(mtu !== undefined && { mtu }),
    ...(mac !== undefined && { address: macBytes(mac) }),
    ...(master !== undefined && { master: master === null ? 0 : indexOf(master) }),
    ...(up !== undefined && { up }),
    ...(stp !== undefined && { info: { kind: 'bridge', stp } as const }),
  };
}

const routeSpec = ({ hops, ...route }: RouteState, indexOf: IndexOf): RouteSpec =>
  dropped(route.type) ? route : { ...route, hops: hopSpecs(hops, indexOf) };

/** One that is answered for outlives a lost carrier when it is permanent, as `ip` makes it; the kernel does not tell. */
const lasting = (neighbour: StaticNeighbour): Omit<NeighbourSpec, 'link'> =>
  isProxy(neighbour) ? { ...neighbour, state: NeighbourState.permanent } : neighbour;

/** RTNH_F_ONLINK. */
const ON_LINK = 4;

/** What the kernel says of a hop's state is not for it to be told. */
const hopSpecs = (hops: readonly NamedHop[], indexOf: IndexOf): Hop[] =>
  hops.map(({ device, flags = 0, ...hop }) => ({
    ...hop,
    ...((flags & ON_LINK) !== 0 && { flags: ON_LINK }),
    ...(device !== undefined && { link: indexOf(device) }),
  }));

/** Of several routes with one key, which IPv4 may have, the one with these next hops. */
function deletableRoute(
  { destination, table, tos, priority, type, protocol, nextHop, hops }: RouteState,
  indexOf: IndexOf,
): RouteSpec {
  return {
    destination,
    table,
    type,
    protocol,
    ...(tos !== undefined && { tos }),
    ...(priority !== undefined && { priority }),
    ...(nextHop !== undefined && { nextHop }),
    ...(nextHop === undefined && type === 'unicast' && { hops: hopSpecs(hops, indexOf) }),
  };
}

/** What of an address's flags is for us to set (IFA_F_*). */
const SETTABLE = 0x2 | 0x100 | 0x200 | 0x400;

function addable({ flags = 0, ...address }: AddressState): AddressState {
  const settable = flags & SETTABLE;
  const { lifetimes, ...rest } = address;
  const limited = lifetimes !== undefined && lifetimes.validSec !== 0xffff_ffff;
  return { ...rest, ...(limited && { lifetimes }), ...(settable !== 0 && { flags: settable }) };
}

/** A rule with l3mdev is told with table 0, which stands for none. */
function deletableRule({ table, flags: _, ...rest }: Rule): RuleSpec {
  return table === 0 ? rest : { ...rest, table };
}
