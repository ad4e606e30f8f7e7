/** The node's network as the kernel has it: read as a snapshot, and changed step by step. */
import { RequestSocket } from '../../io/netlink.ts';
import { bondMode, readSysctl, writeSysctl } from '../../io/sysctl.ts';
import { Client } from '../../netlink/client.ts';
import { Protocol, RouteTable } from '../../netlink/const.ts';
import { Errno, NetlinkError } from '../../netlink/errors.ts';
import { HopFlag } from '../../netlink/hop.ts';
import type { Op } from '../../netlink/kinds.ts';
import { isRunning, isSetUp, type Link } from '../../netlink/link.ts';
import { NeighbourState } from '../../netlink/neighbour.ts';
import type { NextHop } from '../../netlink/nexthop.ts';
import type { Route } from '../../netlink/route.ts';
import { staticProtocols } from '../../vrf/goal.ts';
import { OWN_ALIAS, OWN_PROTOCOL } from '../../vrf/mark.ts';
import type { AddressState, LinkState, NextHopState, RouteState, Snapshot, StaticNeighbour } from '../../vrf/state.ts';
import { describeStep, type Step } from '../../vrf/step.ts';
import { keepingRouters } from './heeding.ts';
import { requestOf } from './request.ts';

/** What of the network is to be read: routes of others are many, and so are sysctls. */
export interface Scope {
  readonly sysctls: readonly string[];
  /** Links whose neighbours, next-hop objects and static routes matter, whoever made them. */
  readonly links: readonly string[];
  /** Tables whose static routes matter, whoever made them; `all` for any table. */
  readonly tables: readonly number[] | 'all';
}

/** A step that could not be taken. */
export class StepError extends Error {
  readonly step: Step;
  constructor(step: Step, reason: string) {
    super(`${describeStep(step)}: ${reason}`);
    this.step = step;
  }
}

/** What the kernel says of something that is to go and is gone: with the first address of a subnet go the others. */
const goneAlready: Readonly<Partial<Record<Step['do'], readonly number[]>>> = {
  deleteAddress: [Errno.addrnotavail],
  deleteLink: [Errno.nodev],
  deleteRoute: [Errno.srch, Errno.noent],
  deleteRule: [Errno.noent],
};

/** The parts of the kernel that this needs, so that tests can put others in their place. */
export interface Sysctls {
  read(path: string): string | undefined;
  write(path: string, value: string): void;
}

const realSysctls: Sysctls = { read: (path) => readSysctl(path), write: writeSysctl };

export class Kernel {
  /** Changes asked of the kernel so far. */
  writes = 0;
  readonly client: Client;
  private readonly socket: RequestSocket;
  private readonly sysctls: Sysctls;
  private indexes = new Map<string, number>();
  private names = new Map<number, string>();

  /** Throws `SystemError` where there is no such socket. */
  constructor(socket = new RequestSocket(), sysctls = realSysctls) {
    this.socket = socket;
    this.client = new Client(socket);
    this.sysctls = sysctls;
  }

  /** The port whose requests are ours. */
  get portId(): number {
    return this.socket.portId;
  }

  close(): void {
    this.socket.close();
  }

  /** Throws `NetlinkError`. */
  read(scope: Scope): Snapshot {
    const all = this.client.dump('link', {});
    this.names = new Map(all.map(({ index, name = '' }) => [index, name]));
    this.indexes = new Map(all.map(({ index, name = '' }) => [name, index]));
    const links = new Map(all.map((link) => [link.name ?? '', this.linkState(link)]));
    const addresses = new Map<string, AddressState[]>();
    for (const { link, ...address } of this.client.dump('address', {})) {
      const name = this.nameOf(link);
      const list = addresses.get(name) ?? [];
      addresses.set(name, list);
      list.push(address);
    }
    const sysctls = new Map<string, string>();
    for (const path of scope.sysctls) {
      const value = this.sysctls.read(path);
      if (value !== undefined) sysctls.set(path, value);
    }
    const routes = this.routes(scope);
    const rules = this.client.dump('rule', {});
    const neighbours = this.neighbours(scope);
    const nextHops = this.nextHops(scope);
    const none = this.sysctls.read('net/ipv6/conf/all/disable_ipv6') === undefined;
    return {
      ...{ links, addresses, neighbours, routes, rules, sysctls },
      ...(nextHops && { nextHops }),
      ...(none && ({ ipv6: false } as const)),
    };
  }

  /** Throws `StepError`. */
  take(step: Step): void {
    this.writes++;
    try {
      if (step.do === 'sysctl') keepingRouters(this.sysctls, () => this.advertised(), step.path, step.value);
      else if (step.do === 'makeLink') this.make(step.name, this.requestOf(step));
      else this.client.perform(this.requestOf(step));
    } catch (error) {
      if (error instanceof NetlinkError && goneAlready[step.do]?.includes(error.errno)) return;
      const { message, code } = error as NodeJS.ErrnoException;
      const remedy = code === 'EPERM' || code === 'EACCES' ? ' (CAP_NET_ADMIN is needed)' : '';
      throw new StepError(step, `${message}${remedy}`);
    }
  }

  /** Throws `NetlinkError` for a link that does not exist: to the kernel, 0 would be any. */
  private indexOf(name: string): number {
    const known = this.indexes.get(name);
    if (known !== undefined) return known;
    // It may have been made since they were read.
    try {
      const { index } = this.client.get('link', { name });
      this.indexes.set(name, index);
      this.names.set(index, name);
      return index;
    } catch (error) {
      if (error instanceof NetlinkError && error.errno === Errno.nodev)
        throw new NetlinkError(Errno.nodev, `${name} does not exist`);
      throw error;
    }
  }

  private requestOf(step: Exclude<Step, { readonly do: 'sysctl' }>): Op {
    return requestOf(step, (name) => this.indexOf(name));
  }

  private nameOf(index: number): string {
    return this.names.get(index) ?? `#${index}`;
  }

  /** The kernel takes no alias for a link that it has yet to make. In one datagram, no kill comes in between. */
  private make(name: string, op: Op): void {
    const [error, unmarked] = this.client.apply([op, { verb: 'set', kind: 'link', value: { name, alias: OWN_ALIAS } }]);
    if (error !== undefined) throw error;
    if (unmarked !== undefined) throw unmarked;
  }

  private advertised(): Iterable<string> {
    return this.client.dump('route', { family: 6, protocol: Protocol.ra }).length > 0 ? this.indexes.keys() : [];
  }

  /** Ours, and of others those that somebody set: never what a routing daemon learned, which may be a full table. */
  private routes({ links, tables }: Scope): RouteState[] {
    const by = new Set(links.flatMap((name) => this.indexes.get(name) ?? []));
    const matters = ({ table, hops }: Route) =>
      tables === 'all' || tables.includes(table) || hops.some(({ link }) => by.has(link ?? 0));
    const others = tables === 'all' || tables.length > 0 || by.size > 0 ? staticProtocols : [];
    const found: RouteState[] = [];
    for (const family of [4, 6] as const)
      for (const protocol of [OWN_PROTOCOL, ...others])
        for (const route of this.client.dump('route', { family, protocol }))
          if (route.table !== RouteTable.local && (protocol === OWN_PROTOCOL || matters(route)))
            found.push(this.routeState(route));
    return found;
  }

  /** Those that somebody set for good, and addresses that are answered for. */
  private neighbours({ links }: Scope): Map<string, StaticNeighbour[]> {
    const found = new Map<string, StaticNeighbour[]>();
    for (const name of links) {
      const link = this.indexes.get(name);
      if (link === undefined) continue;
      const set = [
        ...this.client.dump('neighbour', { link }).filter(({ state }) => state === NeighbourState.permanent),
        ...this.client.dump('neighbour', { link, proxy: true }),
      ];
      const plain = ({ address, octets, flags, protocol }: StaticNeighbour): StaticNeighbour => ({
        address,
        ...(octets && { octets: octets.slice() }),
        ...(flags !== 0 && { flags }),
        ...(protocol !== undefined && { protocol }),
      });
      if (set.length > 0) found.set(name, set.map(plain));
    }
    return found;
  }

  /** All; kernels before 5.3 have none. */
  private nextHops({ links }: Scope): NextHopState[] | undefined {
    if (links.length === 0) return undefined;
    let all: readonly NextHop[];
    try {
      all = this.client.dump('nextHop', {});
    } catch (error) {
      if (error instanceof NetlinkError && error.errno === Errno.opnotsupp) return [];
      throw error;
    }
    return all.map(({ link, flags, scope: _, ...rest }) => ({
      ...rest,
      ...((flags & HopFlag.onLink) !== 0 && { flags: HopFlag.onLink }),
      ...(link !== undefined && { device: this.nameOf(link) }),
    }));
  }

  private linkState(link: Link): LinkState {
    const { name = '', mtu = 0, address, master, alias = '', info, type } = link;
    const loopback = type === LOOPBACK;
    const kind =
      info === undefined ? (loopback ? 'loopback' : 'ethernet') : info.kind === 'other' ? info.name : info.kind;
    const mode = kind === 'bond' ? bondMode(name) : undefined;
    return {
      name,
      kind,
      mtu,
      ...(address?.length === 6 && { mac: address.reduce((sum, octet) => sum * 256 + octet, 0) }),
      up: isSetUp(link),
      ...(isSetUp(link) && !isRunning(link) && { dark: true }),
      master: master === undefined ? null : this.nameOf(master),
      alias,
      ...(info?.kind === 'vrf' && info.table !== undefined && { table: info.table }),
      ...(info?.kind === 'vlan' && {
        vlan: { base: this.nameOf(link.parent ?? 0), id: info.id ?? 0, protocol: info.protocol ?? 0x8100 },
      }),
      ...(info?.kind === 'bridge' && info.stp !== undefined && { stp: info.stp }),
      ...(mode !== undefined && { bondMode: mode }),
    };
  }

  private routeState({ hops, cacheInfo: _, flags: __, ...route }: Route): RouteState {
    return {
      ...route,
      hops: hops.map(({ link, ...hop }) => ({ ...hop, ...(link !== undefined && { device: this.nameOf(link) }) })),
    };
  }
}

/** ARPHRD_LOOPBACK. */
const LOOPBACK = 772;
