/** A kernel's routing tables for tests, behind the sockets of netlink: what requests do to them, and what it tells of that. */
import { formatPrefix, prefix } from '../../src/lib/prefix.ts';
import type { Transport } from '../../src/netlink/client.ts';
import { MessageFlag, MessageType } from '../../src/netlink/const.ts';
import { HostReader, HostWriter } from '../../src/netlink/host.ts';
import { type Link, linkCodec } from '../../src/netlink/link.ts';
import { decodeMessages, encodeMessage, type Message } from '../../src/netlink/message.ts';
import { type Route, type RouteSpec, routeCodec } from '../../src/netlink/route.ts';

const ENOENT = 2;
const ESRCH = 3;
const EEXIST = 17;

type Datagram = Uint8Array | 'overrun';

const keyOf = (r: Pick<Route, 'table' | 'destination' | 'priority'>) =>
  `${r.table} ${formatPrefix(r.destination)} ${r.priority ?? 0}`;

export class FakeKernel {
  /** By table, prefix and metric. */
  readonly routes = new Map<string, Route>();
  readonly links = new Map<number, Link>();
  /** Errno for a change, or undefined: asked before the tables are. */
  refuse: (verb: 'add' | 'replace' | 'delete', route: Route) => number | undefined = () => undefined;
  /** Requests so far. */
  requests = 0;
  private readonly listeners = new Set<FakeEvents>();
  private port = 100;

  /** A socket as `RequestSocket` is. */
  socket(): FakeSocket {
    return new FakeSocket(this, this.port++);
  }

  /** A socket as `EventSocket` is. */
  events(except: number, readable: () => void): FakeEvents {
    const events = new FakeEvents(except, readable, () => this.listeners.delete(events));
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

  setLink(link: Link): void {
    this.links.set(link.index, link);
    this.tellLink('new', link);
  }

  /** Events were lost. */
  overrun(): void {
    for (const listener of this.listeners) listener.push('overrun');
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

  handle(port: number, bytes: Uint8Array): Datagram[] {
    return [...decodeMessages(bytes)].flatMap((message) => {
      this.requests++;
      const { type, flags, sequence } = message;
      if (type === MessageType.getLink) {
        const all = [...this.links.values()].map((link) => this.encodeLink(MessageType.newLink, link, sequence, port));
        return [...all, done(sequence, port)];
      }
      if (type === MessageType.getRoute) return this.dump(message, port);
      const errno = this.change(message, port);
      return errno !== 0 || (flags & MessageFlag.ack) !== 0 ? [answer(sequence, port, errno)] : [];
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

  private dump({ body, sequence }: Message, port: number): Datagram[] {
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
    if (table !== 0 && found.length === 0) return [done(sequence, port, ENOENT)];
    return [...found.map((r) => encodeRoute(MessageType.newRoute, r, sequence, port)), done(sequence, port)];
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

class FakeSocket implements Transport {
  readonly portId: number;
  private readonly kernel: FakeKernel;
  private readonly waiting: Datagram[] = [];

  constructor(kernel: FakeKernel, portId: number) {
    this.kernel = kernel;
    this.portId = portId;
  }

  send(bytes: Uint8Array): void {
    this.waiting.push(...this.kernel.handle(this.portId, bytes.slice()));
  }

  sendAside(bytes: Uint8Array, sent: (ok: boolean) => void): void {
    const copy = bytes.slice();
    setImmediate(() => {
      this.send(copy);
      sent(true);
    });
  }

  receive(): Datagram | undefined {
    return this.waiting.shift();
  }

  close(): void {}
}

class FakeEvents {
  readonly except: number;
  private readonly readable: () => void;
  private readonly closed: () => void;
  private readonly waiting: Datagram[] = [];
  private due = false;

  constructor(except: number, readable: () => void, closed: () => void) {
    this.except = except;
    this.readable = readable;
    this.closed = closed;
  }

  push(bytes: Datagram): void {
    this.waiting.push(bytes);
    if (this.due) return;
    this.due = true;
    setImmediate(() => {
      this.due = false;
      this.readable();
    });
  }

  receive(): Datagram | undefined {
    return this.waiting.shift();
  }

  close(): void {
    this.closed();
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

const encodeRoute = (type: number, route: Route, sequence: number, port: number): Uint8Array =>
  datagram(type, sequence, port, (w) => routeCodec.encode(w, route, 'add'));

const done = (sequence: number, port: number, errno = 0): Uint8Array =>
  datagram(MessageType.done, sequence, port, (w) => w.i32(-errno));

const answer = (sequence: number, port: number, errno: number): Uint8Array =>
  datagram(MessageType.error, sequence, port, (w) => w.i32(-errno).zeros(16), MessageFlag.capped);

/** A route as the kernel would tell of one made by this request. */
export function routeOf(spec: RouteSpec): Route {
  const w = new HostWriter(1 << 14);
  routeCodec.encode(w, spec, 'add');
  return routeCodec.decode(new HostReader(w.finish()))!;
}
