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
import { portsOf } from './fast/ports.ts';
import type { PortStatus, Report } from './fast/protocol.ts';
import type { FastShare } from './fast/share.ts';
import type { FastEvents, FastWorker } from './fast/worker.ts';
import { Links, type LinksEvents } from './links.ts';

export interface Layer2Options {
  readonly log: Logger;
  /** The worker has ended by itself: the process must not go on. */
  failed(error: Error): void;
  /** Another host claims an address that is announced here, or no longer. */
  claimed?(report: ConflictReport, text: string): void;
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

/** Another host claims an address of ours. */
interface Claim {
  readonly mac: string;
  readonly stage: 'begin' | 'yield' | 'defer';
}

const protocols = ['arp', 'ndp'] as const;

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
  private ports: readonly Port[] = [];
  /** What the worker said last of each interface, by name. */
  private status = new Map<string, PortStatus>();
  private readonly counted = new Map<string, AddressCounters>();
  /** By interface. */
  private readonly dropped = new Map<string, DropCounters>();
  /** By address and interface. */
  private readonly claims = new Map<string, Map<string, Claim>>();
  /** What was logged as wrong and is so still: by interface and protocol, or by interfaces that were asked for. */
  private readonly told = new Map<string, string>();

  constructor({ log, failed, claimed, parts }: Layer2Options) {
    this.log = log;
    this.failed = failed;
    this.claimed = claimed;
    this.parts = parts;
  }

  /** A configuration is in force, whose decisions will follow. */
  configure(config: Configuration): void {
    this.config = config;
    this.changed = true;
    this.exclude = config.excludedInterfaces.map((pattern) => new RegExp(pattern));
    if (config.layer2Advertisements.length > 0 && this.worker === undefined) this.start();
  }

  /** A Service was decided; undefined: it is gone. */
  decided(key: string, decision: ServiceDecision | undefined): void {
    const announced = decision?.layer2.announced === true;
    const gone = this.addresses.set(key, announced ? decision.ips : [], announced ? decision.layer2.interfaces : []);
    this.changed = true;
    for (const ip of gone) {
      this.counted.delete(ip);
      this.claims.delete(ip);
    }
  }

  /** All decisions are up to date. */
  settled(): void {
    this.begun = true;
    if (this.changed) this.post();
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
  *conflicts(): Generator<{ readonly ip: string; readonly interface: string } & Claim> {
    for (const [ip, found] of this.claims) for (const [name, claim] of found) yield { ip, interface: name, ...claim };
  }

  /** An address of a Service as `show l2` has it. */
  row(ip: string, family: 4 | 6, { key, layer2 }: ServiceDecision) {
    const counted = this.counted.get(ip);
    const found = layer2.announced ? this.answering(layer2.interfaces, family) : [];
    const claims = this.claims.get(ip);
    const interfaces = found.filter((name) => (claims?.get(name)?.stage ?? 'begin') === 'begin');
    return {
      ip,
      service: key,
      interfaces,
      announced: interfaces.length > 0,
      reason: layer2.announced ? this.obstacle(ip, found, interfaces) : (layer2.reason ?? null),
      owner: layer2.owner ?? null,
      requests: counted?.requests ?? 0,
      replies: counted?.responses ?? 0,
      gratuitous: counted?.gratuitous ?? 0,
      conflicts: counted?.claims ?? 0,
      claimedBy: [...(claims ?? [])].map(([name, { mac }]) => ({ interface: name, mac })),
    };
  }

  private obstacle(ip: string, found: readonly string[], left: readonly string[]): Reason | null {
    if (this.worker === undefined) return 'announcerUnavailable';
    if (found.length === 0) return 'announceFailed';
    if (left.length > 0) return null;
    const claims = [...(this.claims.get(ip)?.values() ?? [])];
    return claims.some(({ stage }) => stage === 'yield') ? 'addressClaimed' : 'heldElsewhere';
  }

  /** Another host has the address of this Service on every interface that it is to be announced on. */
  yielded(ip: Address, decision: ServiceDecision): boolean {
    const { reason } = this.row(formatAddress(ip), ip.family, decision);
    return reason === 'addressClaimed' || reason === 'heldElsewhere';
  }

  /** Names of the interfaces that answer for an address of this family, sorted. */
  private answering(wanted: Announced['interfaces'], family: 4 | 6): string[] {
    const protocol = family === 4 ? 'arp' : 'ndp';
    if (this.worker === undefined) return [];
    return this.ports
      .filter((port) => port.running && port[protocol] && (wanted === 'all' || wanted.includes(port.name)))
      .filter(({ name }) => ['on', 'off'].includes(this.status.get(name)?.[protocol] ?? 'on'))
      .map(({ name }) => name)
      .sort();
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
    const { ports, macs } = portsOf(links.all, this.exclude, links.moves);
    this.ports = ports;
    this.changed = false;
    const { gratuitousIntervalMs, conflict, stickiness } = config.speaker.layer2;
    worker.apply({
      number: ++this.number,
      ports,
      macs,
      addresses: this.addresses.announced(),
      rules: {
        schedule: { ...DEFAULT_SCHEDULE, refreshMs: gratuitousIntervalMs },
        ...{ conflict, stickiness, reception: 'normal' },
      },
    });
    this.tellMissing();
  }

  private report(report: Report): void {
    switch (report.type) {
      case 'ready':
        if (report.realtime !== true)
          this.log.info({ reason: report.realtime }, 'layer 2 runs without real-time priority');
        return;
      case 'applied':
        this.status = new Map(report.ports.map((port) => [port.name, port]));
        for (const name of this.dropped.keys()) if (!this.status.has(name)) this.dropped.delete(name);
        this.tellStatus(report.ports);
        this.tellMissing();
        return;
      case 'counters':
        for (const counters of report.addresses)
          if (this.addresses.has(counters.ip)) this.counted.set(counters.ip, counters);
        for (const drops of report.drops) this.dropped.set(drops.interface, drops);
        return;
      case 'conflict':
        this.conflict(report);
    }
  }

  private conflict(report: ConflictReport): void {
    const { ip, interface: name, mac, stage } = report;
    const fields = { ip, interface: name, mac };
    const claims = this.claims.get(ip) ?? new Map<string, Claim>();
    if (stage === 'end') claims.delete(name);
    // It is announced again when a claim has ended, and also when it stands but is no longer given way to.
    else if (stage !== 'resume') claims.set(name, { mac, stage });
    else if (claims.has(name)) claims.set(name, { mac, stage: 'begin' });
    if (claims.size > 0 && this.addresses.has(ip)) this.claims.set(ip, claims);
    else this.claims.delete(ip);
    this.log[stage === 'begin' || stage === 'yield' ? 'warn' : 'info'](fields, conflictTexts[stage]);
    this.claimed?.(report, conflictTexts[stage]);
  }

  /** Sockets that cannot be had, once each. */
  private tellStatus(ports: readonly PortStatus[]): void {
    for (const port of ports)
      for (const protocol of protocols) {
        const reason = port[protocol];
        const failed = reason !== 'on' && reason !== 'off';
        const fields = { interface: port.name, protocol, reason };
        const remedy = reason === 'EPERM' ? ': CAP_NET_RAW is needed' : '';
        if (this.news(`${port.name} ${protocol}`, failed ? reason : undefined))
          if (failed) this.log.warn(fields, `addresses cannot be announced on this interface${remedy}`);
          else this.log.info(fields, 'addresses can be announced on this interface again');
      }
  }

  /** Interfaces that advertisements ask for, where none of them can answer. */
  private tellMissing(): void {
    const lacking = new Set<string>();
    for (const { interfaces, family, first, count } of this.addresses.groups()) {
      if (this.answering(interfaces, family).length > 0) continue;
      const key = `ipv${family} ${interfaces === 'all' ? '' : interfaces.join()}`;
      lacking.add(key);
      if (!this.news(key, 'announceFailed')) continue;
      const fields = { reason: 'announceFailed', interfaces, ip: formatAddress(first), addresses: count };
      this.log.warn(fields, 'no interface that may answer exists and is up');
    }
    for (const [key, what] of this.told) if (what === 'announceFailed' && !lacking.has(key)) this.told.delete(key);
  }

  /** Whether this is another problem (or none) than was told last under the key. */
  private news(key: string, problem: string | undefined): boolean {
    if (this.told.get(key) === problem) return false;
    if (problem === undefined) this.told.delete(key);
    else this.told.set(key, problem);
    return true;
  }
}

const conflictTexts = {
  begin: 'another host claims an address that is announced here',
  yield: 'another host claims the address: silent for now',
  defer: 'another node has the address and keeps it',
  resume: 'the address is announced again',
  end: 'no other host claims the address any more',
} as const;
