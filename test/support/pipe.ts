/**
 * Two sessions joined by an in-memory network with its own clock: nothing happens but what the network delivers, and
 * with the same seed it delivers the same. Octets keep their order on a connection; everything else may overtake.
 *
 * The host's side of the contract is checked on the way: a session that names a connection it has closed, or reports
 * states that do not follow each other, fails the test.
 */
import { AdjRibOut } from '../../src/bgp/adjout.ts';
import { decodeInterned } from '../../src/bgp/attr.ts';
import { HEADER_OCTETS, MessageType } from '../../src/bgp/const.ts';
import type { SessionAction, SessionEvent } from '../../src/bgp/events.ts';
import type { State } from '../../src/bgp/fsm.ts';
import { AttributeTable } from '../../src/bgp/intern.ts';
import { readPrefixes } from '../../src/bgp/nlri.ts';
import type { PathAttributes } from '../../src/bgp/path.ts';
import { Session } from '../../src/bgp/session.ts';
import type { PeerSettings } from '../../src/bgp/settings.ts';
import { address } from '../../src/lib/address.ts';
import { canonical } from '../../src/lib/diff.ts';
import { formatPrefix, prefix } from '../../src/lib/prefix.ts';

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** An external session of AS 65001 with AS 65002, unless changed. */
export const settingsOf = (changes: Partial<PeerSettings> = {}): PeerSettings => ({
  name: 'peer',
  address: address('192.0.2.2'),
  port: 179,
  localAsn: 65001,
  peerAsn: 65002,
  routerId: 1,
  holdTimeSec: 90,
  families: ['ipv4'],
  passive: false,
  multihop: false,
  ...changes,
});

/** The settings of both ends: the second sees the first's AS numbers and addresses turned round. */
export function bothEnds(
  near: Partial<PeerSettings> = {},
  far: Partial<PeerSettings> = {},
): readonly [PeerSettings, PeerSettings] {
  const a = settingsOf(near);
  const turned = { localAsn: a.peerAsn as number, peerAsn: a.localAsn, address: address('192.0.2.1') };
  return [a, settingsOf({ ...near, ...turned, routerId: 2, ...far })];
}

export const route = (nextHop: string, changes: Partial<PathAttributes> = {}): PathAttributes => ({
  origin: 'igp',
  asPath: [],
  nextHop: address(nextHop),
  ...changes,
});

/** What arrives at one end of a connection, in order. */
export interface Channel {
  /** Each has the message it begins with, or what becomes of the connection, as its name. */
  readonly queue: { readonly at: number; readonly what: string; readonly run: () => void }[];
  readonly to: End;
  readonly link: Link;
  last: number;
}

/** One end of a connection. */
interface Side {
  readonly end: End;
  readonly id: number;
  readonly link: Link;
  open: boolean;
  /** Octets sent and delivered, and where each send not yet taken ends. */
  sent: number;
  delivered: number;
  readonly untaken: number[];
}

export interface Link {
  readonly dialler: Side;
  readonly acceptor: Side;
  readonly toDialler: Channel;
  readonly toAcceptor: Channel;
}

export interface Transition {
  readonly at: number;
  readonly from: State;
  readonly to: State;
  readonly reason: string;
}

const messageNames = Object.keys(MessageType);

/** Octets a connection holds before a send waits: a socket's buffers. */
const WINDOW = 64 * 1024;

export interface NetOptions {
  readonly seed?: number;
  /** Longest delay of a delivery, ms; each is drawn evenly up to it. */
  readonly delayMs?: number;
  /** Octets arrive in pieces. */
  readonly split?: boolean;
}

export class Net {
  now = 0;
  delayMs: number;
  /** No octet arrives, and no dial is answered, while true. */
  partitioned = false;
  readonly ends: readonly [End, End];
  readonly links: Link[] = [];
  readonly random: () => number;
  private readonly split: boolean;
  private readonly channels = new Set<Channel>();
  private nextConnection = 1;

  constructor(settings: readonly [PeerSettings, PeerSettings], options: NetOptions = {}) {
    this.random = seeded(options.seed ?? 1);
    this.delayMs = options.delayMs ?? 1;
    this.split = options.split ?? false;
    this.ends = [new End(this, settings[0]), new End(this, settings[1])];
  }

  start(): this {
    for (const end of this.ends) end.tell({ type: 'start' });
    return this;
  }

  newConnection = (): number => this.nextConnection++;

  other(end: End): End {
    return end === this.ends[0] ? this.ends[1] : this.ends[0];
  }

  dial(dialler: End, id: number): void {
    const link = this.link(dialler, id);
    this.links.push(link);
    const acceptor = link.acceptor.end;
    if (!acceptor.listens)
      return this.deliver(link.toDialler, 'refused', () => this.end(link.dialler, 'connection refused'));
    this.deliver(link.toDialler, 'connected', () => {
      if (link.dialler.open) dialler.tell({ type: 'connected', connection: id, local: dialler.local });
    });
    this.deliver(link.toAcceptor, 'accepted', () => {
      const { id: connection } = link.acceptor;
      link.acceptor.open = true;
      acceptor.sides.set(connection, link.acceptor);
      acceptor.tell({ type: 'accepted', connection, local: acceptor.local });
    });
  }

  private link(dialler: End, id: number): Link {
    const acceptor = this.other(dialler);
    const link = {} as Link;
    const channel = (to: End): Channel => ({ queue: [], to, link, last: 0 });
    const side = (end: End, number: number, open: boolean): Side => {
      return { end, id: number, link, open, sent: 0, delivered: 0, untaken: [] };
    };
    Object.assign(link, {
      toDialler: channel(dialler),
      toAcceptor: channel(acceptor),
      dialler: side(dialler, id, true),
      acceptor: side(acceptor, this.newConnection(), false),
    });
    dialler.sides.set(id, link.dialler);
    this.channels.add(link.toDialler).add(link.toAcceptor);
    return link;
  }

  private far(side: Side): { readonly side: Side; readonly channel: Channel } {
    const { link } = side;
    return side === link.dialler
      ? { side: link.acceptor, channel: link.toAcceptor }
      : { side: link.dialler, channel: link.toDialler };
  }

  send(from: Side, bytes: Uint8Array): void {
    const { side: to, channel } = this.far(from);
    from.sent += bytes.length;
    from.untaken.push(from.sent);
    for (let at = 0; at < bytes.length; ) {
      const n = this.split ? 1 + Math.floor(this.random() * (bytes.length - at)) : bytes.length - at;
      const piece = bytes.slice(at, at + n);
      at += n;
      this.deliver(channel, messageNames[piece[HEADER_OCTETS - 1]! - 1] ?? 'octets', () => {
        from.delivered += n;
        this.taken(from);
        // Nobody is there any more: the host resets the connection.
        const reset = () => this.end(from, 'connection reset by the peer');
        if (!to.open) return this.deliver(this.far(to).channel, 'reset', reset);
        to.end.tell({ type: 'received', connection: to.id, bytes: piece });
        piece.fill(0xee); // the session must not have kept a view
      });
    }
    this.taken(from);
  }

  private taken(side: Side): void {
    while (side.open && side.untaken.length > 0 && side.untaken[0]! <= side.delivered + WINDOW) {
      side.untaken.shift();
      side.end.later(() => {
        if (side.open) side.end.tell({ type: 'sent', connection: side.id });
      });
    }
  }

  /** FIN: the far end learns of it after everything sent before. */
  close(side: Side): void {
    side.open = false;
    side.end.sides.delete(side.id);
    const { side: to, channel } = this.far(side);
    this.deliver(channel, 'fin', () => this.end(to, undefined));
  }

  /** A connection breaks for one end, which learns of it at once; the other end learns nothing. */
  end(side: Side, error: string | undefined): void {
    if (!side.open) return;
    side.open = false;
    side.end.sides.delete(side.id);
    side.end.tell({ type: 'closed', connection: side.id, ...(error !== undefined && { error }) });
  }

  private deliver(channel: Channel, what: string, run: () => void): void {
    const at = Math.max(channel.last, this.now + this.random() * this.delayMs);
    channel.last = at;
    channel.queue.push({ at, what, run });
  }

  /** Channels on which something can arrive now, in the order of their making. */
  get ready(): readonly Channel[] {
    return [...this.channels].filter((c) => c.queue.length > 0 && !this.blocked(c));
  }

  private blocked(channel: Channel): boolean {
    return this.partitioned || !channel.to.reads;
  }

  /** Delivers the next thing of one channel, whatever its time. False when nobody was there any more to take it. */
  deliverFrom(channel: Channel): boolean {
    const next = channel.queue.shift()!;
    const { dialler, acceptor, toDialler } = channel.link;
    const taken = channel === toDialler ? dialler.open : acceptor.open || next.what === 'accepted';
    this.now = Math.max(this.now, next.at);
    next.run();
    return taken;
  }

  /** Runs everything due in the next `ms`, deliveries and timers, in order of time. */
  run(ms: number): void {
    const until = this.now + ms;
    while (this.runNext(until));
    this.now = until;
  }

  /** Runs until `done`; fails when it is not within `ms`. Returns how long it took. */
  runUntil(done: () => boolean, ms: number): number {
    const start = this.now;
    while (!done()) {
      if (this.runNext(start + ms)) continue;
      const states = this.ends.map((e) => `${e.session.state} (${e.session.lastError})`).join(', ');
      throw new Error(`not within ${ms} ms: ${states}`);
    }
    return this.now - start;
  }

  private runNext(until: number): boolean {
    let at = until;
    let run: (() => void) | undefined;
    for (const channel of this.channels) {
      const next = channel.queue[0];
      if (next === undefined || this.blocked(channel) || Math.max(next.at, this.now) > at) continue;
      at = Math.max(next.at, this.now);
      run = () => channel.queue.shift()!.run();
    }
    for (const end of this.ends) {
      const due = end.session.nextDue;
      if (due === undefined || due > at) continue;
      at = Math.max(due, this.now);
      run = () => end.tell({ type: 'tick' });
    }
    if (run === undefined) return false;
    this.now = at;
    run();
    for (const channel of this.channels) {
      const { dialler, acceptor } = channel.link;
      if (channel.queue.length === 0 && !dialler.open && !acceptor.open) this.channels.delete(channel);
    }
    return true;
  }
}

/** A session and its host. */
export class End {
  session: Session;
  readonly out = new AdjRibOut();
  readonly local = { transport: address('192.0.2.1') };
  /** Accepts calls; reads what arrives. */
  listens = true;
  reads = true;
  readonly sides = new Map<number, Side>();
  /** The peer's routes: prefix → attributes as canonical text. */
  readonly table = new Map<string, string>();
  readonly transitions: Transition[] = [];
  endsOfRib = 0;
  private readonly net: Net;
  private readonly attributes = new AttributeTable();
  private readonly deferred: (() => void)[] = [];
  private busy = false;
  private shown: State = 'Idle';

  constructor(net: Net, settings: PeerSettings) {
    this.net = net;
    this.session = this.newSession(settings);
  }

  private newSession(settings: PeerSettings): Session {
    const { out, attributes, net } = this;
    return new Session(settings, { out, attributes, random: () => net.random(), newConnection: net.newConnection });
  }

  /** The process dies without a word and comes back: connections are gone, and so is all that was learned. */
  crash(settings = this.session.settings): void {
    for (const side of this.sides.values()) side.open = false;
    this.sides.clear();
    this.out.close();
    this.table.clear();
    this.shown = 'Idle';
    this.session = this.newSession(settings);
    this.tell({ type: 'start' });
  }

  get established(): boolean {
    return this.session.state === 'Established';
  }

  set(text: string, attributes: PathAttributes = route('192.0.2.1')): void {
    this.out.set(prefix(text), attributes);
    this.tell({ type: 'routes' });
  }

  delete(text: string): void {
    this.out.delete(prefix(text));
    this.tell({ type: 'routes' });
  }

  /** What the session says it has advertised, as the far end would write it. */
  get advertised(): Map<string, string> {
    return new Map([...this.out.advertised()].map((r) => [formatPrefix(r.prefix), canonical(r.attributes)]));
  }

  /** Runs when the event under way is dealt with, at the same time. */
  later(run: () => void): void {
    this.deferred.push(run);
    this.drain();
  }

  tell(event: SessionEvent): void {
    this.deferred.push(() => {
      for (const action of this.session.handle(event, this.net.now)) this.perform(action);
    });
    this.drain();
  }

  private drain(): void {
    if (this.busy) return;
    this.busy = true;
    for (let run = this.deferred.shift(); run; run = this.deferred.shift()) run();
    this.busy = false;
  }

  private side(action: { readonly type: string; readonly connection: number }): Side {
    const side = this.sides.get(action.connection);
    if (side === undefined) throw new Error(`${action.type} on connection ${action.connection}, which is closed`);
    return side;
  }

  private perform(action: SessionAction): void {
    switch (action.type) {
      case 'dial':
        return this.net.dial(this, action.connection);
      case 'send':
        return this.net.send(this.side(action), action.bytes);
      case 'close':
        return this.net.close(this.side(action));
      case 'update':
        return this.update(action);
      case 'state': {
        const { from, to, reason } = action;
        if (from !== this.shown) throw new Error(`left ${from}, but was in ${this.shown}`);
        if ((to === 'Established') !== (action.agreement !== undefined)) throw new Error('agreement and state differ');
        this.shown = to;
        if (from === 'Established') this.table.clear();
        this.transitions.push({ at: this.net.now, from, to, reason });
      }
    }
  }

  private update({ update }: Extract<SessionAction, { type: 'update' }>): void {
    if (this.shown !== 'Established') throw new Error(`routes in ${this.shown}`);
    for (const run of update.unreach) for (const p of readPrefixes(run)) this.table.delete(formatPrefix(p));
    for (const run of update.reach) {
      const text = canonical(decodeInterned(this.attributes.view(run.attributes)));
      for (const p of readPrefixes(run)) this.table.set(formatPrefix(p), text);
      this.attributes.release(run.attributes);
    }
    if (update.endOfRib) this.endsOfRib++;
  }
}
