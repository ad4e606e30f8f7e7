/**
 * Several policies may apply to one node, and together must say one thing: each of what they say is a claim, and two
 * claims about the same thing that differ are a conflict.
 */
import { formatAddress } from '../../lib/address.ts';
import { canonical } from '../../lib/diff.ts';
import { formatPrefix } from '../../lib/prefix.ts';
import type { Labels } from '../model.ts';
import type { NetworkPolicy, PolicyInterface, PolicyRoute, RoutePattern } from '../network.ts';
import type { Path } from '../problem.ts';
import { placeOf, type Report } from '../report.ts';
import type { Found, KnownNode, KnownNodes } from './nodes.ts';

interface Claim {
  /** What it is about. */
  readonly about: string;
  readonly value: unknown;
  readonly path: Path;
}

/** A flat selector, unlike those of other kinds. */
export const selectsNode = (selector: Labels, labels: Labels): boolean =>
  Object.entries(selector).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);

/** This node's policies are held to it; what another node would refuse is a warning. */
export function checkNetwork(policies: readonly Found<NetworkPolicy>[], nodes: KnownNodes, report: Report): void {
  const told = new Set<string>();
  const judged = new Set<string>();
  for (const node of [nodes.own, ...nodes.others]) {
    const here = policies.filter(({ value }) => selectsNode(value.nodeSelector, node.labels));
    const group = here.map(({ value }) => value.name).join('/');
    if (judged.has(group)) continue;
    judged.add(group);
    checkNode(here, node, node === nodes.own, told, report);
  }
}

function checkNode(
  here: readonly Found<NetworkPolicy>[],
  node: KnownNode,
  own: boolean,
  told: Set<string>,
  report: Report,
): void {
  const first = new Map<string, { readonly claim: Claim; readonly by: Found<NetworkPolicy> }>();
  const tell = (by: Found<NetworkPolicy>, path: Path, other: Found<NetworkPolicy>, at: Path, message: string) => {
    const key = JSON.stringify([by.value.name, path, message]);
    if (told.has(key)) return;
    told.add(key);
    report.add(by.document, {
      severity: own ? 'error' : 'warning',
      path,
      message: `${message} in NodeNetworkConfigurationPolicy/${other.value.name} (${placeOf(other.document, at)})${own ? '' : `; node ${node.name} refuses this`}`,
    });
  };
  for (const by of here) {
    for (const claim of claims(by.value)) {
      const earlier = first.get(claim.about);
      if (earlier === undefined) first.set(claim.about, { claim, by });
      else if (canonical(earlier.claim.value) !== canonical(claim.value))
        tell(by, claim.path, earlier.by, earlier.claim.path, `${claim.about} is another`);
    }
    for (const other of here) {
      if (other === by) continue;
      for (const pattern of by.value.absentRoutes)
        for (const route of other.value.routes)
          if (matches(pattern, route))
            tell(
              by,
              ['spec', 'desiredState', 'routes', 'config', pattern.index],
              other,
              ['spec', 'desiredState', 'routes', 'config', route.index],
              `what is to be absent is the route to ${formatPrefix(route.destination)}`,
            );
    }
  }
}

function* claims({ interfaces, routes }: NetworkPolicy): Generator<Claim> {
  for (const item of interfaces) yield* interfaceClaims(item);
  const targets = new Map<string, { hops: string[]; path: Path }>();
  for (const route of routes) {
    const about = `the route to ${formatPrefix(route.destination)} with metric ${route.metric ?? 'default'} in table ${route.table}`;
    // Those of one policy together are one route with several next hops.
    const all = targets.get(about) ?? { hops: [], path: ['spec', 'desiredState', 'routes', 'config', route.index] };
    all.hops.push(
      canonical([route.gateway && formatAddress(route.gateway), route.interface, route.type, route.weight]),
    );
    targets.set(about, all);
  }
  for (const [about, { hops, path }] of targets) yield { about, value: hops.sort(), path };
}

function* interfaceClaims(item: PolicyInterface): Generator<Claim> {
  const path = ['spec', 'desiredState', 'interfaces', item.index];
  const at = (what: string, value: unknown, ...more: (string | number)[]): Claim => ({
    about: `the ${what} of ${item.name}`,
    value,
    path: [...path, ...more],
  });
  yield at('state', item.state, 'state');
  if (item.type !== undefined) yield at('type', item.type, 'type');
  if (item.mtu !== undefined) yield at('mtu', item.mtu, 'mtu');
  if (item.mac !== undefined) yield at('mac-address', item.mac, 'mac-address');
  if (item.vlan !== undefined) yield at('vlan', item.vlan, 'vlan');
  if (item.bondMode !== undefined) yield at('bond mode', item.bondMode, 'link-aggregation');
  if (item.stp !== undefined) yield at('spanning tree', item.stp, 'bridge');
  if (item.controller !== undefined) yield at('controller', item.controller, 'controller');
  if (item.table !== undefined) {
    yield at('table', item.table, 'vrf', 'route-table-id');
    yield { about: `the VRF of table ${item.table}`, value: item.name, path: [...path, 'vrf', 'route-table-id'] };
  }
  if (item.ports !== undefined) {
    yield at('ports', [...item.ports].sort(), blockOf(item));
    for (const port of item.ports)
      yield { about: `the controller of ${port}`, value: item.name, path: [...path, blockOf(item)] };
  }
  for (const [family, said] of [
    ['ipv4', item.ipv4],
    ['ipv6', item.ipv6],
  ] as const) {
    if (said === undefined) continue;
    yield at(`use of ${family}`, said.enabled, family, 'enabled');
    if (said.forwarding !== undefined) yield at(`${family} forwarding`, said.forwarding, family, 'forwarding');
    if (said.autoconf !== undefined) yield at(`${family} autoconf`, said.autoconf, family, 'autoconf');
    if (said.addresses !== undefined)
      yield at(
        `${family} addresses`,
        said.addresses.map((a) => [a.address, a.length]),
        family,
        'address',
      );
  }
}

const blockOf = ({ type }: PolicyInterface): string =>
  type === 'bond' ? 'link-aggregation' : type === 'linux-bridge' ? 'bridge' : 'vrf';

function matches(pattern: RoutePattern, route: PolicyRoute): boolean {
  const { destination, table, interface: device, gateway, type } = pattern;
  return (
    (destination === undefined || formatPrefix(destination) === formatPrefix(route.destination)) &&
    (table === undefined || table === route.table) &&
    (device === undefined || device === route.interface) &&
    (gateway === undefined ||
      (gateway === null
        ? route.gateway === undefined
        : route.gateway !== undefined && formatAddress(gateway) === formatAddress(route.gateway))) &&
    (type === undefined || type === route.type)
  );
}
