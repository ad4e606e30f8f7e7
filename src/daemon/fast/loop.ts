/**
 * The announcer with sockets: what runs in the fast worker, and, with sockets that a test makes up, anywhere. It keeps two
 * packet sockets per interface, their filters and groups as the announcer's state wants them, and tries again what failed.
 */
import { ETHERTYPE_ARP } from '../../arp/packet.ts';
import { MulticastGroups } from '../../io/multicast.ts';
import { PacketSocket } from '../../io/packet.ts';
import type { Poller } from '../../io/poller.ts';
import { Announcer, type Output } from '../../l2/announcer.ts';
import type { PortState } from '../../l2/port.ts';
import type { Protocol } from '../../l2/sender.ts';
import type { ConflictReport, Layer2Rules } from '../../l2/snapshot.ts';
import { ETHERTYPE_IPV6 } from '../../ndp/neighbor.ts';
import { type Order, type PortStatus, type Report, unpackSnapshot } from './protocol.ts';
import { type Drain, type Groups, type Socket, Tap } from './tap.ts';

/** Frames taken from one socket before the next has its turn. */
const TURN_FRAMES = 64;
const RETRY_MS = 1_000;
const COUNTERS_MS = 1_000;
/** Addresses whose counters are told in one turn: each object that crosses to another thread is copied on its own. */
const TURN_COUNTERS = 1_000;
/** Longer than any ARP or neighbour discovery frame of use; what is longer is cut, and padding or refused. */
const FRAME_OCTETS = 2048;

/** A number, since it is looked up for every reply. */
const keyOf = (index: number, protocol: Protocol): number => 2 * index + (protocol === 'arp' ? 0 : 1);

/** What the loop needs of the network. */
export interface Network {
  open(index: number, protocol: Protocol, filter: Parameters<Socket['setFilter']>[0]): Socket;
  readonly groups: Groups;
  /** Calls `ready` while the socket has something to give. */
  watch(socket: Socket, one: { ready(): void }): void;
  unwatch(socket: Socket): void;
  nowMs(): number;
}

export class FastLoop implements Output, Drain {
  private readonly network: Network;
  private readonly post: (report: Report) => void;
  private readonly announcer: Announcer;
  /** By `keyOf`. */
  private readonly taps = new Map<number, Tap>();
  private readonly buffer = new Uint8Array(FRAME_OCTETS);
  private readonly views: Uint8Array[] = [];
  private rules: Layer2Rules | undefined;
  private retryDueMs: number | undefined;
  /** Set while something was counted that was not reported. */
  private countersDueMs: number | undefined;
  private status = '';

  constructor(network: Network, post: (report: Report) => void) {
    this.network = network;
    this.post = post;
    this.announcer = new Announcer(this);
  }

  send(index: number, protocol: Protocol, frame: Uint8Array): boolean {
    return this.taps.get(keyOf(index, protocol))?.send(frame) ?? false;
  }

  report(report: ConflictReport): void {
    this.post(report);
    // Whoever reads of it wants to see it counted.
    this.countersDueMs = this.network.nowMs();
  }

  take(order: Extract<Order, { type: 'snapshot' }>): void {
    const snapshot = unpackSnapshot(order.snapshot);
    this.rules = snapshot.rules;
    this.announcer.apply(snapshot, this.network.nowMs());
    this.status = '';
    this.reconcile();
  }

  /** Somebody may ask. */
  get announces(): boolean {
    return this.taps.size > 0;
  }

  /** Makes the sockets what they should be. */
  private reconcile(): void {
    const { rules } = this;
    if (rules === undefined) return;
    this.retryDueMs = undefined;
    const wanted = new Set<number>();
    const ports: PortStatus[] = [];
    for (const state of this.announcer.held()) {
      const { index, name, arp, ndp } = state.port;
      let opened = false;
      const tap = (protocol: Protocol): Tap => {
        const key = keyOf(index, protocol);
        wanted.add(key);
        const known = this.taps.get(key);
        const one = known ?? new Tap(index, protocol, this.network, this);
        if (known === undefined) this.taps.set(key, one);
        if (one.reconcile(state.wants(), rules.reception)) opened = true;
        return one;
      };
      const four = arp ? tap('arp') : undefined;
      const six = ndp ? tap('ndp') : undefined;
      // Without a socket announcements were lost.
      if (opened) this.announcer.takeUp(state, this.network.nowMs());
      if (four?.failed || six?.failed) this.retryDueMs ??= this.network.nowMs() + RETRY_MS;
      // What is merely not done yet is gone on with after a look at the sockets.
      else if (six?.unfinished) this.retryDueMs = this.network.nowMs();
      ports.push({ index, name, arp: four?.status ?? 'off', ndp: six?.status ?? 'off', mld: six?.mld ?? 'off' });
    }
    for (const [key, tap] of this.taps) {
      if (wanted.has(key)) continue;
      tap.close();
      this.taps.delete(key);
    }
    const status = JSON.stringify(ports);
    if (status === this.status) return;
    this.status = status;
    this.post({ type: 'applied', number: this.announcer.applied, ports });
  }

  /** Takes frames from a socket, but no more than its share. */
  drain(tap: Tap): void {
    const nowMs = this.network.nowMs();
    for (let n = 0; n < TURN_FRAMES; n++) {
      const length = tap.receive(this.buffer);
      if (length === 0) break;
      // The interface went down, or for good: the next snapshot tells which.
      if (length < 0) {
        this.retryDueMs ??= nowMs + RETRY_MS;
        continue;
      }
      this.announcer.receive(tap.index, tap.protocol, this.view(length), nowMs);
    }
    this.countersDueMs ??= nowMs + COUNTERS_MS;
  }

  /** The first octets of the buffer. Frames have few lengths, and garbage is what ends a quick answer. */
  private view(length: number): Uint8Array {
    let view = this.views[length];
    if (view === undefined) {
      view = this.buffer.subarray(0, length);
      this.views[length] = view;
    }
    return view;
  }

  /** When `tick` has something to do; undefined when never. */
  nextDueMs(): number | undefined {
    const due = Math.min(
      this.announcer.nextDueMs() ?? Number.POSITIVE_INFINITY,
      this.retryDueMs ?? Number.POSITIVE_INFINITY,
      this.countersDueMs ?? Number.POSITIVE_INFINITY,
    );
    return due === Number.POSITIVE_INFINITY ? undefined : due;
  }

  tick(): void {
    const nowMs = this.network.nowMs();
    const due = this.announcer.nextDueMs();
    if (due !== undefined && due <= nowMs) {
      this.announcer.tick(nowMs);
      this.countersDueMs ??= nowMs + COUNTERS_MS;
    }
    if (this.retryDueMs !== undefined && this.retryDueMs <= nowMs) this.reconcile();
    if (this.countersDueMs !== undefined && this.countersDueMs <= nowMs) this.count();
  }

  private count(): void {
    this.countersDueMs = undefined;
    for (const state of this.announcer.held()) this.overruns(state);
    const addresses = this.announcer.takeCounters(TURN_COUNTERS);
    // The others after a look at the sockets.
    if (addresses.length === TURN_COUNTERS) this.countersDueMs = this.network.nowMs();
    const drops = this.announcer.takeDrops();
    if (addresses.length > 0 || drops.length > 0) this.post({ type: 'counters', addresses, drops });
  }

  private overruns(state: PortState): void {
    for (const protocol of ['arp', 'ndp'] as const) {
      const lost = this.taps.get(keyOf(state.port.index, protocol))?.takeOverruns() ?? 0;
      if (lost > 0) state.drop('overrun', lost);
    }
  }

  close(): void {
    for (const tap of this.taps.values()) tap.close();
    this.taps.clear();
    this.network.groups.close();
  }
}

/** Sockets as they come, for a loop that waits with this poller. */
export const networkOf = (
  poller: Pick<Poller, 'watch' | 'unwatch'>,
  nowMs: () => number,
  open: Network['open'],
  groups: Groups,
): Network => ({
  open,
  groups,
  watch: (socket, one) => poller.watch(socket.fd, one),
  unwatch: (socket) => poller.unwatch(socket.fd),
  nowMs,
});

/** The kernel's interfaces. */
export const kernelNetwork = (poller: Pick<Poller, 'watch' | 'unwatch'>, nowMs: () => number): Network =>
  networkOf(
    poller,
    nowMs,
    (index, protocol, filter) => PacketSocket.open(index, protocol === 'arp' ? ETHERTYPE_ARP : ETHERTYPE_IPV6, filter),
    new MulticastGroups(),
  );
