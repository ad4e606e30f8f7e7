/** Tells what happens, in the same words to the log, the journal and the metrics. */

import type { AddressFamily } from '../bgp/const.ts';
import type { State } from '../bgp/fsm.ts';
import type { AttributeFault } from '../bgp/scan.ts';
import { STOPPED } from '../bgp/session.ts';
import { MAX_PATHS_OF_PEER } from '../bgp/source.ts';
import { formatDiagnostic } from '../config/format.ts';
import type { SkippedPeer } from '../intent/peers.ts';
import type { ServiceDecision } from '../intent/service.ts';
import type { Verdict } from '../intent/verdict.ts';
import { monotonicMs } from '../io/clock.ts';
import type { Logger } from '../io/log.ts';
import type { ConflictReport } from '../l2/snapshot.ts';
import { formatAddress } from '../lib/address.ts';
import { formatPrefix, type Prefix } from '../lib/prefix.ts';
import type { PassedOver } from '../netlink/unreadable.ts';
import { errorsFirst, type Reading } from './documents.ts';
import { type EventKind, Journal } from './journal.ts';
import type { Peer } from './peer.ts';
import { Quota } from './quota.ts';
import { attributeName } from './routes.ts';
import { Tally } from './tally.ts';

/** Diagnostics logged of one reading. */
const MAX_COMPLAINTS = 100;
/** Of one peer, and of all callers that are no peers, within a minute. */
const MAX_FAULTS = 20;
const MAX_STRANGERS = 100;

const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

const objects = {
  link: 'a link',
  address: 'an address',
  route: 'a route',
  rule: 'a policy rule',
  neighbour: 'a neighbour',
  nextHop: 'a next-hop object',
} as const satisfies Record<PassedOver['kind'], string>;

type Decisions = readonly [before: ServiceDecision | undefined, after: ServiceDecision | undefined];

export class Chronicle {
  readonly journal = new Journal();
  /** How many Services stand where. */
  readonly tally = new Tally();
  private readonly log: Logger;
  /** Diagnostics of the last reading, as they were logged. */
  private told: ReadonlySet<string> = new Set();
  private readonly faults = new WeakMap<Peer, Quota>();
  private readonly strangers = new Quota(MAX_STRANGERS);

  constructor(log: Logger) {
    this.log = log;
  }

  session(peer: string, from: State, to: State, reason: string): void {
    const { log } = this;
    const fields = { peer, from, to, ...(reason && { reason }) };
    const down = to === 'Idle' || to === 'Active';
    const tell = (level: 'info' | 'warn', event: string) => {
      log[level](fields, event);
      this.journal.add({ kind: 'session', subject: peer, event, reason, detail: `${from} → ${to}` });
    };
    if (to === 'Established') tell('info', 'session up');
    else if (from === 'Established') tell('info', 'session down');
    else if (down && !reason.startsWith(STOPPED)) tell('warn', 'session attempt failed');
    else log.debug(fields, 'session state');
  }

  /** Something of which the log has it already: the path to a peer as BFD sees it, a policy, routes of the kernel. */
  happened(kind: EventKind, subject: string, event: string, reason: string): void {
    this.journal.add({ kind, subject, event, reason });
  }

  /** Nobody answers a dial, for another reason than before. */
  unanswered(peer: string, reason: string): void {
    const event = 'session attempt failed';
    this.log.warn({ peer, reason }, event);
    this.journal.add({ kind: 'session', subject: peer, event, reason });
  }

  peer(change: 'added' | 'removed' | 'reset', name: string, detail: string): void {
    this.log.info({ peer: name, ...(detail && { detail }) }, `peer ${change}`);
    this.journal.add({ kind: 'peer', subject: name, event: `peer ${change}`, detail });
  }

  skipped({ document, reason, detail }: SkippedPeer): void {
    const event = 'peer does not run here';
    this.log.info({ peer: document.name, reason, detail }, event);
    this.journal.add({ kind: 'peer', subject: document.name, event, reason, detail });
  }

  limit(peer: Peer, prefixes: number, limit: number): void {
    const event = 'more prefixes than the peer may send';
    this.log.warn({ peer: peer.name, prefixes, limit }, event);
    const detail = `${prefixes} prefixes where ${limit} are allowed`;
    this.journal.add({ kind: 'session', subject: peer.name, event, detail });
  }

  /** What is wrong with attributes of an UPDATE. */
  faulty(peer: Peer, faults: readonly AttributeFault[]): void {
    for (const fault of faults) this.fault(peer, fault);
  }

  /** Once a minute: a peer may have the same in every UPDATE of a full table. */
  private fault(peer: Peer, fault: AttributeFault): void {
    const detail = `${attributeName(fault.code)}: ${fault.action}`;
    const untold = this.faultsOf(peer).take(`${detail} ${fault.reason}`, monotonicMs());
    if (untold === undefined) return;
    const event = 'faulty attribute in UPDATE (RFC 7606)';
    this.log.warn({ peer: peer.name, ...fault, ...(untold > 0 && { untold }) }, event);
    this.journal.add({ kind: 'session', subject: peer.name, event, reason: fault.reason, detail });
  }

  /** Routes of the peer with this next hop are not used. */
  offLink(peer: Peer, nextHop: string): void {
    const untold = this.faultsOf(peer).take(`next hop ${nextHop}`, monotonicMs());
    if (untold === undefined) return;
    const event = 'next hop on no link of ours, from a peer one hop away: not used';
    this.log.warn({ peer: peer.name, nextHop, ...(untold > 0 && { untold }) }, event);
    this.journal.add({ kind: 'session', subject: peer.name, event, reason: 'nextHopOffLink', detail: nextHop });
  }

  /** Once a minute: whoever sends one too many may send a hundred thousand. */
  tooManyPaths(peer: Peer, to: Prefix): void {
    const untold = this.faultsOf(peer).take('paths', monotonicMs());
    if (untold === undefined) return;
    const event = `more than ${MAX_PATHS_OF_PEER} paths to one prefix (ADD-PATH): passed over`;
    const prefix = formatPrefix(to);
    this.log.warn({ peer: peer.name, prefix, ...(untold > 0 && { untold }) }, event);
    this.journal.add({ kind: 'session', subject: peer.name, event, reason: 'tooManyPaths', detail: prefix });
  }

  /** RFC 7313 §4: the peer refreshes what it has not sent in full for the first time. */
  early(peer: Peer, family: AddressFamily): void {
    const untold = this.faultsOf(peer).take(`refresh ${family}`, monotonicMs());
    if (untold === undefined) return;
    const event = 'mark of a route refresh before End-of-RIB (RFC 7313): ignored';
    this.log.warn({ peer: peer.name, family, ...(untold > 0 && { untold }) }, event);
    this.journal.add({ kind: 'session', subject: peer.name, event, detail: family });
  }

  private faultsOf(peer: Peer): Quota {
    const quota = this.faults.get(peer) ?? new Quota(MAX_FAULTS);
    this.faults.set(peer, quota);
    return quota;
  }

  /** Once a minute: anybody may call, as often as he likes. @param waitMs how long a caller that has failed is turned away */
  stranger(address: string, waitMs = 0): void {
    const event =
      waitMs > 0
        ? 'call from an address that has failed too often: refused for a while'
        : 'call from an address that is no peer: refused';
    const untold = this.strangers.take(`${address} ${event}`, monotonicMs());
    if (untold === undefined) return;
    this.log.info({ ...(untold > 0 && { untold }), address }, event);
    this.journal.add({ kind: 'session', subject: address, event });
  }

  /** Something that the kernel tells cannot be read here. */
  unreadable({ kind, reason, octets }: PassedOver): void {
    const event = `${objects[kind]} of the kernel cannot be read, and is passed over`;
    this.log.warn({ kind, reason, octets }, event);
    this.journal.add({ kind: 'kernel', subject: kind, event, reason });
  }

  /** How far the node is drained. */
  drain(stage: string, causes: readonly string[]): void {
    const event = { none: 'back in use', lowered: 'draining: routes are a last choice', withdrawn: 'drained' }[stage];
    this.journal.add({ kind: 'drain', subject: '', event: event ?? stage, detail: causes.join(', ') });
  }

  /** Another host claims an address of ours, or no longer. */
  claim({ ip, interface: name, mac }: ConflictReport, event: string): void {
    this.journal.add({ kind: 'layer2', subject: ip, event, detail: `${mac} on ${name}` });
  }

  /** Something the operator must see to. */
  problem(level: 'warn' | 'error', text: string): void {
    this.log[level](text);
    this.journal.add({ kind: 'configuration', subject: '', event: text });
  }

  read(reading: Reading, inForce: boolean): void {
    this.complain(reading);
    const count = (severity: string) => reading.diagnostics.filter((d) => d.severity === severity).length;
    const fields = { files: reading.files.length, warnings: count('warning') };
    const refused = inForce ? 'configuration refused: the last good one stays in force' : 'configuration refused';
    const event = reading.valid ? 'configuration read' : refused;
    if (reading.valid) this.log.info(fields, event);
    else this.log.error({ ...fields, errors: count('error') }, event);
    const [first] = reading.diagnostics.filter((d) => d.severity === 'error');
    const detail = first
      ? formatDiagnostic(first)
      : `${counted(fields.files, 'file')}, ${counted(fields.warnings, 'warning')}`;
    this.journal.add({ kind: 'configuration', subject: '', event, detail });
  }

  /** What the last reading did not say already, and no more than a person reads. */
  private complain({ diagnostics }: Reading): void {
    const { log, told } = this;
    this.told = new Set(diagnostics.map(formatDiagnostic));
    const fresh = errorsFirst(diagnostics).filter((d) => !told.has(formatDiagnostic(d)));
    for (const d of fresh.slice(0, MAX_COMPLAINTS)) log[d.severity === 'error' ? 'error' : 'warn'](formatDiagnostic(d));
    const more = fresh.length - MAX_COMPLAINTS;
    if (more > 0) log.warn({ more }, 'and more: `waypost show config` has them all');
  }

  /**
   * A Service was decided.
   * @param level of the log; at first there are too many for a person
   * @param layer2 whether anybody uses layer 2: who does not need not read of it
   */
  decided(key: string, decisions: Decisions, level: 'info' | 'debug', layer2: boolean): void {
    this.tally.decided(...decisions);
    for (const protocol of ['bgp', 'layer2'] as const)
      if (protocol === 'bgp' || layer2 || decisions[0]?.layer2.announced) this.verdict(protocol, key, decisions, level);
  }

  private verdict(protocol: 'bgp' | 'layer2', key: string, [before, after]: Decisions, level: 'info' | 'debug'): void {
    const [was, is] = [before?.[protocol], after?.[protocol]];
    const same = was?.announced === is?.announced && was?.reason === is?.reason;
    const turn = same ? turnOf(was, is) : undefined;
    if (same && turn === undefined) return;
    const on = protocol === 'bgp' ? 'BGP' : 'layer 2';
    const add = (event: string, reason: string, detail: string) =>
      this.journal.add({ kind: 'service', subject: key, event: `${event} (${on})`, reason, detail });
    if (turn !== undefined) {
      const { event, reason, detail } = turn;
      this.log[level]({ service: key, ...(reason && { reason }), detail, protocol }, `service ${event}`);
      return add(event, reason, detail);
    }
    if (is?.announced) {
      const ips = (after ?? before)?.ips.map(formatAddress);
      this.log[level]({ service: key, ips, protocol }, 'service announced');
      return add('announced', '', `${ips?.join(' and ')} ${is.detail}`);
    }
    const reason = is?.reason ?? 'serviceDeleted';
    const text = was?.announced ? 'service withdrawn' : 'service not announced';
    this.log[level]({ service: key, reason, ...(is?.detail && { detail: is.detail }), protocol }, text);
    add(was?.announced ? 'withdrawn' : 'not announced', reason, is?.detail ?? '');
  }
}

/** A Service that stays announced has become a last choice here, or is none any more. Of drains `drain` tells. */
function turnOf(was: Verdict | undefined, is: Verdict | undefined) {
  const ending = (v: Verdict | undefined) => v?.notes?.find(({ reason }) => reason === 'endpointsTerminating');
  const [before, now] = [ending(was), ending(is)];
  if (now !== undefined) return before === undefined ? { event: 'lowered', ...now } : undefined;
  const drains = is?.notes?.some(({ reason }) => reason === 'nodeDraining') ?? false;
  return before === undefined || drains ? undefined : { event: 'raised again', reason: '', detail: is?.detail ?? '' };
}
