/**
 * Unnumbered peers: watches the interfaces that are named in place of an address, and tells who was found there.
 *
 * Per interface there is a step machine (`ndp/discover.ts`), a socket while the link is up, and one timer. Links are looked
 * at every second: one that appears late, loses its carrier or is made anew is noticed within that time.
 */
import { monotonicMs } from '../io/clock.ts';
import type { Datagram } from '../io/datagram.ts';
import { Icmp6Socket } from '../io/icmp6.ts';
import { type Link, type LinkObstacle, linkOf } from '../io/link.ts';
import { SystemError } from '../io/native.ts';
import { random } from '../io/random.ts';
import { type Address, compareAddresses, formatAddress } from '../lib/address.ts';
import {
  type DiscoverAction,
  type DiscoverEvent,
  type DiscoverState,
  dueMs,
  initialState,
  type LossReason,
  step,
} from '../ndp/discover.ts';
import { allNodes, allRouters, type NdOptions, NdType } from '../ndp/message.ts';
import { decodeRouter, encodeRouter } from '../ndp/router.ts';

export interface DiscoveryEvents {
  /** The only router on the link, and our own address there: both link-local. */
  found(interfaceName: string, address: Address, local: Address): void;
  /** Whoever was found is no longer. */
  lost(interfaceName: string, reason: LossReason): void;
  /** What an operator should know, as a whole sentence; undefined when it is no longer so. */
  problem(interfaceName: string, text: string | undefined): void;
}

/** How often links are looked at. */
const LOOK_MS = 1_000;

interface Watched {
  readonly name: string;
  state: DiscoverState;
  link?: Link;
  socket?: Icmp6Socket;
  timer?: NodeJS.Timeout;
  problem?: string;
}

export class Discovery {
  private readonly events: DiscoveryEvents;
  private readonly watched = new Map<string, Watched>();
  private looking: NodeJS.Timeout | undefined;

  constructor(events: DiscoveryEvents) {
    this.events = events;
  }

  /** Looks for the neighbour on this interface, whether or not that exists yet. Events come later, not from in here. */
  watch(interfaceName: string): void {
    if (this.watched.has(interfaceName)) return;
    const entry: Watched = { name: interfaceName, state: initialState };
    this.watched.set(interfaceName, entry);
    this.looking ??= setInterval(() => {
      for (const each of this.watched.values()) this.look(each);
    }, LOOK_MS);
    setImmediate(() => this.look(entry));
  }

  /** Forgets the interface and its neighbour; no event tells of it. */
  unwatch(interfaceName: string): void {
    const entry = this.watched.get(interfaceName);
    if (!entry) return;
    this.watched.delete(interfaceName);
    this.shut(entry);
    if (this.watched.size > 0) return;
    clearInterval(this.looking);
    this.looking = undefined;
  }

  close(): void {
    for (const name of [...this.watched.keys()]) this.unwatch(name);
  }

  private look(entry: Watched): void {
    if (this.watched.get(entry.name) !== entry) return;
    let link: Link | LinkObstacle;
    try {
      link = linkOf(entry.name, entry.link?.local);
    } catch (error) {
      return this.report(entry, `no neighbour can be looked for on ${entry.name}: ${reasonOf(error)}`);
    }
    if (entry.link && !sameLink(entry.link, link)) this.leave(entry, link === 'absent' ? 'linkGone' : 'linkDown');
    // Whoever is told of the neighbour's loss may watch no more.
    if (entry.link || this.watched.get(entry.name) !== entry) return;
    if (typeof link !== 'string') this.enter(entry, link);
    else if (link !== 'tentative') this.report(entry, linkProblems[link](entry.name));
  }

  /** The link is up. */
  private enter(entry: Watched, link: Link): void {
    const types = [NdType.routerSolicitation, NdType.routerAdvertisement];
    try {
      entry.socket = new Icmp6Socket(entry.name, link.local, types, [allNodes, allRouters], {
        received: (datagram) => this.receive(entry, datagram),
        failed: () => this.leave(entry, 'linkDown'),
      });
    } catch (error) {
      // It has changed since we looked: there is another look.
      if (error instanceof SystemError && passing.has(error.code)) return;
      return this.report(entry, `no neighbour can be looked for on ${entry.name}: ${reasonOf(error)}`);
    }
    entry.link = link;
    this.report(entry, undefined);
    if (entry.link === link) this.handle(entry, { type: 'up', local: link.local });
  }

  private leave(entry: Watched, reason: 'linkDown' | 'linkGone'): void {
    this.shut(entry);
    this.handle(entry, { type: 'down', reason });
  }

  private shut(entry: Watched): void {
    clearTimeout(entry.timer);
    entry.socket?.close();
    delete entry.timer;
    delete entry.socket;
    delete entry.link;
  }

  private receive(entry: Watched, { source, hopLimit, truncated, bytes }: Datagram): void {
    if (truncated) return;
    const message = decodeRouter({ source, hopLimit, bytes });
    // A drop reason: RFC 4861 §6.1 wants silence.
    if (typeof message === 'string') return;
    this.handle(entry, { type: 'received', source, message });
  }

  private handle(entry: Watched, event: DiscoverEvent): void {
    const [state, actions] = step(entry.state, event, monotonicMs(), random());
    const before = dueMs(entry.state);
    entry.state = state;
    const due = dueMs(state);
    if (due !== before || event.type === 'tick') {
      clearTimeout(entry.timer);
      if (due === undefined) delete entry.timer;
      else
        entry.timer = setTimeout(
          () => this.handle(entry, { type: 'tick' }),
          Math.max(0, Math.ceil(due - monotonicMs())),
        );
    }
    for (const action of actions) if (this.watched.get(entry.name) === entry) this.perform(entry, action);
  }

  private perform(entry: Watched, action: DiscoverAction): void {
    switch (action.type) {
      case 'solicit':
        return this.send(entry, allRouters, encodeRouter({ type: 'solicitation', options: ownOptions(entry) }));
      case 'advertise':
        return this.send(entry, action.to, encodeRouter({ ...advertisement, options: ownOptions(entry) }));
      case 'found':
        return this.events.found(entry.name, action.address, entry.link!.local);
      case 'lost':
        return this.events.lost(entry.name, action.reason);
      case 'probed':
        return this.report(entry, probeProblem(entry.name, action.addresses, entry.state.peer));
    }
  }

  private send(entry: Watched, to: Address, bytes: Uint8Array): void {
    try {
      entry.socket?.send(to, bytes);
    } catch (error) {
      // That the link is no longer what it was is seen at the next look; what else stops us is for the operator.
      if (error instanceof SystemError && passing.has(error.code)) return;
      this.report(entry, `neighbour discovery cannot send on ${entry.name}: ${reasonOf(error)}`);
    }
  }

  private report(entry: Watched, text: string | undefined): void {
    if (text === entry.problem) return;
    if (text === undefined) delete entry.problem;
    else entry.problem = text;
    this.events.problem(entry.name, text);
  }
}

/** Ours never asks hosts to make us their default router. */
const advertisement = {
  type: 'advertisement',
  currentHopLimit: 0,
  flags: 0,
  lifetimeSec: 0,
  reachableMs: 0,
  retransmitMs: 0,
} as const;

const ownOptions = ({ link }: Watched): NdOptions => (link?.linkLayer ? { sourceLinkLayer: link.linkLayer } : {});

const sameLink = (a: Link, b: Link | LinkObstacle): boolean =>
  typeof b !== 'string' && a.index === b.index && compareAddresses(a.local, b.local) === 0;

/** What happens to sockets when links change under them. */
const passing: ReadonlySet<string> = new Set([
  'ENODEV',
  'ENXIO',
  'ENETDOWN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EADDRNOTAVAIL',
  'EAGAIN',
  'ENOBUFS',
]);

/** Tentative is none: it passes. */
const linkProblems: Readonly<Record<Exclude<LinkObstacle, 'tentative'>, (name: string) => string>> = {
  absent: (name) => `there is no interface ${name}`,
  down: (name) => `${name} is down or has no carrier`,
  noAddress: (name) => `${name} has no IPv6 link-local address`,
  duplicate: (name) => `the IPv6 link-local address of ${name} is in use by somebody else on that link`,
};

function reasonOf(error: unknown): string {
  if (!(error instanceof SystemError)) return (error as Error).message;
  if (error.code === 'EPERM' && error.message.startsWith('socket'))
    return 'raw ICMPv6 sockets need CAP_NET_RAW or root';
  if (error.code === 'EAFNOSUPPORT') return 'IPv6 is not available on this machine';
  if (error.code === 'EPERM') return 'a firewall rule forbids it (EPERM)';
  return error.message;
}

function probeProblem(name: string, addresses: readonly Address[], peer: Address | undefined): string | undefined {
  if (addresses.length === 1) return undefined;
  if (addresses.length === 0)
    return `no router answers on ${name}: the peer there must send IPv6 router advertisements`;
  const remedy = peer
    ? `the session stays with ${formatAddress(peer)} while that answers`
    : 'separate the links, or give the peer by its address';
  return `${addresses.length} routers answer on ${name} (${addresses.map(formatAddress).join(', ')}), where an unnumbered peer must be alone: ${remedy}`;
}
