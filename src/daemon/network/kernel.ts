/** The node's network as the kernel has it: read as a snapshot, and changed step by step. */
import { RequestSocket } from '../../io/netlink.ts';
import { bondMode, readSysctl, writeSysctl } from '../../io/sysctl.ts';
import { macBytes } from '../../lib/mac.ts';
import { Client } from '../../netlink/client.ts';
import { NetlinkError } from '../../netlink/errors.ts';
import type { Op } from '../../netlink/kinds.ts';
import { type Link, LinkFlag, type LinkSpec } from '../../netlink/link.ts';
import type { LinkInfo } from '../../netlink/linkinfo.ts';
import type { Route, RouteSpec } from '../../netlink/route.ts';
import type { Rule, RuleSpec } from '../../netlink/rule.ts';
import { OWN_ALIAS, OWN_PROTOCOL } from '../../vrf/mark.ts';
import { type AddressState, dropped, type LinkState, type RouteState, type Snapshot } from '../../vrf/state.ts';
import { describeStep, type LinkChange, type Step } from '../../vrf/step.ts';

/** What of the network is to be read: routes of others are many, and so are sysctls. */
export interface Scope {
  readonly sysctls: readonly string[];
  /** Links whose routes matter, whoever made them. */
  readonly links: readonly string[];
  /** Tables whose routes matter, whoever made them; `all` for any table. */
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
    return { links, addresses, routes: this.routes(scope), rules: this.client.dump('rule', {}), sysctls };
  }

  /** Throws `StepError`. */
  take(step: Step): void {
    this.writes++;
    try {
      if (step.do === 'sysctl') this.sysctls.write(step.path, step.value);
      else if (step.do === 'makeLink') this.make(step.name, this.opOf(step));
      else this.client.perform(this.opOf(step));
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException;
      const remedy = code === 'EPERM' || code === 'EACCES' ? ' (CAP_NET_ADMIN is needed)' : '';
      throw new StepError(step, `${message}${remedy}`);
    }
  }

  /** 0 for a link that does not exist: the kernel says so. */
  indexOf(name: string): number {
    const known = this.indexes.get(name);
    if (known !== undefined) return known;
    // It may have been made since they were read.
    try {
      const { index } = this.client.get('link', { name });
      this.indexes.set(name, index);
      this.names.set(index, name);
      return index;
    } catch (error) {
      if (error instanceof NetlinkError) return 0;
      throw error;
    }
  }

  nameOf(index: number): string {
    return this.names.get(index) ?? `#${index}`;
  }

  /** The kernel takes no alias for a link that it has yet to make. In one datagram, no kill comes in between. */
  private make(name: string, op: Op): void {
    const [error, unmarked] = this.client.apply([op, { verb: 'set', kind: 'link', value: { name, alias: OWN_ALIAS } }]);
    if (error !== undefined) throw error;
    if (unmarked !== undefined) throw unmarked;
  }

  private routes({ links, tables }: Scope): RouteState[] {
    const found = new Map<string, RouteState>();
    const add = (routes: readonly Route[]) => {
      for (const route of routes) {
        if (route.table === LOCAL) continue;
        const state = this.routeState(route);
        found.set(JSON.stringify([state, [...route.destination.bytes]]), state);
      }
    };
    for (const family of [4, 6] as const) {
      if (tables === 'all') add(this.client.dump('route', { family }));
      else {
        add(this.client.dump('route', { family, protocol: OWN_PROTOCOL }));
        for (const table of tables) add(this.client.dump('route', { family, table }));
        for (const name of links) {
          const link = this.indexOf(name);
          if (link !== 0) add(this.client.dump('route', { family, link }));
        }
      }
    }
    return [...found.values()];
  }

  private linkState(link: Link): LinkState {
    const { name = '', mtu = 0, address, flags, master, alias = '', info, type } = link;
    const loopback = type === LOOPBACK;
    const kind =
      info === undefined ? (loopback ? 'loopback' : 'ethernet') : info.kind === 'other' ? info.name : info.kind;
    const mode = kind === 'bond' ? bondMode(name) : undefined;
    return {
      name,
      kind,
      mtu,
      ...(address?.length === 6 && { mac: address.reduce((sum, octet) => sum * 256 + octet, 0) }),
      up: (flags & LinkFlag.up) !== 0,
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

  private routeSpec({ hops, ...route }: RouteState): RouteSpec {
    if (dropped(route.type)) return route;
    return {
      ...route,
      // What the kernel says of a hop's state is not for it to be told.
      hops: hops.map(({ device, flags = 0, ...hop }) => ({
        ...hop,
        ...((flags & ON_LINK) !== 0 && { flags: ON_LINK }),
        ...(device !== undefined && { link: this.indexOf(device) }),
      })),
    };
  }

  private opOf(step: Exclude<Step, { readonly do: 'sysctl' }>): Op {
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
          ...(vlan && { parent: this.indexOf(vlan.base) }),
        };
        return { verb: 'add', kind: 'link', value };
      }
      case 'setLink':
        return { verb: 'set', kind: 'link', value: { index: this.indexOf(step.name), ...this.changeSpec(step.to) } };
      case 'deleteLink':
        return { verb: 'delete', kind: 'link', value: { index: this.indexOf(step.name) } };
      case 'addAddress':
        return { verb: 'add', kind: 'address', value: { ...addable(step.address), link: this.indexOf(step.name) } };
      case 'deleteAddress': {
        const { address, length, peer } = step.address;
        const value = { address, length, ...(peer && { peer }), link: this.indexOf(step.name) };
        return { verb: 'delete', kind: 'address', value };
      }
      case 'addRoute':
        return { verb: 'append', kind: 'route', value: this.routeSpec(step.route) };
      case 'replaceRoute':
        return { verb: 'replace', kind: 'route', value: this.routeSpec(step.route) };
      case 'deleteRoute': {
        const { destination, table, tos, priority, type, protocol } = step.route;
        const value: RouteSpec = {
          destination,
          table,
          type,
          protocol,
          ...(tos !== undefined && { tos }),
          ...(priority !== undefined && { priority }),
        };
        return { verb: 'delete', kind: 'route', value };
      }
      case 'addRule':
        return { verb: 'add', kind: 'rule', value: { ...step.rule, protocol: step.protocol } };
      case 'deleteRule':
        return { verb: 'delete', kind: 'rule', value: deletable(step.rule) };
    }
  }

  private changeSpec({ mtu, mac, master, up, stp }: LinkChange): LinkSpec {
    return {
      ...(mtu !== undefined && { mtu }),
      ...(mac !== undefined && { address: macBytes(mac) }),
      ...(master !== undefined && { master: master === null ? 0 : this.indexOf(master) }),
      ...(up !== undefined && { up }),
      ...(stp !== undefined && { info: { kind: 'bridge', stp } as const }),
    };
  }
}

/** ARPHRD_LOOPBACK, RT_TABLE_LOCAL, RTNH_F_ONLINK, and what of an address's flags is for us to set (IFA_F_*). */
const LOOPBACK = 772;
const LOCAL = 255;
const ON_LINK = 4;
const SETTABLE = 0x2 | 0x100 | 0x200 | 0x400;

function addable({ flags = 0, ...address }: AddressState): AddressState {
  const settable = flags & SETTABLE;
  const { lifetimes, ...rest } = address;
  const limited = lifetimes !== undefined && lifetimes.validSec !== 0xffff_ffff;
  return { ...rest, ...(limited && { lifetimes }), ...(settable !== 0 && { flags: settable }) };
}

/** A rule with l3mdev is told with table 0, which stands for none. */
function deletable({ table, flags: _, ...rest }: Rule): RuleSpec {
  return table === 0 ? rest : { ...rest, table };
}
