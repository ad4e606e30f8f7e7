/**
 * `spec.desiredState.interfaces` of a NodeNetworkConfigurationPolicy. As in nmstate, a field that is not known is an
 * error; one that is known and not supported here is refused by its path.
 */
import { z } from 'zod';
import { isGroupMac, parseMac } from '../lib/mac.ts';
import { checkDeviceName } from './device.ts';
import { family, readFamily } from './family.ts';
import { didYouMean } from './nearest.ts';
import { type InterfaceType, interfaceTypes, ownTables, type PolicyInterface } from './network.ts';
import { isRecord } from './parse.ts';
import type { Findings, Path } from './problem.ts';
import type { Output } from './schema.ts';
import { flag, number, refuse, refusedFields } from './value.ts';

const unsupported = {
  interface: [
    ...['ethernet', 'ethtool', 'lldp', 'mptcp', '802.1x', 'wait-ip', 'accept-all-mac-addresses', 'alt-names', 'veth'],
    ...['copy-mac-from', 'profile-name', 'sr-iov', 'vxlan', 'mac-vlan', 'mac-vtap', 'ipvlan', 'hsr', 'infiniband'],
    ...['macsec', 'libreswan', 'dispatch', 'xfrm', 'patch', 'ovs-db', 'dpdk', 'bond'],
  ],
  vlan: ['registration-protocol', 'reorder-headers', 'loose-binding'],
} as const;

const names = () => z.array(z.string().min(1, 'the name is empty')).optional();
const bridgePorts = () =>
  z
    .array(
      z.strictObject({
        name: z.string(),
        ...refusedFields('stp-hairpin-mode', 'stp-path-cost', 'stp-priority', 'vlan'),
      }),
    )
    .optional();

export const interfaceSchema = () => z.preprocess(withoutForeign, settings());

/** Of a type that is not supported its name alone: what its fields are like is nothing that can be judged here. */
function withoutForeign(value: unknown): unknown {
  if (!isRecord(value) || typeof value.type !== 'string' || interfaceTypes.some((known) => known === value.type))
    return value;
  const { name, type, state } = value;
  return { name, type, ...(state !== undefined && { state }) };
}

const settings = () =>
  z.strictObject({
    name: z
      .string()
      .min(1, 'the name is empty')
      .max(15, 'has more than 15 characters')
      .describe('Name of the interface.'),
    type: z
      .string()
      .optional()
      .describe(
        'ethernet, vrf, vlan, dummy, linux-bridge, bond, veth or loopback; needed for one that is to be created.',
      ),
    state: z.enum(['up', 'down', 'absent', 'ignore']).optional().describe('Default up.'),
    'mac-address': z.string().optional().describe('Ethernet address.'),
    mtu: number(68, 0x7fff_ffff).optional().describe('Largest packet, in octets.'),
    controller: z.string().optional().describe('VRF, bridge or bond that the interface belongs to; empty for none.'),
    ipv4: family().optional().describe('IPv4 on the interface. Default: unchanged.'),
    ipv6: family().optional().describe('IPv6 on the interface. Default: unchanged.'),
    vrf: z
      .strictObject({
        port: names().describe('Interfaces in the VRF; others are removed from it.'),
        ports: names(),
        'route-table-id': number(0, 0xffff_ffff).optional().describe('Its routing table. A new VRF needs one.'),
      })
      .optional()
      .describe('Settings of a VRF.'),
    vlan: z
      .strictObject({
        'base-iface': z.string().min(1, 'the name is empty').describe('Interface that the tagged packets use.'),
        id: number(0, 4095).describe('VLAN ID.'),
        protocol: z.enum(['802.1q', '802.1ad']).optional().describe('Kind of tag. Default 802.1q.'),
        ...refusedFields(...unsupported.vlan),
      })
      .optional()
      .describe('Settings of a VLAN.'),
    bridge: z
      .strictObject({
        options: z
          .strictObject({
            stp: z
              .strictObject({
                enabled: flag().optional(),
                ...refusedFields('forward-delay', 'hello-time', 'max-age', 'priority'),
              })
              .optional(),
            ...refusedFields(
              'group-addr',
              'group-forward-mask',
              'group-fwd-mask',
              'mac-ageing-time',
              'multicast-snooping',
            ),
            ...refusedFields('vlan-protocol', 'vlan-default-pvid', 'hash-max', 'multicast-router', 'multicast-querier'),
          })
          .optional(),
        port: bridgePorts().describe('Interfaces in the bridge; others are removed from it.'),
        ports: bridgePorts(),
      })
      .optional()
      .describe('Settings of a bridge.'),
    'link-aggregation': z
      .strictObject({
        mode: z.string().optional().describe("The bond's mode. It is compared, not changed."),
        port: names().describe("The bond's interfaces. They are compared, not changed."),
        ports: names(),
        ...refusedFields('options', 'ports-config'),
      })
      .optional()
      .describe('Settings of a bond.'),
    identifier: z.string().optional(),
    // Told by nmstate, not asked of it.
    ...refusedFields('description', 'permanent-mac-address', 'max-mtu', 'min-mtu', 'driver'),
    ...refusedFields(...unsupported.interface),
  });

type Raw = Output<typeof interfaceSchema>;

/** @param path of the list */
export function readInterfaces(raw: readonly Raw[], path: Path, findings: Findings): PolicyInterface[] {
  findings.duplicates(
    path,
    raw.map(({ name }) => name),
    'interface',
  );
  return raw.flatMap((item, i) => (item.state === 'ignore' ? [] : [readInterface(item, i, [...path, i], findings)]));
}

function readInterface(raw: Raw, index: number, path: Path, findings: Findings): PolicyInterface {
  const { name, state = 'up', mtu, controller, vrf, vlan, bridge, identifier = 'name' } = raw;
  checkDeviceName(name, [...path, 'name'], findings);
  if (controller) checkDeviceName(controller, [...path, 'controller'], findings);
  if (identifier !== 'name')
    findings.error([...path, 'identifier'], 'only name is supported: interfaces are known by their names');
  refuse(raw, unsupported.interface, path, findings);
  const bond = raw['link-aggregation'];
  const type = readType(raw, path, findings);
  const block = { vrf: 'vrf', vlan: 'vlan', bridge: 'linux-bridge', 'link-aggregation': 'bond' } as const;
  for (const [field, wanted] of Object.entries(block))
    if (raw[field as keyof Raw] !== undefined && type !== undefined && type !== wanted)
      findings.error([...path, field], `belongs to type ${wanted}, not ${type}`);
  const mac = readMac(raw, type, path, findings);
  const ports = readPorts(raw, path, findings);
  if (vlan !== undefined) refuse(vlan, unsupported.vlan, [...path, 'vlan'], findings);
  if (bridge?.options !== undefined) {
    refuse(
      bridge.options,
      Object.keys(bridge.options).filter((key) => key !== 'stp'),
      [...path, 'bridge', 'options'],
      findings,
    );
    const { enabled: _, ...rest } = bridge.options.stp ?? {};
    refuse(rest, Object.keys(rest), [...path, 'bridge', 'options', 'stp'], findings);
  }
  for (const field of ['port', 'ports'] as const)
    for (const [i, { name: _, ...rest }] of (bridge?.[field] ?? []).entries())
      refuse(rest, Object.keys(rest), [...path, 'bridge', field, i], findings);
  if (bond !== undefined) refuse(bond, ['options', 'ports-config'], [...path, 'link-aggregation'], findings);
  const table = vrf?.['route-table-id'];
  if (ownTables.includes(table ?? 0))
    findings.error([...path, 'vrf', 'route-table-id'], `${table} is one of the node's own tables`);
  const stp = bridge?.options?.stp?.enabled;
  const ipv4 = raw.ipv4 && readFamily(raw.ipv4, 4, [...path, 'ipv4'], findings);
  const ipv6 = raw.ipv6 && readFamily(raw.ipv6, 6, [...path, 'ipv6'], findings);
  return {
    name,
    index,
    ...(type !== undefined && { type }),
    state: state === 'ignore' ? 'up' : state,
    ...(mtu !== undefined && { mtu }),
    ...(mac !== undefined && { mac }),
    ...(controller !== undefined && { controller }),
    ...(ports !== undefined && { ports }),
    // 0 keeps what an existing VRF has.
    ...(table && { table }),
    ...(vlan && {
      vlan: { base: vlan['base-iface'], id: vlan.id, protocol: vlan.protocol === '802.1ad' ? 0x88a8 : 0x8100 },
    }),
    ...(stp !== undefined && { stp }),
    ...(bond?.mode !== undefined && { bondMode: bond.mode }),
    ...(ipv4 && { ipv4 }),
    ...(ipv6 && { ipv6 }),
  };
}

/** The type as given, or as its own block gives it away. */
function readType(raw: Raw, path: Path, findings: Findings): InterfaceType | undefined {
  const { type } = raw;
  if (type === undefined)
    return raw.vrf ? 'vrf' : raw.vlan ? 'vlan' : raw.bridge ? 'linux-bridge' : raw['link-aggregation'] && 'bond';
  const found = interfaceTypes.find((known) => known === type);
  if (found === undefined)
    findings.error(
      [...path, 'type'],
      `interfaces of type ${JSON.stringify(type)} are not supported: expected ${interfaceTypes.join(' or ')}`,
      didYouMean(type, interfaceTypes),
    );
  if (found === 'vlan' && raw.vlan === undefined && raw.state !== 'absent')
    findings.error([...path, 'vlan'], 'is missing: a VLAN has a base-iface and an id');
  return found;
}

function readMac(raw: Raw, type: InterfaceType | undefined, path: Path, findings: Findings): number | undefined {
  const text = raw['mac-address'];
  if (text === undefined) return undefined;
  const at = [...path, 'mac-address'];
  const mac = parseMac(text);
  if (mac === undefined || mac === 0 || isGroupMac(mac))
    findings.error(at, `not an Ethernet address of one interface: ${JSON.stringify(text)}`);
  if (type !== 'vrf') return mac;
  findings.warn(at, 'a VRF has no Ethernet address of its own: ignored, as nmstate does');
  return undefined;
}

function readPorts(raw: Raw, path: Path, findings: Findings): readonly string[] | undefined {
  const both = (block: string, value: { port?: unknown; ports?: unknown } | undefined) => {
    if (value?.port !== undefined && value.ports !== undefined)
      findings.error([...path, block, 'ports'], 'port and ports are both given', 'keep port');
    return [...path, block, value?.port === undefined ? 'ports' : 'port'];
  };
  const { vrf, bridge } = raw;
  const bond = raw['link-aggregation'];
  const lists = [
    { path: both('vrf', vrf), list: vrf?.port ?? vrf?.ports },
    { path: both('bridge', bridge), list: (bridge?.port ?? bridge?.ports)?.map(({ name }) => name) },
    { path: both('link-aggregation', bond), list: bond?.port ?? bond?.ports },
  ];
  for (const { path: at, list = [] } of lists) {
    findings.duplicates(at, list, 'port');
    for (const [i, port] of list.entries()) checkDeviceName(port, [...at, i], findings);
  }
  return lists.find(({ list }) => list !== undefined)?.list;
}
