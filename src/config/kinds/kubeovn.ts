/** group kubeovn.io: Subnet, Vlan and ProviderNetwork. They are read for where load balancer addresses belong. */
import { z } from 'zod';
import { type Address, parseAddress, toBigInt } from '../../lib/address.ts';
import { bounds, contains, type Prefix, parsePrefix, summarize } from '../../lib/prefix.ts';
import { checkDeviceName } from '../device.ts';
import { defineKind, type Kind } from '../kind.ts';
import type { Subnet } from '../kubeovn.ts';
import type { Findings, Path } from '../problem.ts';
import { anything, bool, documentSchema, int, word } from '../schema.ts';
import { readSelector, selectorSchema } from '../selector.ts';

const apiVersion = 'kubeovn.io/v1';

/** --default-provider-name of Kube-OVN's controller, where nobody gives another. */
const defaultProvider = 'provider';

/** Known and not needed here: how pods get their addresses and their routes. */
const others = [
  ...['acls', 'allowEWTraffic', 'allowSubnets', 'default', 'dhcpV4Options', 'dhcpV6Options', 'disableGatewayCheck'],
  ...['disableInterConnection', 'enableDHCP', 'enableEcmp', 'enableIPv6RA', 'enableLb', 'enableMulticastSnoop'],
  ...['externalEgressGateway', 'gatewayNode', 'gatewayNodeSelectors', 'gatewayType', 'ipv6RAConfigs', 'logicalGateway'],
  ...['mtu', 'namespaceSelectors', 'namespaces', 'natOutgoing', 'natOutgoingPolicyRules', 'nodeNetwork'],
  ...['overlayOnlyRouting', 'policyRoutingPriority', 'policyRoutingTableID', 'private', 'routeTable', 'u2oFeatures'],
  ...['u2oInterconnection', 'u2oInterconnectionIP', 'vips', 'vpc'],
] as const;

const subnetSchema = () =>
  documentSchema({
    spec: z.object({
      protocol: word('IPv4', 'IPv6', 'Dual', 'Mac').describe(
        'Families of the subnet; Mac for one without addresses. What cidrBlock says counts.',
      ),
      cidrBlock: z
        .string()
        .optional()
        .describe(
          'Its addresses; two prefixes with a comma between them where it is Dual. A subnet with a vlan may have none.',
        ),
      gateway: z.string().optional().describe('Gateway, or two: inside cidrBlock, and not to be handed out.'),
      excludeIps: z
        .array(z.string())
        .optional()
        .describe('Addresses, or FIRST..LAST, that pods do not get: pools of load balancers belong here.'),
      provider: z.string().optional().describe('Who attaches pods. That a subnet is an underlay is said by vlan.'),
      vlan: z.string().optional().describe('Name of the Vlan that the subnet is on: it makes it an underlay.'),
      enableExternalLBAddress: bool()
        .optional()
        .describe('Addresses of the subnet may be those of load balancers. Default false.'),
      ...(Object.fromEntries(others.map((name) => [name, anything()])) as Record<
        (typeof others)[number],
        z.ZodOptional<z.ZodUnknown>
      >),
    }),
  });

const subnet = defineKind({
  kind: 'Subnet',
  apiVersion,
  namespace: '',
  global: false,
  summary: 'A Kube-OVN subnet: pools inside it are checked against it, and announced on its VLAN only.',
  schema: subnetSchema,
  read({ spec }, meta, findings) {
    const cidrs = readCidrs(spec.cidrBlock ?? '', findings);
    if (!findings.failed) checkProtocol(spec, cidrs, findings);
    const gateways = readGateways(spec.gateway ?? '', cidrs, findings);
    const excluded = (spec.excludeIps ?? []).flatMap((text, i) => readRange(text, ['spec', 'excludeIps', i], findings));
    if (!spec.cidrBlock && excluded.length > 0)
      findings.error(['spec', 'excludeIps'], 'a subnet without cidrBlock has no addresses to exclude');
    const value: Subnet = {
      ...meta,
      cidrs,
      gateways,
      excluded,
      ...(spec.vlan && { vlan: spec.vlan }),
      externalLb: spec.enableExternalLBAddress ?? false,
    };
    return { type: 'subnet', value };
  },
});

const listOf = (text: string): string[] => (text === '' ? [] : text.split(',').map((part) => part.trim()));

function readCidrs(text: string, findings: Findings): readonly Prefix[] {
  const path = ['spec', 'cidrBlock'];
  const cidrs: Prefix[] = [];
  for (const part of listOf(text)) {
    const found = part.includes('/') ? parsePrefix(part) : undefined;
    if (found === undefined) findings.error(path, `invalid CIDR ${JSON.stringify(part)}`, 'write ADDRESS/LENGTH');
    else if (found.length === found.bytes.length * 8) findings.error(path, `a subnet of one address: ${part}`);
    else if (cidrs.some(({ family }) => family === found.family))
      findings.error(path, `two prefixes of IPv${found.family}`, 'one of each family at most');
    else cidrs.push(found);
  }
  return cidrs;
}

/** Kube-OVN writes over a protocol that is another; a VLAN may leave addresses to a DHCP server outside. */
function checkProtocol(
  { protocol, vlan }: { readonly protocol?: string | undefined; readonly vlan?: string | undefined },
  cidrs: readonly Prefix[],
  findings: Findings,
): void {
  if (cidrs.length === 0 && !vlan && protocol !== 'Mac')
    return findings.error(['spec', 'cidrBlock'], 'is missing', 'only a subnet with a vlan may do without');
  const found = cidrs.length === 0 ? 'Mac' : cidrs.length === 2 ? 'Dual' : `IPv${cidrs[0]!.family}`;
  if (protocol !== undefined && protocol !== found)
    findings.warn(['spec', 'protocol'], `is ${protocol}, and Kube-OVN goes by cidrBlock`, `write ${found}`);
}

function readGateways(text: string, cidrs: readonly Prefix[], findings: Findings): readonly Address[] {
  const path = ['spec', 'gateway'];
  const gateways: Address[] = [];
  for (const part of listOf(text)) {
    const gateway = parseAddress(part);
    if (gateway === undefined) {
      findings.error(path, `invalid address ${JSON.stringify(part)}`);
      continue;
    }
    gateways.push(gateway);
    const cidr = cidrs.find((each) => contains(each, gateway));
    if (cidr === undefined) findings.error(path, `${part} is not in cidrBlock`);
    else if (gateway.family === 4 && bounds(cidr).some((end) => toBigInt(end) === toBigInt(gateway)))
      findings.error(path, `${part} is the network's or the broadcast address of the subnet`);
  }
  return gateways;
}

/** An address, or `FIRST..LAST`. */
function readRange(text: string, path: Path, findings: Findings): readonly Prefix[] {
  const [low = '', high = low, ...more] = text.split('..');
  const [first, last] = [parseAddress(low), parseAddress(high)];
  const hint = /-|\//.test(text) ? 'Kube-OVN writes a range with two dots: FIRST..LAST' : undefined;
  if (first === undefined || last === undefined || more.length > 0 || first.family !== last.family)
    findings.error(path, `neither an address nor FIRST..LAST: ${JSON.stringify(text)}`, hint);
  else if (toBigInt(first) > toBigInt(last)) findings.error(path, `${low} is after ${high}`);
  else return summarize(first, last);
  return [];
}

const vlan = defineKind({
  kind: 'Vlan',
  apiVersion,
  namespace: '',
  global: false,
  summary: 'A VLAN that Kube-OVN subnets are on.',
  schema: () =>
    documentSchema({
      spec: z.object({
        id: int(0, 4095).optional().describe('VLAN identifier, 0..4095; 0, the default, is untagged.'),
        provider: z.string().optional().describe('Name of the ProviderNetwork that carries it. Default provider.'),
        vlanId: int(0, 4095).optional(),
        providerInterfaceName: z.string().optional(),
      }),
    }),
  read({ spec }, meta, findings) {
    for (const [old, now] of [
      ['vlanId', 'id'],
      ['providerInterfaceName', 'provider'],
    ] as const)
      if (spec[old] !== undefined)
        findings.warn(['spec', old], `deprecated: read only where ${now} is absent`, `use ${now}`);
    const provider = spec.provider || spec.providerInterfaceName || defaultProvider;
    if (!spec.provider && !spec.providerInterfaceName)
      findings.warn(['spec', 'provider'], `is missing: read as ${defaultProvider}, Kube-OVN's default`, 'name it');
    return { type: 'vlan', value: { ...meta, id: spec.id ?? spec.vlanId ?? 0, provider } };
  },
});

const network = defineKind({
  kind: 'ProviderNetwork',
  apiVersion,
  namespace: '',
  global: false,
  summary: 'The interfaces of the nodes that carry VLANs of Kube-OVN.',
  schema: () =>
    documentSchema({
      spec: z.object({
        defaultInterface: z
          .string()
          .optional()
          .describe('Interface of every node that has no other, up to 15 characters.'),
        customInterfaces: z
          .array(
            z.object({
              interface: z.string().describe('Interface of the nodes below.'),
              nodes: z.array(z.string()).describe('Names of nodes.'),
            }),
          )
          .optional()
          .describe('Nodes with another interface.'),
        nodeSelector: selectorSchema().optional().describe('Nodes that the network reaches. Default all.'),
        excludeNodes: z.array(z.string()).optional().describe('Names of nodes that it does not reach.'),
        autoCreateVlanSubinterfaces: anything(),
        exchangeLinkName: anything(),
        preserveVlanInterfaces: anything(),
        vlanInterfaces: anything(),
      }),
    }),
  read({ spec }, meta, findings) {
    const { defaultInterface, customInterfaces = [], excludeNodes = [] } = spec;
    if (defaultInterface) checkDeviceName(defaultInterface, ['spec', 'defaultInterface'], findings);
    const seen = new Map<string, string>();
    for (const [i, custom] of customInterfaces.entries()) {
      const path = ['spec', 'customInterfaces', i];
      checkDeviceName(custom.interface, [...path, 'interface'], findings);
      for (const [j, node] of custom.nodes.entries()) {
        const first = seen.get(node);
        if (first !== undefined) findings.error([...path, 'nodes', j], `node ${node} has interface ${first} already`);
        seen.set(node, custom.interface);
      }
    }
    if (!defaultInterface && customInterfaces.length === 0)
      findings.error(['spec', 'defaultInterface'], 'is missing: no node has an interface');
    return {
      type: 'providerNetwork',
      value: {
        ...meta,
        ...(defaultInterface && { defaultInterface }),
        customInterfaces,
        ...(spec.nodeSelector && { nodeSelector: readSelector(spec.nodeSelector, ['spec', 'nodeSelector'], findings) }),
        excludeNodes,
      },
    };
  },
});

export const kinds: readonly Kind[] = [subnet, vlan, network];
