/**
 * Layer 2 on one node: answers for announced addresses on the interfaces they are announced on, announces them unasked,
 * and notices when another host claims one.
 *
 * It is driven from outside: whole snapshots of what is to be announced, frames, and the time. It has no socket and no
 * clock; frames leave through `Output`. Nothing is ever sent for an address that the latest snapshot does not announce on
 * that interface.
 */
import { decodeArp } from '../arp/packet.ts';
import { respondArp } from '../arp/respond.ts';
import { covers } from '../lib/cover.ts';
import { formatMac, type Mac } from '../lib/mac.ts';
import { decodeNeighbor, isUnspecified, type NeighborFrame } from '../ndp/neighbor.ts';
import { respondNeighbor } from '../ndp/respond.ts';
import { type Conflict, type ConflictAction, type ConflictEvent, isClaimant, stepConflict } from './conflict.ts';
import { Addresses } from './held.ts';
import { type Inquiry, type InquiryAction, isInquiry, stepInquiry } from './inquiry.ts';
import type { Port } from './link.ts';
import { type Held, PortState } from './port.ts';
import { type Exit, type Protocol, Sender } from './sender.ts';
import type { AddressCounters, Announced, ConflictReport, DropCounters, Layer2Rules, Snapshot } from './snapshot.ts';

/** Addresses announced in one turn, over all interfaces: with hundreds of those, each at its own pace, it would be a long one. */
const TURN_ANNOUNCEMENTS = 128;

/** How the announcer acts. */
export interface Output extends Exit {
  report(event: ConflictReport): void;
}

export class Announcer {
  private readonly output: Output;
  private readonly sender: Sender;
  /** By index. */
  private readonly ports = new Map<number, PortState>();
  private readonly addresses = new Addresses();
  private macs: ReadonlySet<Mac> = new Set();
  private rules: Layer2Rules | undefined;
  private renewals = 0;
  /** Number of the snapshot in force; 0 before the first. */
  applied = 0;
  /** Tells what the snapshot in force has from what earlier ones had. */
  private round = 0;
  /** No conflict is due before this, ms. */
  private conflictsDueMs = Number.POSITIVE_INFINITY;

  constructor(output: Output) {
    this.output = output;
    this.sender = new Sender(output);
  }

  /**
   * Puts a snapshot in force. Bursts that follow from it are due now and leave with `tick`, so that sockets can be
   * made ready in between.
   */
  apply(snapshot: Snapshot, nowMs: number): void {
    const { ports, number, rules, renewals } = snapshot;
    this.macs = new Set([...snapshot.macs, ...ports.map((port) => port.mac)]);
    this.applied = number;
    this.rules = rules;
    const wanted = new Set(ports.map((port) => port.index));
    for (const [index, state] of this.ports) {
      if (wanted.has(index)) continue;
      this.end(state, [...state.conflicts.keys()]);
      this.ports.delete(index);
    }
    for (const port of ports) {
      const state = this.ports.get(port.index);
      if (state === undefined) this.ports.set(port.index, new PortState(port, rules, this.addresses));
      else this.update(state, port, rules, nowMs);
    }
    this.holdAll(snapshot, nowMs);
    if (renewals !== this.renewals) for (const state of this.ports.values()) this.takeUp(state, nowMs);
    this.renewals = renewals;
  }

  private update(state: PortState, port: Port, rules: Layer2Rules, nowMs: number): void {
    const renamed = state.port.name !== port.name;
    const standing = renamed ? [...state.conflicts] : [];
    for (const [held, { mac }] of standing) if (mac !== 0) this.tell(state, held, mac, 'end');
    const over = state.update(port, rules, nowMs);
    // Under its old name nothing is known to stand any more, so that under the new one nothing can end.
    for (const [held, { mac, phase }] of standing) if (mac !== 0) this.tell(state, held, mac, stageOf(phase));
    this.end(state, over);
  }

  private holdAll({ addresses }: Snapshot, nowMs: number): void {
    const round = ++this.round;
    const states = [...this.ports.values()];
    for (const announced of addresses) {
      const address = this.addresses.hold(announced.ip, announced.epoch, round);
      for (const state of states) if (isFor(announced, state.port)) state.hold(address, announced.epoch, round, nowMs);
    }
    for (const state of states) {
      const gone = state.unseen(round);
      this.end(state, gone);
      for (const one of gone) state.release(one);
    }
    this.addresses.sweep(round);
    if (this.rules!.stickiness) this.conflictsDueMs = nowMs;
  }

  /** The conflicts over these addresses are no matter any more. */
  private end(state: PortState, list: readonly Held[]): void {
    for (const held of list) {
      const conflict = state.conflicts.get(held);
      if (conflict === undefined) continue;
      state.conflicts.delete(held);
      held.yielded = false;
      if (conflict.mac !== 0) this.tell(state, held, conflict.mac, 'end');
    }
  }

  /** Everything on the interface begins anew, as it can send only now. */
  takeUp(state: PortState, nowMs: number): void {
    // What is asked for now was claimed before.
    if (this.rules?.stickiness) this.end(state, state.contested);
    state.takeUp(nowMs);
    if (this.rules?.stickiness) this.conflictsDueMs = nowMs;
  }

  /** Interfaces with what is announced on them. */
  *held(): Generator<PortState> {
    yield* this.ports.values();
  }

  /** A frame that arrived on the interface with this index. */
  receive(index: number, protocol: Protocol, frame: Uint8Array, nowMs: number): void {
    const state = this.ports.get(index);
    if (state === undefined || !state.port.running) return;
    if (protocol === 'arp') this.receiveArp(state, frame, nowMs);
    else this.receiveNeighbor(state, frame, nowMs);
  }

  private receiveArp(state: PortState, frame: Uint8Array, nowMs: number): void {
    const packet = decodeArp(frame);
    if (typeof packet === 'string') return state.drop(packet);
    const claimed = state.find4(packet.senderIp);
    if (claimed !== undefined) this.claim(state, claimed, packet.senderMac, nowMs);
    if (packet.senderIp === 0) this.rival(state, state.find4(packet.targetIp), packet.senderMac, nowMs);
    const reply = respondArp(packet, state.arp);
    if (typeof reply === 'string') return state.drop(reply);
    const stats = this.addresses.touch(state.find4(packet.targetIp)!.address);
    stats.requests++;
    if (this.sender.arp(state.port, reply)) stats.responses++;
  }

  private receiveNeighbor(state: PortState, bytes: Uint8Array, nowMs: number): void {
    const frame = decodeNeighbor(bytes);
    if (typeof frame === 'string') return state.drop(frame);
    this.claimsOfNeighbor(state, frame, nowMs);
    const reply = respondNeighbor(frame, state.ndp);
    if (typeof reply === 'string') return state.drop(reply);
    const stats = this.addresses.touch(state.find6(frame.message.target)!.address);
    stats.requests++;
    if (this.sender.ndp(state.port, reply)) stats.responses++;
  }

  /** An advertisement claims its target, and whoever solicits claims the address it does so from. */
  private claimsOfNeighbor(state: PortState, { message, source, from }: NeighborFrame, nowMs: number): void {
    const solicits = message.type === 'solicitation';
    if (solicits && isUnspecified(from)) this.rival(state, state.find6(message.target), source, nowMs);
    const held = state.find6(solicits ? from : message.target);
    if (held === undefined) return;
    this.claim(state, held, (solicits ? message.sourceLinkLayer : message.targetLinkLayer) ?? source, nowMs);
  }

  private claim(state: PortState, held: Held, mac: Mac, nowMs: number): void {
    if (!isClaimant(mac, this.macs)) return;
    // An answer to a question is no claim against us.
    if (!isInquiry(state.conflicts.get(held))) this.addresses.touch(held.address).claims++;
    this.conflict(state, held, { type: 'claim', mac, atMs: nowMs });
  }

  /** Another node asks for an address while this one does: the lower hardware address goes first (RFC 5227 §2.1.1). */
  private rival(state: PortState, held: Held | undefined, mac: Mac, nowMs: number): void {
    if (held === undefined || state.conflicts.get(held)?.phase !== 'asking') return;
    if (mac < state.port.mac) this.claim(state, held, mac, nowMs);
  }

  private conflict(state: PortState, held: Held, event: ConflictEvent): void {
    const before = state.conflicts.get(held);
    const [after, actions] = isInquiry(before)
      ? stepInquiry(before, event.type === 'claim' ? event.mac : undefined, event.atMs)
      : stepConflict(this.rules!.conflict, state.port.mac, before, event);
    if (after === undefined) state.conflicts.delete(held);
    else {
      state.conflicts.set(held, after);
      this.conflictsDueMs = Math.min(this.conflictsDueMs, after.dueMs);
    }
    held.yielded = after !== undefined && after.phase !== 'held';
    const mac = (after ?? before)?.mac ?? 0;
    for (const action of actions) this.act(state, held, action, mac, event.atMs);
  }

  private act(state: PortState, held: Held, action: ConflictAction | InquiryAction, mac: Mac, nowMs: number): void {
    switch (action) {
      case 'defend':
        this.announce(state, held, nowMs);
        return;
      case 'probe':
        this.sender.probe(state.port, held.address.ip);
        return;
      case 'take':
        state.schedule.announce(held, nowMs);
        return;
      case 'yield':
        state.schedule.cancel(held);
        break;
      case 'resume':
        state.schedule.announce(held, nowMs);
        break;
    }
    this.tell(state, held, mac, action);
  }

  private tell(state: PortState, { address }: Held, mac: Mac, stage: ConflictReport['stage']): void {
    const { name } = state.port;
    this.output.report({ type: 'conflict', ip: address.text, interface: name, mac: formatMac(mac), stage });
  }

  /** When `tick` has something to do; undefined when never. */
  nextDueMs(): number | undefined {
    let next = this.conflictsDueMs;
    for (const state of this.ports.values()) {
      const due = state.port.running ? state.schedule.nextDueMs() : undefined;
      if (due !== undefined && due < next) next = due;
    }
    return next === Number.POSITIVE_INFINITY ? undefined : next;
  }

  /** Sends what is due unasked. Some of it may still be due afterwards: questions that wait are answered in between. */
  tick(nowMs: number): void {
    if (nowMs >= this.conflictsDueMs) this.settle(nowMs);
    const share = Math.max(1, Math.floor(TURN_ANNOUNCEMENTS / this.ports.size));
    for (const state of this.ports.values()) {
      if (!state.port.running) continue;
      for (let n = 0; n < share; n++) {
        const held = state.schedule.take(nowMs);
        if (held === undefined) break;
        this.announce(state, held, nowMs);
      }
    }
  }

  private settle(nowMs: number): void {
    this.conflictsDueMs = Number.POSITIVE_INFINITY;
    for (const state of this.ports.values())
      for (const [held, conflict] of state.conflicts) {
        if (conflict.dueMs <= nowMs) this.conflict(state, held, { type: 'due', atMs: nowMs });
        else this.conflictsDueMs = Math.min(this.conflictsDueMs, conflict.dueMs);
      }
  }

  private announce(state: PortState, { address }: Held, nowMs: number): void {
    const stats = this.addresses.touch(address);
    const sent = this.sender.announce(state.port, address.ip);
    stats.gratuitous += sent;
    if (sent > 0) stats.firstMs ??= nowMs;
  }

  /** The counters of addresses that changed since they were last given, of so many at most. */
  takeCounters(most = Number.POSITIVE_INFINITY): AddressCounters[] {
    return this.addresses.takeChanged(most);
  }

  /** The same for interfaces. */
  takeDrops(): DropCounters[] {
    return [...this.ports.values()].flatMap((state) => state.takeDrops() ?? []);
  }
}

/** What was told of a conflict that stands. */
const stageOf = (phase: (Conflict | Inquiry)['phase']): ConflictReport['stage'] => {
  if (phase === 'held') return 'begin';
  return phase === 'asking' || phase === 'deferring' ? 'defer' : 'yield';
};

const isFor = ({ ip, interfaces }: Announced, port: Port): boolean =>
  (ip.family === 4 ? port.arp : port.ndp) && covers(interfaces, port.name);
