/**
 * Whether a received route may be used: import rules, the node's guard and the receive policy of its session, as the
 * one question that a Rib asks. Routes come in runs that share a set, and sets come again, so what the attributes say
 * is kept by set.
 */
import { Column } from '../lib/column.ts';
import type { Prefix } from '../lib/prefix.ts';
import { pickInterned } from './attr.ts';
import type { AddressFamily } from './const.ts';
import { type Guard, GuardFlag } from './guard.ts';
import { attributeReason, type ImportReason, type ImportRules, judgedAttributes } from './import.ts';
import type { AttributeTable } from './intern.ts';
import type { ReceiveFilter, ReceiveReason } from './receive.ts';
import type { Rib } from './rib.ts';
import type { Accept, RouteTable } from './routes.ts';

export type AdmissionReason = ImportReason | ReceiveReason;

interface Session {
  readonly rules: ImportRules;
  readonly filter: ReceiveFilter;
}

/** A look at all routes of a peer again: where it is. */
interface Review {
  readonly peer: number;
  family: AddressFamily;
  from: number;
}

/** What attributes say is kept as a number: 0 when nobody asked, 1 when they say nothing, and these. */
const codes = {
  asLoop: 2,
  firstAs: 3,
  asPathTooLong: 4,
  originatorLoop: 5,
  clusterLoop: 6,
  nextHopSelf: 7,
  martianNextHop: 8,
  martianPrefix: 9,
  routeLeak: 10,
} as const satisfies Record<ImportReason, number>;
const reasons: (ImportReason | undefined)[] = [];
for (const [reason, code] of Object.entries(codes)) reasons[code] = reason as ImportReason;
/** More than any code. */
const CODES = 16;

/** By code of the attribute: 1 where it matters. */
const judged = new Uint8Array(256);
for (const code of judgedAttributes) judged[code] = 1;

export class Admission {
  /** For the constructor of the Rib, which is then given to `attach`. */
  readonly accept: Accept = (peer, family, set, prefix) => this.reason(peer, family, set, prefix) === undefined;
  private readonly attributes: AttributeTable;
  private guard: Guard;
  private tables: Readonly<Record<AddressFamily, RouteTable>> | undefined;
  private readonly sessions: (Session | undefined)[] = [];
  /** By set: what it says on the session that asked last, as (peer + 1) * CODES + code. */
  private readonly known = new Column(Uint32Array);
  private readonly reviews: Review[] = [];
  private readonly forget = (set: number): void => {
    if (set < this.known.capacity) this.known.set(set, 0);
  };

  constructor(attributes: AttributeTable, guard: Guard) {
    this.attributes = attributes;
    this.guard = guard;
    attributes.watch(this.forget);
  }

  /** Nothing is asked of it any more. */
  close(): void {
    this.attributes.unwatch(this.forget);
  }

  attach(rib: Rib): void {
    this.tables = { ipv4: rib.ipv4, ipv6: rib.ipv6 };
  }

  /** What the node takes from nobody. `review` applies it to the routes that are there. */
  setGuard(guard: Guard): void {
    this.guard = guard;
    this.sessions.forEach((session, peer) => {
      if (session !== undefined) this.schedule(peer);
    });
  }

  /** What the guard says of one prefix has changed: its routes are looked at at once. */
  reconsider(p: Prefix): void {
    const table = this.tables?.[p.family === 4 ? 'ipv4' : 'ipv6'];
    const id = table?.prefixes.lookup(p) ?? -1;
    if (id >= 0) table!.reconsiderPrefix(id);
  }

  /** What holds for a session. `review` applies it to the routes that are there. */
  setPeer(peer: number, rules: ImportRules, filter: ReceiveFilter): void {
    this.sessions[peer] = { rules, filter };
    this.known.clear();
    this.schedule(peer);
  }

  /** The peer is gone, and its number may be another's: until `setPeer`, nothing is accepted from it. */
  removePeer(peer: number): void {
    this.sessions[peer] = undefined;
    this.known.clear();
    this.schedule(peer);
  }

  /** Looks at `budget` routes at most to see whether they may be used under what was set since. True while more are to be seen. */
  review(budget: number): boolean {
    const { tables, reviews } = this;
    if (tables === undefined) throw new Error('review before attach');
    const first = reviews[0];
    if (first === undefined) return false;
    first.from = tables[first.family].reconsider(first.peer, first.from, budget);
    if (first.from < 0) {
      if (first.family === 'ipv4') Object.assign(first, { family: 'ipv6', from: 0 });
      else reviews.shift();
    }
    return reviews.length > 0;
  }

  /** The first reason against a route, given the ids of its set and prefix, or undefined. */
  reason(peer: number, family: AddressFamily, set: number, prefix: number): AdmissionReason | undefined {
    const session = this.sessions[peer];
    if (session === undefined) return 'noReceivePolicy';
    const said = this.attributesReason(peer, session.rules, set);
    if (said !== undefined) return said;
    const { prefixes } = this.tables![family];
    const w0 = prefixes.word(prefix, 0);
    const w1 = prefixes.word(prefix, 1);
    const w2 = prefixes.word(prefix, 2);
    const w3 = prefixes.word(prefix, 3);
    const length = prefixes.lengthOf(prefix);
    const guarded = this.guard.flags(prefixes.family, w0, w1, w2, w3, length);
    if (session.rules.refuseMartians && (guarded & GuardFlag.martian) !== 0) return 'martianPrefix';
    return session.filter.reason(prefixes.family, w0, w1, w2, w3, length, guarded);
  }

  private attributesReason(peer: number, rules: ImportRules, set: number): ImportReason | undefined {
    this.known.room(set);
    const known = this.known.get(set) - (peer + 1) * CODES;
    if (known > 0 && known < CODES) return reasons[known];
    const reason = attributeReason(pickInterned(this.attributes.view(set), judged), rules);
    this.known.set(set, (peer + 1) * CODES + (reason === undefined ? 1 : codes[reason]));
    return reason;
  }

  private schedule(peer: number): void {
    // One under way has seen part of the routes under the old rules.
    const at = this.reviews.findIndex((r) => r.peer === peer);
    if (at >= 0) this.reviews.splice(at, 1);
    this.reviews.push({ peer, family: 'ipv4', from: 0 });
  }
}
