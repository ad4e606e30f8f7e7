/**
 * BFD as the daemon sees it: what peers and members of the cluster ask for becomes sessions in the fast worker, and what that
 * reports becomes news for them, log lines, counters and the rows of `show bfd`.
 *
 * Nothing is started before somebody asks for BFD. The worker runs the sessions by itself: this thread may be busy for as
 * long as it likes, and learns a moment later what happened.
 */
import { type DropReason, diagnosticName } from '../bfd/packet.ts';
import type { SessionView } from '../bfd/view.ts';
import type { PeerSettings } from '../bgp/settings.ts';
import type { MemberPath } from '../config/membership.ts';
import { type WantedBfd, wantedBfd } from '../intent/bfd.ts';
import { monotonicMs } from '../io/clock.ts';
import type { Logger } from '../io/log.ts';
import { type Address, formatAddress } from '../lib/address.ts';
import { equal } from '../lib/diff.ts';
import type { LateCounts } from '../lib/late.ts';
import type { BfdNews, BfdOrder, BfdReport, Report } from './fast/protocol.ts';
import type { FastEvents, FastWorker } from './fast/worker.ts';
import type { Loss } from './takeover.ts';

type Worker = Pick<FastWorker, 'watch' | 'stop'>;

export interface BfdOptions {
  readonly log: Logger;
  /** Throws where this system has no such thing. */
  worker(events: FastEvents): Worker;
  /** The worker has ended by itself: the process must not go on. */
  failed(error: Error): void;
  /** Says of an address whether it is on a link of ours, as the interfaces are now. */
  onLinkTest(): (address: Address) => boolean;
  /** The path to the peer works; or the peer has taken its session down on purpose, which says nothing of the path. */
  up(peer: string): void;
  /** It does not. `independent`: and that is not since the peer's control plane restarts. */
  down(peer: string, reason: string, independent: boolean): void;
  /** The session with the speaker of another node is up, or is no more. `loss`: just now. */
  member(node: string, up: boolean, discriminator: number, reason: string, loss?: Loss): void;
  /** For the journal: a session came up or went down. */
  happened(peer: string, event: string, reason: string): void;
}

export interface BfdSession {
  readonly wanted: WantedBfd;
  readonly view: SessionView | undefined;
  /** Why nothing of it is on the wire. */
  readonly problem: string | undefined;
  /** When its state changed last, on the clock of `monotonicMs`. */
  readonly changedMs: number | undefined;
}

/** Between looks at where peers are, ms. */
const CHECK_MS = 1_000;

export class Bfd {
  private readonly options: BfdOptions;
  private worker: Worker | undefined;
  private sessions = new Map<string, BfdSession>();
  /** By peer. */
  private keys = new Map<string, string>();
  /** By node. */
  private nodes = new Map<string, string>();
  private peers: readonly PeerSettings[] = [];
  private members: readonly MemberPath[] = [];
  /** Addresses that were seen to be on a link of ours: a link that goes down takes no session's kind with it. */
  private readonly neighbours = new Set<string>();
  private broken = false;
  private due = false;
  private timer: NodeJS.Timeout | undefined;
  /** Of packets that belong to no session, by reason. */
  dropped: Readonly<Partial<Record<DropReason, number>>> = {};
  late: LateCounts | undefined;

  constructor(options: BfdOptions) {
    this.options = options;
  }

  /** These are the peers there are, of which those that want BFD get it, and the members of the cluster to be watched. */
  want(peers: Iterable<PeerSettings>, members: readonly MemberPath[] = []): void {
    this.peers = [...peers].filter(({ bfd }) => bfd !== undefined);
    this.members = members;
    this.reconcile();
  }

  /** As `want`, once for all that changes in this turn: peers come and go by the dozen when a configuration does. */
  wantSoon(wanted: () => Parameters<Bfd['want']>): void {
    if (this.due) return;
    this.due = true;
    queueMicrotask(() => {
      this.due = false;
      this.want(...wanted());
    });
  }

  /** Not every member can be heard from here, for a reason that lies here. */
  get isDeaf(): boolean {
    if (this.broken) return true;
    return [...this.sessions.values()].some(
      ({ wanted, problem }) => wanted.members.length > 0 && problem !== undefined,
    );
  }

  /** Peers whose sessions are of the wrong kind may have been found on a link since. */
  private check(): void {
    const undecided = [...this.sessions.values()].some(({ wanted, view }) => wanted.hops === 'multi' && !isUp(view));
    if (undecided) this.reconcile();
  }

  private reconcile(): void {
    const idle = this.peers.length === 0 && this.members.length === 0;
    if (this.worker === undefined && (idle || !this.start())) return;
    const isOnLink = this.options.onLinkTest();
    const onLink = (address: Address): boolean => {
      const text = formatAddress(address);
      if (!this.neighbours.has(text) && isOnLink(address)) this.neighbours.add(text);
      return this.neighbours.has(text);
    };
    const wanted = wantedBfd(this.peers, this.members, onLink);
    const before = new Map([...this.sessions].map(([key, session]) => [key, session.wanted]));
    const { keys: known, nodes } = this;
    this.keys = new Map([...wanted].flatMap(([key, { users }]) => users.map((user) => [user, key] as const)));
    this.nodes = new Map([...wanted].flatMap(([key, { members }]) => members.map((node) => [node, key] as const)));
    if (equal(before, wanted)) return;
    this.sessions = new Map(
      [...wanted].map(([key, one]) => {
        const { view, problem, changedMs } = this.sessions.get(key) ?? {};
        return [key, { wanted: one, view, problem, changedMs }];
      }),
    );
    this.worker!.watch([...wanted].map(([key, { users: _, members: __, ...order }]): BfdOrder => ({ key, ...order })));
    // Who comes to a session that is up already, as under another name, hears no news of it.
    for (const [user, key] of this.keys)
      if (known.get(user) !== key && permitted(this.sessions.get(key)?.view)) this.options.up(user);
    for (const [node, key] of this.nodes)
      if (nodes.get(node) !== key) this.tellMembers([node], this.sessions.get(key)?.view);
  }

  private start(): boolean {
    if (this.broken) return false;
    const { log, failed, worker } = this.options;
    try {
      this.worker = worker({ report: (report) => this.report(report), failed });
      this.timer = setInterval(() => this.check(), CHECK_MS).unref();
      return true;
    } catch (error) {
      this.broken = true;
      log.error({ reason: (error as Error).message }, 'BFD does not work here: no path is watched');
      return false;
    }
  }

  /** Ends all sessions, with the peers being told. */
  async stop(): Promise<void> {
    const { worker } = this;
    clearInterval(this.timer);
    this.worker = undefined;
    await worker?.stop();
  }

  /** In order. */
  get all(): Iterable<BfdSession> {
    return this.sessions.values();
  }

  /** That of a peer; undefined where it wants none. */
  of(peer: string): BfdSession | undefined {
    return this.sessions.get(this.keys.get(peer) ?? '');
  }

  /** The peer's session does not keep BGP waiting: it is up, or the peer does not want it to be. */
  permits(peer: string): boolean {
    return permitted(this.of(peer)?.view);
  }

  private report(report: Report): void {
    switch (report.type) {
      case 'ready':
        if (report.realtime !== true)
          this.options.log.info({ reason: report.realtime }, 'BFD runs without real-time priority');
        return;
      case 'bfdNews':
        return this.news(report);
      case 'bfdWidened': {
        const { sessions, lateMs, txMs } = report;
        const text = 'BFD was kept from sending: packets leave less often for a minute, and failures are seen later';
        this.options.log.warn({ sessions, lateMs: Math.round(lateMs), txIntervalMs: txMs }, text);
        return;
      }
      case 'bfdRows':
        this.dropped = report.dropped;
        this.late = report.late;
        for (const { key, view, problem } of report.rows) this.row(key, view, problem);
    }
  }

  private row(key: string, view: SessionView, problem: string | undefined): void {
    const session = this.sessions.get(key);
    if (session === undefined) return;
    this.sessions.set(key, { ...session, view, problem });
    // A peer whose session was never up, and that says it is disabled, keeps nobody waiting; no state changes for it.
    if (permitted(view) && !permitted(session.view)) for (const user of session.wanted.users) this.options.up(user);
    if (problem === session.problem) return;
    const fields = { ...fieldsOf(session), ...(problem !== undefined && { reason: problem }) };
    if (problem === undefined) this.options.log.info(fields, 'BFD can watch the path again');
    else this.options.log.error(fields, `BFD cannot watch the path${remedies.get(problem) ?? ''}`);
  }

  private news({ key, news, view, atMs, heardMs }: Extract<BfdReport, { type: 'bfdNews' }>): void {
    const session = this.sessions.get(key);
    if (session === undefined) return;
    const moved = news.type === 'changed';
    const now: BfdSession = { ...session, view, changedMs: moved ? monotonicMs() : session.changedMs };
    this.sessions.set(key, now);
    this.log(now, view, session.view, news);
    if (!moved) return;
    const { up, down } = this.options;
    const ended = news.fault ? spelled(news.diagnostic) : 'it says so';
    const loss = news.from === 'Up' && heardMs !== undefined ? { heardMs, noticedMs: atMs } : undefined;
    this.tellMembers(session.wanted.members, view, isUp(view) ? '' : ended, loss);
    if (news.fault) {
      const reason = `BFD: ${spelled(news.diagnostic)}`;
      for (const user of session.wanted.users) down(user, reason, news.independent);
    } else if (permitted(view)) for (const user of session.wanted.users) up(user);
  }

  private tellMembers(nodes: readonly string[], view: SessionView | undefined, reason = '', loss?: Loss): void {
    for (const node of nodes) this.options.member(node, isUp(view), view?.remoteDiscriminator ?? 0, reason, loss);
  }

  private log(session: BfdSession, view: SessionView, before: SessionView | undefined, news: BfdNews): void {
    const { log } = this.options;
    const fields = fieldsOf(session);
    const { txIntervalMs, rxIntervalMs, detectMs } = view;
    switch (news.type) {
      case 'changed':
        if (news.to === 'Up') {
          log.info({ ...fields, txIntervalMs, rxIntervalMs, detectMs }, 'BFD session up');
          this.journal(session, 'BFD session up', '');
        } else if (news.fault || (news.from === 'Up' && view.state !== 'AdminDown')) {
          const reason = news.fault ? spelled(news.diagnostic) : 'the peer has disabled it';
          log[news.fault ? 'warn' : 'info']({ ...fields, reason }, 'BFD session down');
          this.journal(session, 'BFD session down', reason);
        } else log.debug({ ...fields, from: news.from, to: news.to }, 'BFD session state');
        return;
      case 'negotiated':
        // They were told with the session coming up.
        if (sameIntervals(before, view)) return;
        return void log.info({ ...fields, txIntervalMs, rxIntervalMs, detectMs }, 'BFD intervals agreed on');
      case 'remoteChanged':
        return void log.info(fields, 'BFD of the peer was started anew');
      case 'remoteDemand':
        return void log.info({ ...fields, demand: news.demand }, 'the peer wants BFD packets on demand only, or again');
      case 'narrowed':
        return void log.info({ ...fields, txIntervalMs: news.txMs }, 'BFD packets leave as often as configured again');
    }
  }

  private journal({ wanted }: BfdSession, event: string, reason: string): void {
    for (const user of wanted.users) this.options.happened(user, event, reason);
  }
}

const sameIntervals = (a: SessionView | undefined, b: SessionView): boolean =>
  a?.txIntervalMs === b.txIntervalMs && a.rxIntervalMs === b.rxIntervalMs && a.detectMs === b.detectMs;

const isUp = (view: SessionView | undefined): boolean => view?.state === 'Up';

/** RFC 5882 §4.2: a session that is down on purpose says nothing of the path. */
const permitted = (view: SessionView | undefined): boolean =>
  view !== undefined && (isUp(view) || (view.remoteDiscriminator !== 0 && view.remoteState === 'AdminDown'));

const fieldsOf = ({ wanted: { users, members, peer, vrf, hops } }: BfdSession) => ({
  ...(users.length > 0 && { peer: users.length === 1 ? users[0] : users }),
  ...(members.length > 0 && { node: members.length === 1 ? members[0] : members }),
  address: formatAddress(peer),
  ...(vrf !== '' && { vrf }),
  ...(hops === 'multi' && { multihop: true }),
});

/** `control detection time expired` */
export const spelled = (diagnostic: number): string =>
  diagnosticName(diagnostic).replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

const remedies = new Map([
  ['EADDRINUSE', ': another process has its port; is there a BFD daemon beside this one?'],
  ['EADDRNOTAVAIL', ': the source address is not there'],
  ['ENODEV', ': the interface is not there'],
  ['EPERM', ': CAP_NET_RAW is needed'],
]);
