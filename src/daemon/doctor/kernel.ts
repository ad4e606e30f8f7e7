/** The kernel's links, addresses, rules and routes for the doctor: read once, and asked for ways. */
import type { Configuration } from '../../config/model.ts';
import { handledAddresses } from '../../io/netfilter.ts';
import { greaterOfAll, isWireless, readSysctl } from '../../io/sysctl.ts';
import { type Address, bitsOf, formatAddress } from '../../lib/address.ts';
import { type Prefix, prefixOf } from '../../lib/prefix.ts';
import { RouteTable } from '../../netlink/const.ts';
import { NetlinkError } from '../../netlink/errors.ts';
import type { LinkAddress } from '../../netlink/ifaddr.ts';
import { isRunning, type Link } from '../../netlink/link.ts';
import type { Route } from '../../netlink/route.ts';
import { ignoresArp } from '../loopbackkernel.ts';
import { Stack } from '../stack.ts';
import { factsOf } from '../symmetry.ts';
import type { DeliveryFacts } from './addresses.ts';
import type { Layer2Facts } from './layer2.ts';
import type { PeerFacts, WayFound } from './peers.ts';

export class Kernel {
  private readonly stack = new Stack([]);
  private readonly links: readonly Link[] = this.stack.links();
  private readonly rules = this.stack.rules();
  /** Of links with more than one address. */
  private readonly subnets: readonly { readonly link: number; readonly subnet: Prefix }[];
  /** Indexes of links by the addresses that they have, as text. */
  private readonly holders: ReadonlyMap<string, readonly number[]>;

  /** Throws `SystemError` or `NetlinkError` where the kernel cannot be asked. */
  constructor() {
    const addresses = this.stack.addresses();
    const holders = new Map<string, number[]>();
    for (const { address, link } of addresses) {
      const text = formatAddress(address);
      const links = holders.get(text);
      if (links === undefined) holders.set(text, [link]);
      else links.push(link);
    }
    this.holders = holders;
    this.subnets = addresses.flatMap((one) => {
      const subnet = subnetOf(one);
      return subnet.length === bitsOf(subnet.family) ? [] : [{ link: one.link, subnet }];
    });
  }

  close(): void {
    this.stack.close();
  }

  linkNamed(name: string): Link | undefined {
    return this.links.find((link) => link.name === name);
  }

  has(address: Address): boolean {
    return this.holders.has(formatAddress(address));
  }

  private nameOf(link: number): string {
    return this.links.find(({ index }) => index === link)?.name ?? `link ${link}`;
  }

  vrf(name: string) {
    return factsOf(name, this.links, this.rules, this.stack, readSysctl);
  }

  /** @param listenPort on which this node itself may be called */
  way(
    address: Address,
    { vrf, interface: device, port }: Pick<PeerFacts['settings'], 'vrf' | 'interface' | 'port'>,
    listenPort: number | undefined,
  ): WayFound {
    const within = vrf === undefined ? undefined : this.linkNamed(vrf);
    const output = device === undefined ? within : this.linkNamed(device);
    const none = {
      ...{ isLocal: false, isOurs: false, isRunning: false, isStrict: false },
      ...{ interface: device, gateway: undefined, defaults: [] },
    };
    if (device !== undefined && output === undefined) return { ...none, error: `there is no ${device}` };
    const route = this.route(address, output);
    if (typeof route === 'string') return { ...none, error: route };
    const [hop] = route.hops;
    const link = this.links.find(({ index }) => index === hop?.link);
    const name = link?.name;
    const table = within?.info?.kind === 'vrf' ? (within.info.table ?? RouteTable.main) : RouteTable.main;
    const isStrict = address.family === 4 && name !== undefined && greaterOfAll('rp_filter', name) === 1;
    return {
      isLocal: route.type === 'local',
      isOurs: port === listenPort,
      interface: name,
      isRunning: link !== undefined && isRunning(link),
      gateway: hop?.gateway && formatAddress(hop.gateway),
      isStrict,
      defaults: isStrict ? this.defaults(table) : [],
    };
  }

  layer2({ excludedInterfaces }: Configuration): Layer2Facts {
    return {
      links: this.links,
      subnets: this.subnets,
      holders: (ip) => this.holders.get(ip) ?? [],
      exclude: excludedInterfaces.map((pattern) => new RegExp(pattern)),
      isWireless,
      answersForOthers: (name) => !ignoresArp(name),
    };
  }

  async delivery({ speaker, endpointSlices }: Configuration): Promise<DeliveryFacts> {
    const { addresses, problem, legacy } = await handledAddresses();
    const hidden = [
      ...(problem === undefined ? [] : [`the packet filter (${problem})`]),
      ...(legacy ? ['rules of iptables-legacy'] : []),
      ...(this.linkNamed('cilium_host') === undefined ? [] : ['eBPF of Cilium']),
    ];
    return {
      own: new Set(this.holders.keys()),
      subnets: this.subnets.map(({ link, subnet }) => ({ link: this.nameOf(link), subnet })),
      known: addresses,
      hidden: hidden.length > 0 ? hidden.join(', ') : undefined,
      gatewayTo: (ip) => {
        const route = this.route(ip, undefined);
        const gateway = typeof route === 'string' ? undefined : route.hops[0]?.gateway;
        return gateway && formatAddress(gateway);
      },
      forwards: {
        4: readSysctl('net', 'ipv4', 'ip_forward') !== '0',
        6: readSysctl('net', 'ipv6', 'conf', 'all', 'forwarding') !== '0',
      },
      slices: endpointSlices,
      isOnLoopback: (by) => speaker.loopbackAddresses.includes(by),
    };
  }

  /** Or why there is none. */
  private route(destination: Address, output: Link | undefined): Route | string {
    try {
      return this.stack.route({
        destination: prefixOf(destination),
        ...(output !== undefined && { packet: { output: output.index } }),
      });
    } catch (error) {
      if (error instanceof NetlinkError) return error.code;
      throw error;
    }
  }

  /** The kernel tells of the default route first. */
  private defaults(table: number): string[] {
    const indexes = new Set<number | undefined>();
    this.stack.some({ family: 4, table }, ({ destination, type, hops }) => {
      if (destination.length !== 0 || type !== 'unicast') return false;
      for (const { link } of hops) indexes.add(link);
      return true;
    });
    return this.links.flatMap(({ index, name }) => (indexes.has(index) && name !== undefined ? [name] : []));
  }
}

const subnetOf = ({ address, peer, length }: LinkAddress): Prefix => prefixOf(peer ?? address, length);
