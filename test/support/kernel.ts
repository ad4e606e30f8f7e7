/** A kernel's routing tables for tests, behind the sockets of netlink: what requests do to them, and what it tells of that. */
import type { FibParts } from '../../src/daemon/fib/parts.ts';
import { formatPrefix, prefix } from '../../src/lib/prefix.ts';
import { MessageFlag, MessageType } from '../../src/netlink/const.ts';
import { HostReader, HostWriter } from '../../src/netlink/host.ts';
import { type Link, LinkFlag, linkCodec } from '../../src/netlink/link.ts';
import { decodeMessages, encodeMessage, type Message } from '../../src/netlink/message.ts';
import { type NextHopSpec, nextHopCodec } from '../../src/netlink/nexthop.ts';
import { type Route, type RouteSpec, routeCodec } from '../../src/netlink/route.ts';
import { type Datagram, FakeEvents, FakeSocket, type KernelSide, type Late } from './kernelsocket.ts';

const ENOENT = 2;
const ESRCH = 3;
const EEXIST = 17;

const keyOf = (r: Pick<Route, 'table' | 'destination' | 'priority'>) =>
  `${r.table} ${formatPrefix(r.destination)} ${r.priority ?? 0}`;

export class FakeKernel implements KernelSide {
  /** By table, prefix and metric. */
  readonly routes = new Map<string, Route>();
  readonly links = new Map<number, Link>();
  /** Errno for a change, or undefined: asked before the tables are. */
  refuse: (verb: 'add' | 'replace' | 'delete', route: Route) => number | undefined = () => undefined;
  /** What it says beside an errno (NLMSGERR_ATTR_MSG). */
  says: string | undefined;
  /** Requests so far. */
  requests = 0;
  later: (run: () => void) => void = (run) => setImmediate(run);
  losing = 0;
  deaf = 0;
  /** Of the dumps to come: how many are interrupted; and whether they tell what is there when they are read, not asked for. */
  interrupting = 0;
  lazy = false;
  /** Errno with which dumps end; octets that dumps and events have beside all routes. */
  unread: number | undefined;
  readonly odd: Uint8Array[] = [];
  private readonly listeners = new Set<FakeEvents>();
  private port = 100;

  /** What a `Fib` is made of. */
  parts(): FibParts {
    return {
      request: () => this.socket(),
      events: (_, except, readable) => this.events(except, readable),
    };
  }

  /** A socket as `RequestSocket` is. */
  socket(): FakeSocket {
    return new FakeSocket(this, this.port++);
  }

  /** A socket as `EventSocket` is. */
  events(except: number, readable: () => void): FakeEvents {
    const events = new FakeEvents(this, except, readable, () => this.listeners.delete(events));
    this.listeners.add(events);
    return events;
  }

  /** Somebody else makes a route. */
  put(spec: RouteSpec): void {
    const route = routeOf(spec);
    this.routes.set(keyOf(route), route);
    this.tell('new', route, 0);
  }

  /** Somebody else takes a route away, whoever made it. */
  drop(table: number, text: string, priority: number, { silently = false } = {}): void {
    const key = keyOf({ table, destination: prefix(text), priority });
    const route = this.routes.get(key);
    if (route === undefined) throw new Error(`no route ${key}`);
    this.routes.delete(key);
    if (!silently) this.tell('del', route, 0);
  }

  /** With a link that is set down go the routes over it alone, of which the kernel tells those of IPv6. */
  setLink(link: Link): void {
    this.links.set(link.index, link);
    this.tellLink('new', link);
    if ((link.flags & LinkFlag.up) === 0) this.cut(link.index);
  }

  dropLink(index: number): void {
    const link = this.links.get(index);
    if (link === undefined) throw new Error(`no link ${index}`);
    this.links.delete(index);
    this.cut(index);
    this.tellLink('del', link);
  }

  /** With the last address of a link go the IPv4 routes over it alone, untold. */
  cut(index: number, families: readonly number[] = [4, 6]): void {
    for (const [key, route] of this.routes) {
      const { family } = route.destination;
      if (!families.includes(family) || route.hops.length === 0) continue;
      if (!route.hops.every(({ link }) => link === index)) continue;
      this.routes.delete(key);
      if (family === 6) this.tell('del', route, 0);
    }
  }

  /** Events that nobody has read so far are lost. */
  overrun(): void {
    for (const listener of this.listeners) listener.overrun();
  }

  /** `PREFIX via GATEWAY%LINK…` of the routes of a table, sorted. */
  shown(table: number, protocol?: number): string[] {
    return [...this.routes.values()]
      .filter((r) => r.table === table && (protocol === undefined || r.protocol === protocol))
      .map(
        (r) =>
          `${formatPrefix(r.destination)} ${r.hops.map((h) => `${h.gateway?.bytes.join('.') ?? ''}%${h.link}*${h.weight ?? 1}`).join(' ')}`,
      )
      .sort();
  }

  handle(port: number, bytes: Uint8Array): (Datagram | Late)[] {
    return [...decodeMessages(bytes)].flatMap((message): (Datagram | Late)[] => {
      this.requests++;
      const { type, flags, sequence } = message;
      if (type === MessageType.getLink) {
        const all = [...this.links.values()].map((link) => this.encodeLink(MessageType.newLink, link, sequence, port));
        return [...all, done(sequence, port)];
      }
      if (type === MessageType.getRoute) return this.dump(message, port);
      const errno = this.change(message, port);
      return errno !== 0 || (flags & MessageFlag.ack) !== 0 ? [answer(sequence, port, errno, this.says)] : [];
    });
  }

  private change({ type, flags, body }: Message, port: number): number {
    const route = routeCodec.decode(body)!;
    const key = keyOf(route);
    const there = this.routes.get(key);
    const verb = type === MessageType.delRoute ? 'delete' : (flags & MessageFlag.replace) !== 0 ? 'replace' : 'add';
    const errno = this.refuse(verb, route);
    if (errno !== undefined) return errno;
    if (verb === 'delete') {
      if (there === undefined || there.protocol !== route.protocol) return ESRCH;
      this.routes.delete(key);
      this.tell('del', there, port);
      return 0;
    }
    if (verb === 'add' && there !== undefined) return EEXIST;
    this.routes.set(key, route);
    this.tell('new', route, port);
    return 0;
  }

  private dump({ body, sequence }: Message, port: number): (Datagram | Late)[] {
    const family = body.u8();
    body.skip(3);
    const headTable = body.u8();
    const protocol = body.u8();
    let table = headTable;
    body.skip(6);
    if (body.remaining >= 8) {
      body.skip(4);
      table = body.h32();
    }
    const found = [...this.routes.values()].filter(
      (r) =>
        (family === 0 || (family === 2) === (r.destination.family === 4)) &&
        (table === 0 || r.table === table) &&
        (protocol === 0 || r.protocol === protocol),
    );
    if (this.unread !== undefined) return [done(sequence, port, this.unread)];
    if (table !== 0 && found.length === 0) return [done(sequence, port, ENOENT)];
    const flags = this.interrupting > 0 ? MessageFlag.multi | MessageFlag.dumpInterrupted : MessageFlag.multi;
    this.interrupting = Math.max(0, this.interrupting - 1);
    const told = (route: Route) => encodeRoute(MessageType.newRoute, route, sequence, port, flags);
    const pages = this.lazy
      ? found.map((r) => () => {
          const now = this.routes.get(keyOf(r));
          return now && told(now);
        })
      : found.map(told);
    const odd = this.odd.map((body) => datagram(MessageType.newRoute, sequence, port, (w) => w.put8s(body), flags));
    return [...odd, ...pages, done(sequence, port)];
  }

  /** Somebody makes or changes a next-hop object. */
  tellNextHop(spec: NextHopSpec): void {
    for (const listener of this.listeners)
      listener.push(datagram(MessageType.newNextHop, 0, 0, (w) => nextHopCodec.encode(w, spec, 'add')));
  }

  /** An event about a route, which cannot be read. */
  tellOdd(): void {
    for (const body of this.odd)
      for (const listener of this.listeners) listener.push(datagram(MessageType.newRoute, 0, 0, (w) => w.put8s(body)));
  }

  private tell(type: 'new' | 'del', route: Route, port: number): void {
    const message = encodeRoute(type === 'new' ? MessageType.newRoute : MessageType.delRoute, route, 0, port);
    for (const listener of this.listeners) if (listener.except !== port) listener.push(message);
  }

  private tellLink(type: 'new' | 'del', link: Link): void {
    const message = this.encodeLink(type === 'new' ? MessageType.newLink : MessageType.delLink, link, 0, 0);
    for (const listener of this.listeners) listener.push(message);
  }

  private encodeLink(type: number, link: Link, sequence: number, port: number): Uint8Array {
    return datagram(type, sequence, port, (w) => linkCodec.encode(w, link, 'add'));
  }
}

function datagram(
  type: number,
  sequence: number,
  port: number,
  write: (w: HostWriter) => void,
  flags: number = MessageFlag.multi,
): Uint8Array {
  const w = new HostWriter(1 << 14);
  encodeMessage(w, { type, flags, sequence }, write);
  w.set32(12, port);
  return w.finish();
}

const encodeRoute = (type: number, route: Route, sequence: number, port: number, flags?: number): Uint8Array =>
  datagram(type, sequence, port, (w) => routeCodec.encode(w, route, 'add'), flags);

const done = (sequence: number, port: number, errno = 0): Uint8Array =>
  datagram(MessageType.done, sequence, port, (w) => w.i32(-errno));

const NLMSGERR_ATTR_MSG = 1;

function answer(sequence: number, port: number, errno: number, says: string | undefined): Uint8Array {
  const flags = MessageFlag.capped | (says === undefined ? 0 : MessageFlag.ackAttributes);
  const write = (w: HostWriter) => {
    w.i32(-errno).zeros(16);
    if (says === undefined) return;
    const text = new TextEncoder().encode(`${says}\0`);
    w.h16(4 + text.length)
      .h16(NLMSGERR_ATTR_MSG)
      .put8s(text)
      .zeros(-text.length & 3);
  };
  return datagram(MessageType.error, sequence, port, write, flags);
}

/** A route as the kernel would tell of one made by this request. */
export function routeOf(spec: RouteSpec): Route {
  const w = new HostWriter(1 << 14);
  routeCodec.encode(w, spec, 'add');
  return routeCodec.decode(new HostReader(w.finish()))!;
}
