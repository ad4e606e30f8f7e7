/**
 * BFD with sockets: what runs in the fast worker, and, with sockets that a test makes up, anywhere. It keeps the sessions
 * that are asked for, the sockets they need, and tries again what failed.
 *
 * A thread that comes late reads what waits in its sockets first, and takes nobody for silent before that. Since it may lose
 * its processor between any two sessions, what is due is judged by the time at which those were read.
 */
import { Demux, type Path } from '../../bfd/demux.ts';
import { Diagnostic, type DropReason, decodeControl } from '../../bfd/packet.ts';
import { BfdReceiver, BfdSender, MULTIHOP_PORT, SINGLE_HOP_PORT, SINGLE_HOP_TTL } from '../../io/bfdsocket.ts';
import { sysInterfaceIndex } from '../../io/native.ts';
import type { Poller } from '../../io/poller.ts';
import { random } from '../../io/random.ts';
import { type Address, isLinkLocal } from '../../lib/address.ts';
import { Lateness } from '../../lib/late.ts';
import { type Ear, type EarNetwork, type EarOptions, Ears, earKey, type Heard } from './ears.ts';
import type { BfdNews, BfdOrder, BfdReport, BfdRow } from './protocol.ts';
import { type Sender, Watch, type WatchHost } from './watch.ts';
import { wordOf } from './word.ts';

/** Packets taken from one socket before the next has its turn. */
const TURN_PACKETS = 512;
/** Between attempts to get what failed, and looks at interfaces that may have been made anew, ms. */
const CHECK_MS = 1_000;
const ROWS_MS = 1_000;
/** Why a session is not on the wire, where no system call has failed. */
const TAKEN = 'another session has this peer';

export interface SenderPlace {
  readonly peer: Address;
  readonly hops: 'single' | 'multi';
  readonly scope: number;
  readonly source?: Address;
  /** The VRF device; empty for none. */
  readonly device: string;
}

/** What the loop needs of the network. */
export interface BfdNetwork extends EarNetwork {
  sender(place: SenderPlace): Sender;
  nowMs(): number;
  /** In [0, 1). */
  random(): number;
}

export class BfdLoop {
  private readonly network: BfdNetwork;
  private readonly post: (report: BfdReport) => void;
  private readonly demux = new Demux<Watch>();
  private readonly ears: Ears;
  private readonly watches = new Map<string, Watch>();
  private readonly host: WatchHost;
  /** Packets that belong to no session, by reason. */
  private readonly dropped: Partial<Record<DropReason, number>> = {};
  private readonly late = new Lateness();
  private widened: { sessions: number; lateMs: number; txMs: number } | undefined;
  private checkDueMs: number | undefined;
  private rowsDueMs: number | undefined;

  constructor(network: BfdNetwork, post: (report: BfdReport) => void) {
    this.network = network;
    this.post = post;
    this.ears = new Ears(network, (ear) => this.drain(ear));
    this.host = {
      nowMs: () => network.nowMs(),
      random: () => network.random(),
      late: this.late,
      news: (watch, news) => this.tell(watch, news),
      widened: (lateMs, txMs) => {
        const { sessions = 0, lateMs: most = 0, txMs: longest = 0 } = this.widened ?? {};
        this.widened = { sessions: sessions + 1, lateMs: Math.max(most, lateMs), txMs: Math.max(longest, txMs) };
      },
    };
  }

  take(orders: readonly BfdOrder[]): void {
    const wanted = new Map(orders.map((order) => [order.key, order]));
    for (const [key, watch] of this.watches)
      if (!wanted.has(key) && !watch.leaving) {
        watch.leaving = true;
        watch.do({ type: 'disable', diagnostic: Diagnostic.administrativelyDown });
      }
    for (const [key, order] of wanted) {
      const known = this.watches.get(key);
      if (known) known.reorder(order);
      else this.watches.set(key, new Watch(order, this.newDiscriminator(), this.host));
    }
    this.forgetLeft();
    this.reconcile();
  }

  /** Sessions that have no socket yet have a discriminator, too. */
  private newDiscriminator(): number {
    const taken = new Set([...this.watches.values()].map((watch) => watch.discriminator));
    for (;;) {
      const discriminator = this.demux.newDiscriminator(() => this.network.random());
      if (!taken.has(discriminator)) return discriminator;
    }
  }

  /** Makes the sockets what they should be. */
  private reconcile(): void {
    const watches = [...this.watches.values()];
    this.ears.want(watches.map(({ order }) => earOf(order)));
    for (const watch of watches) this.attach(watch);
    const changeable = watches.some(({ problem, order }) => problem !== undefined || order.interface || order.vrf);
    this.checkDueMs = changeable ? this.network.nowMs() + CHECK_MS : undefined;
    if (watches.some(({ dirty }) => dirty)) this.needRows();
  }

  /** Gives a session its sender and its place among those that packets are for. */
  private attach(watch: Watch): void {
    const { network, demux } = this;
    const { order } = watch;
    const scope = order.interface === '' ? 0 : network.interfaceIndex(order.interface);
    const deviceIndex = order.vrf === '' ? 0 : network.interfaceIndex(order.vrf);
    const before = watch.problem;
    watch.problem = this.ears.problem(earOf(order));
    if (watch.sender !== undefined && (scope !== watch.scope || deviceIndex !== watch.deviceIndex)) this.detach(watch);
    if (watch.sender === undefined)
      try {
        if (isLinkLocal(order.peer) && scope === 0) throw new Error('ENODEV');
        const { peer, hops, source, vrf: device } = order;
        watch.scope = scope;
        watch.deviceIndex = deviceIndex;
        this.makeWay(watch);
        // Packets that know no session yet could not be told apart.
        if (demux.at(pathOf(watch)) !== undefined) throw new Error(TAKEN);
        watch.sender = network.sender({ peer, hops, scope, ...(source && { source }), device });
        demux.add(watch.discriminator, pathOf(watch), watch);
      } catch (error) {
        watch.problem ??= wordOf(error);
      }
    if (watch.problem !== before) watch.dirty = true;
  }

  private detach(watch: Watch): void {
    this.demux.remove(watch.discriminator);
    watch.sender?.close();
    watch.sender = undefined;
  }

  /** Of two sessions with one peer the one that nobody wants any more need not be ended with ceremony. */
  private makeWay(watch: Watch): void {
    const other = this.demux.at(pathOf(watch));
    if (other?.leaving) this.forget(other);
  }

  private forget(watch: Watch): void {
    this.detach(watch);
    this.watches.delete(watch.order.key);
  }

  /** @returns whether there were any: sockets may be of no use any more */
  private forgetLeft(): boolean {
    const left = [...this.watches.values()].filter((watch) => watch.leaving && watch.over);
    for (const watch of left) this.forget(watch);
    return left.length > 0;
  }

  private drain(ear: Ear): void {
    try {
      for (let n = 0; n < TURN_PACKETS; n++) {
        const heard = ear.receiver.receive();
        if (heard === undefined) return;
        this.hear(ear.options, heard);
      }
    } catch (error) {
      this.ears.lost(ear);
      for (const watch of this.watches.values()) watch.problem ??= wordOf(error);
      this.checkDueMs ??= this.network.nowMs() + CHECK_MS;
    }
  }

  private hear({ hops, device }: EarOptions, { source, scope, hopLimit, bytes }: Heard): void {
    const path: Path = { hops, peer: source, scope, device };
    const ttl = hopLimit ?? SINGLE_HOP_TTL;
    if (hops === 'single' && ttl < SINGLE_HOP_TTL) return this.drop('ttl', path);
    const packet = decodeControl(bytes);
    if (typeof packet === 'string') return this.drop(packet, path);
    const watch = this.demux.select(packet, path);
    if (typeof watch === 'string') return this.drop(watch, path);
    if (ttl < leastTtlOf(watch.order)) return watch.drop('ttl');
    watch.received(packet);
    this.needRows();
  }

  /** Where the sender is a peer, its session shows what is wrong with its packets. */
  private drop(reason: DropReason, path?: Path): void {
    const watch = path && this.demux.at(path);
    if (watch) watch.drop(reason);
    else this.dropped[reason] = (this.dropped[reason] ?? 0) + 1;
    this.needRows();
  }

  private tell(watch: Watch, news: BfdNews): void {
    watch.dirty = true;
    const { order, heardMs } = watch;
    this.post({ type: 'bfdNews', key: order.key, news, view: watch.view(), atMs: this.network.nowMs(), heardMs });
  }

  private needRows(): void {
    this.rowsDueMs ??= this.network.nowMs() + ROWS_MS;
  }

  /** When `tick` has something to do; undefined when never. */
  nextDueMs(): number | undefined {
    let due = Math.min(this.checkDueMs ?? Number.POSITIVE_INFINITY, this.rowsDueMs ?? Number.POSITIVE_INFINITY);
    for (const watch of this.watches.values()) due = Math.min(due, watch.dueMs ?? Number.POSITIVE_INFINITY);
    return due === Number.POSITIVE_INFINITY ? undefined : due;
  }

  tick(): void {
    const nowMs = this.network.nowMs();
    let lateMs = 0;
    const over = (due: number | undefined) => due !== undefined && due <= nowMs;
    const watches = [...this.watches.values()];
    if (watches.some((watch) => over(watch.detectDueMs))) {
      lateMs = nowMs - this.nextDueMs()!;
      for (const ear of [...this.ears.all]) this.drain(ear);
    }
    for (const watch of watches)
      if (over(watch.dueMs)) {
        watch.do({ type: 'tick', lateMs }, nowMs);
        this.needRows();
      }
    const left = this.forgetLeft();
    if (this.widened) this.post({ type: 'bfdWidened', ...this.widened });
    this.widened = undefined;
    if (left || over(this.checkDueMs)) this.reconcile();
    if (over(this.rowsDueMs)) this.report();
  }

  private report(): void {
    this.rowsDueMs = undefined;
    for (const ear of this.ears.all) this.blame(ear, ear.receiver.takeDrops());
    const rows: BfdRow[] = [];
    for (const watch of this.watches.values()) {
      if (!watch.dirty || watch.leaving) continue;
      watch.dirty = false;
      rows.push({ key: watch.order.key, view: watch.view(), problem: watch.problem });
    }
    this.post({ type: 'bfdRows', rows, dropped: { ...this.dropped }, late: this.late.totals });
  }

  /** What the kernel dropped was most likely for a session that is not Up; for which of several is not known. */
  private blame(ear: Ear, drops: number): void {
    if (drops === 0) return;
    const those = [...this.watches.values()].filter(
      ({ order, isUp, leaving }) => !isUp && !leaving && earKey(earOf(order)) === earKey(ear.options),
    );
    for (const watch of those) watch.drop('ttl', drops);
    if (those.length === 0) this.dropped.ttl = (this.dropped.ttl ?? 0) + drops;
  }

  close(): void {
    // Peers should not take the end of this process for a failure of the path.
    for (const watch of this.watches.values()) {
      watch.do({ type: 'disable', diagnostic: Diagnostic.administrativelyDown });
      watch.sender?.close();
    }
    this.watches.clear();
    this.ears.closeAll();
  }
}

const leastTtlOf = ({ hops, settings }: BfdOrder): number => (hops === 'single' ? SINGLE_HOP_TTL : settings.minimumTtl);

const earOf = (order: BfdOrder): EarOptions => ({
  family: order.peer.family,
  hops: order.hops,
  device: order.vrf,
  minTtl: leastTtlOf(order),
});

const pathOf = ({ order: { hops, peer, vrf }, scope }: Watch): Path => ({ hops, peer, scope, device: vrf });

/** The kernel's sockets, for a loop that waits with this poller. */
export const kernelBfd = (poller: Pick<Poller, 'watch' | 'unwatch'>, nowMs: () => number): BfdNetwork => ({
  listen({ family, hops, device, minTtl }) {
    const port = hops === 'single' ? SINGLE_HOP_PORT : MULTIHOP_PORT;
    return new BfdReceiver({ family, port, minTtl, ...(device !== '' && { device }) });
  },
  sender({ hops, device, ...place }) {
    const port = hops === 'single' ? SINGLE_HOP_PORT : MULTIHOP_PORT;
    return new BfdSender({ ...place, port, ...(device !== '' && { device }) });
  },
  interfaceIndex: sysInterfaceIndex,
  watch: ({ fd }, ready) => poller.watch(fd, { ready }),
  unwatch: ({ fd }) => poller.unwatch(fd),
  nowMs,
  random,
});
