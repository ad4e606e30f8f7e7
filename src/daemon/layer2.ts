/**
 * Layer 2 as the daemon sees it: decisions and interfaces become numbered snapshots for the fast worker, and what that
 * reports becomes log lines, counters and the rows of `show l2`.
 *
 * Nothing is started before some L2Advertisement exists. The worker gets nothing before every Service was decided once,
 * as peers do not; from then on a snapshot goes out whenever decisions have settled, and at once when an interface changes.
 */
import type { Configuration } from '../config/model.ts';
import type { Reason } from '../intent/reason.ts';
import type { ServiceDecision } from '../intent/service.ts';
import type { Logger } from '../io/log.ts';
import type { Port } from '../l2/link.ts';
import { DEFAULT_SCHEDULE } from '../l2/schedule.ts';
import type { AddressCounters, Announced, ConflictReport, DropCounters } from '../l2/snapshot.ts';
import { type Address, formatAddress } from '../lib/address.ts';
import { Addresses } from './addresses.ts';
import { Claims, claimTexts } from './claims.ts';
import { Complaints } from './complaints.ts';
import { portsOf } from './fast/ports.ts';
import type { Report } from './fast/protocol.ts';
import type { FastShare } from './fast/share.ts';
import type { FastEvents, FastWorker } from './fast/worker.ts';
import { Links, type LinksEvents } from './links.ts';
import { Responders } from './responders.ts';
import { Takeovers, takenText } from './takeover.ts';

export interface Layer2Options {
  readonly log: Logger;
  /** The worker has ended by itself: the process must not go on. */
  failed(error: Error): void;
  /** Another host claims an address that is announced here, or no longer. */
  claimed?(report: ConflictReport, text: string): void;
  /** What a node that is gone had of this one's is announced. */
  takenOver?(node: string, text: string): void;
  /** What it is made of. */
  readonly parts: Parts;
}

type AllLinks = Pick<Links, 'all' | 'close' | 'moves'>;
type Worker = Pick<FastWorker, 'apply' | 'stop'>;

/** Both throw where this system has no such thing. */
export interface Parts {
  links(events: LinksEvents): AllLinks;
  worker(events: FastEvents): Worker;
}

export const realParts = (fast: FastShare): Parts => ({
  links: (events) => new Links(events),
  worker: (events) => fast.join(events),
});

export class Layer2 {
  private readonly log: Logger;
  private readonly failed: (error: Error) => void;
  private readonly claimed: Layer2Options['claimed'];
  private readonly addresses = new Addresses();
  private readonly parts: Parts;
  private links: AllLinks | undefined;
  private worker: Worker | undefined;
  private config: Configuration | undefined;
  private exclude: readonly RegExp[] = [];
  /** Every Service was decided at least once. */
  private begun = false;
  /** Something was decided or configured that the worker does not know of. */
  private changed = false;
  private number = 0;
  private renewals = 0;
  /** The last snapshot that the worker has in force. */
  private applied = 0;
  private readonly responders = new Responders();
  private readonly counted = new Map<string, AddressCounters>();
  /** By interface. */
  private readonly dropped = new Map<string, DropCounters>();
  private readonly claims = new Claims();
  private readonly complaints: Complaints;
  readonly takeovers: Takeovers;

  constructor({ log, failed, claimed, takenOver, parts }: Layer2Options) {
    this.log = log;
    this.complaints = new Complaints(log);
    this.failed = failed;
    this.claimed = claimed;
    this.parts = parts;
    this.takeovers = new Takeovers((taken) => {
      const [failoverMs, takeoverMs] = [Math.round(taken.failoverMs), Math.round(taken.takeoverMs)];
      log.info({ ...taken, failoverMs, takeoverMs }, 'the addresses of another node are taken over');
      takenOver?.(taken.node, takenText(taken));
    });
  }

  /** A configuration is in force, whose decisions will follow. */
  configure(config: Configuration): void {
    this.config = config;
    this.changed = true;
    this.exclude = config.excludedInterfaces.map((pattern) => new RegExp(pattern));
    if (config.layer2Advertisements.length > 0 && this.worker === undefined) this.start();
  }

  /** A Service was decided; undefined: it is gone. */
  decided(key: string, decision: ServiceDecision | undefined, before?: ServiceDecision): void {
    const announced = decision?.layer2.announced === true;
    if (announced) this.takeovers.decided(decision, before, (ip) => this.addresses.has(ip));
    this.addresses.set(key, announced ? decision.ips : [], announced ? decision.layer2.interfaces : []);
    this.changed = true;
  }

  /** All decisions are up to date. */
  settled(): void {
    this.begun = true;
    this.takeovers.settled();
    if (this.changed) this.post();
  }

  /**
   * Another node may have announced the same: what this one announces is announced anew once decisions have settled, or, with
   * stickiness, asked for, as each of them takes itself for the one that has it.
   */
  renew(): void {
    this.renewals++;
    this.changed = true;
  }

  async stop(): Promise<void> {
    const { worker } = this;
    this.links?.close();
    this.links = undefined;
    this.worker = undefined;
    await worker?.stop();
  }

  /** Since an address was first announced, for those that are. */
  counters(): Iterable<AddressCounters> {
    return this.counted.values();
  }

  /** Frames that were not answered, by interface. */
  drops(): Iterable<DropCounters> {
    return this.dropped.values();
  }

  /** Addresses of ours that other hosts claim. */
  conflicts(): ReturnType<Claims['all']> {
    return this.claims.all();
  }

  /** An address of a Service as `show l2` has it. */
  row(ip: string, family: 4 | 6, { key, layer2 }: ServiceDecision) {
    const counted = this.counted.get(ip);
    const able = layer2.announced ? this.able(layer2.interfaces, family) : [];
    const claims = this.claims.of(ip);
    const interfaces = (this.isTaken(ip) ? able : [])
      .filter((port) => this.responders.isOn(port, family) && (claims.get(port.name)?.stage ?? 'begin') === 'begin')
      .map(({ name }) => name)
      .sort();
    return {
      ip,
      service: key,
      interfaces,
      announced: interfaces.length > 0,
      reason: layer2.announced ? this.obstacle(ip, able, interfaces) : (layer2.reason ?? null),
      owner: layer2.owner ?? null,
      requests: counted?.requests ?? 0,
      replies: counted?.responses ?? 0,
      gratuitous: counted?.gratuitous ?? 0,
      conflicts: counted?.claims ?? 0,
      claimedBy: [...claims].map(([name, { mac }]) => ({ interface: name, mac })),
    };
  }

  private obstacle(ip: string, able: readonly Port[], left: readonly string[]): Reason | null {
    if (this.worker === undefined) return 'announcerUnavailable';
    if (able.length === 0) return 'announceFailed';
    if (left.length > 0) return null;
    const stages = [...this.claims.of(ip).values()].map(({ stage }) => stage);
    if (stages.includes('yield')) return 'addressClaimed';
    return stages.includes('defer') ? 'heldElsewhere' : 'announcePending';
  }

  /** The worker has it in force; and, where it asks first whether another node has the address, has announced it. */
  private isTaken(ip: string): boolean {
    const announced = (this.counted.get(ip)?.gratuitous ?? 0) > 0;
    return this.addresses.wasIn(this.applied, ip) && (announced || !this.config?.speaker.layer2.stickiness);
  }

  /** Another host has the address of this Service on every interface that it is to be announced on. */
  yielded(ip: Address, decision: ServiceDecision): boolean {
    const text = formatAddress(ip);
    if (this.claims.of(text).size === 0) return false;
    const { reason } = this.row(text, ip.family, decision);
    return reason === 'addressClaimed' || reason === 'heldElsewhere';
  }

  private able(wanted: Announced['interfaces'], family: 4 | 6): Port[] {
    return this.worker === undefined ? [] : this.responders.able(wanted, family);
  }

  private start(): void {
    const { log } = this;
    try {
      this.links = this.parts.links({
        changed: () => this.post(),
        problem: (reason) => log.warn({ reason }, 'the interfaces cannot be read: tried again'),
      });
      this.worker = this.parts.worker({
        report: (report) => this.report(report),
        failed: (error) => this.failed(error),
      });
    } catch (error) {
      this.links?.close();
      this.links = undefined;
      log.error({ reason: (error as Error).message }, 'layer 2 does not work here: no address is announced there');
    }
  }

  /** Hands over everything there is to do. */
  private post(): void {
    const { worker, links, config } = this;
    if (!this.begun || worker === undefined || links === undefined || config === undefined) return;
    const found = portsOf(links.all, this.exclude, links.moves);
    const isNews = this.responders.found(found);
    // A snapshot is work for the worker.
    if (!this.changed && !isNews) return;
    this.changed = false;
    this.forgetGone();
    const { gratuitousIntervalMs, conflict, stickiness, reception } = config.speaker.layer2;
    const number = ++this.number;
    worker.apply({
      number,
      ports: found.ports,
      macs: found.macs,
      addresses: this.addresses.announced(number),
      rules: {
        schedule: { ...DEFAULT_SCHEDULE, refreshMs: gratuitousIntervalMs },
        ...{ conflict, stickiness, reception },
      },
      renewals: this.renewals,
    });
    this.tellLacking();
  }

  /**
   * What is known of addresses that are announced no longer. Not before a snapshot leaves: one that another Service has in the
   * same breath stays what it is to the worker, which tells nothing of it again.
   */
  private forgetGone(): void {
    const isOurs = (ip: string) => this.addresses.has(ip);
    this.claims.keep(isOurs);
    this.takeovers.keep(isOurs);
    for (const ip of this.counted.keys()) if (!isOurs(ip)) this.counted.delete(ip);
  }

  private report(report: Report): void {
    switch (report.type) {
      case 'ready':
        if (report.realtime !== true)
          this.log.info({ reason: report.realtime }, 'layer 2 runs without real-time priority');
        return;
      case 'applied':
        this.applied = report.number;
        this.responders.heard(report.ports);
        for (const name of this.dropped.keys()) if (!this.responders.has(name)) this.dropped.delete(name);
        this.complaints.sockets(report.ports);
        this.tellLacking();
        return;
      case 'counters':
        for (const counters of report.addresses) {
          const { ip, firstMs } = counters;
          if (!this.addresses.has(ip)) continue;
          this.counted.set(ip, counters);
          if (firstMs !== undefined) this.takeovers.announced(ip, firstMs);
        }
        for (const drops of report.drops) this.dropped.set(drops.interface, drops);
        return;
      case 'conflict':
        this.conflict(report);
    }
  }

  private conflict(report: ConflictReport): void {
    const { ip, interface: name, mac, stage } = report;
    this.claims.take(report);
    // It was not without anybody.
    if (stage === 'defer') this.takeovers.forget(ip);
    this.log[stage === 'begin' || stage === 'yield' ? 'warn' : 'info']({ ip, interface: name, mac }, claimTexts[stage]);
    this.claimed?.(report, claimTexts[stage]);
  }

  /** Interfaces that advertisements ask for, where none of them can answer. */
  private tellLacking(): void {
    const groups = this.addresses.groups();
    const lacking = groups.filter(({ interfaces, family }) => this.able(interfaces, family).length === 0);
    this.complaints.lacking(lacking, (name, family) => this.responders.unable(name, family));
  }

  /** Interfaces that could be meant, with why each does not answer: absent, down, excluded, enslaved, EPERM … */
  lacking({ layer2: { interfaces } }: ServiceDecision, family: 4 | 6): ReturnType<Responders['lacking']> {
    return this.responders.lacking(interfaces, family);
  }
}
