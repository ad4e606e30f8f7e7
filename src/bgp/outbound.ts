/**
 * One family of an Adj-RIB-Out (RFC 4271 §3.2): what a peer should have, what it has, and what must still be said.
 *
 * State is queued, not messages. Each prefix has a wanted template and, during a session, the bucket that was sent
 * (templates.ts); when the two disagree, the prefix hangs in exactly one list: withdrawals, or the bucket of the
 * attributes it is to be sent with. A newer decision moves it, one that takes the older back unhooks it, and a bucket's
 * list is what an UPDATE is packed from.
 *
 * A round is a set of prefixes that must be sent before a mark may follow: the initial one before End-of-RIB
 * (RFC 4724 §2), a refresh before End-of-RR (RFC 7313 §4). Later changes neither prolong nor precede it.
 */
import { Column } from '../lib/column.ts';
import { emptyList, IdLinks } from '../lib/list.ts';
import type { Prefix } from '../lib/prefix.ts';
import { PrefixTable } from '../lib/table.ts';
import type { AddressFamily } from './const.ts';
import type { Bucket } from './interner.ts';
import type { PathAttributes } from './path.ts';
import { type ExportRoute, Templates } from './templates.ts';

export type Round = 'none' | 'initial' | 'refresh' | 'enhanced';

const NOWHERE = 0;
const WITHDRAWALS = 1;
/** Place of the bucket with id 0. */
const BUCKETS = 2;

/** Flags of a prefix: in the present round; does not fit a message with its attributes; named by `replace`. */
const DUE = 1;
const REFUSED = 2;
const NAMED = 4;

export class Outbound {
  readonly family: AddressFamily;
  readonly prefixes: PrefixTable;
  /** Prefixes wanted, advertised, and waiting to be sent or withdrawn. */
  desired = 0;
  advertised = 0;
  pending = 0;
  refused = 0;
  /** Links of `withdrawals` and of the buckets' lists. */
  readonly links = new IdLinks();
  readonly withdrawals = emptyList();
  /** Buckets with waiting prefixes, in the order in which they began to wait. */
  readonly waiting = new Set<Bucket>();

  round: Round = 'none';
  /** The mark that opens the round must still be sent. */
  begins = false;
  private nextRound: 'none' | 'refresh' | 'enhanced' = 'none';
  private due = 0;

  private readonly templates: Templates;

  /** By prefix id: template id + 1 and bucket id + 1 (0: none), the list it hangs in, flags. */
  private readonly wants = new Column(Uint32Array);
  private readonly sent = new Column(Uint32Array);
  private readonly places = new Column(Uint32Array);
  private readonly flags = new Column(Uint8Array);

  constructor(family: AddressFamily) {
    this.family = family;
    this.templates = new Templates(family);
    this.prefixes = new PrefixTable(family === 'ipv4' ? 4 : 6);
  }

  set(prefix: Prefix, attributes: PathAttributes, named = false): void {
    const want = this.templates.find(attributes);
    const id = this.prefixes.add(prefix);
    this.makeRoom(id);
    if (named) this.flags.set(id, this.flags.get(id) | NAMED);
    const old = this.wants.get(id);
    if (old === want) return;
    this.templates.retain(want);
    if (old === 0) this.desired++;
    else this.templates.release(old);
    this.wants.set(id, want);
    this.allow(id);
    this.place(id);
  }

  delete(prefix: Prefix): void {
    const id = this.prefixes.lookup(prefix);
    if (id >= 0 && this.wants.get(id) !== 0) this.unwant(id);
  }

  /** Deletes what has not been set with `named` since the last call. */
  deleteUnnamed(): void {
    for (let id = 0; id < this.prefixes.limit; id++) {
      const flags = this.flags.get(id);
      if ((flags & NAMED) !== 0) this.flags.set(id, flags & ~NAMED);
      else if (this.wants.get(id) !== 0) this.unwant(id);
    }
  }

  /** A session began that carries the family: everything wanted becomes pending. */
  open(exportRoute: ExportRoute): void {
    this.close();
    this.templates.open(exportRoute);
    this.begin('initial');
  }

  /** Asks `exportRoute` anew: where its answer changed, the difference becomes pending. */
  reexport(exportRoute: ExportRoute): void {
    if (!this.templates.isOpen) return;
    this.templates.open(exportRoute);
    for (let id = 0; id < this.prefixes.limit; id++) {
      if (this.wants.get(id) === 0) continue;
      this.allow(id);
      this.place(id);
    }
  }

  /** The session is over: nothing is advertised or pending any more. */
  close(): void {
    this.templates.close();
    this.waiting.clear();
    Object.assign(this.withdrawals, emptyList());
    this.sent.clear();
    this.places.clear();
    this.flags.clear();
    this.advertised = 0;
    this.pending = 0;
    this.refused = 0;
    this.due = 0;
    this.round = 'none';
    this.begins = false;
    this.nextRound = 'none';
    if (this.prefixes.size === this.desired) return;
    for (let id = 0; id < this.prefixes.limit; id++) {
      if (this.wants.get(id) === 0 && this.prefixes.has(id)) this.prefixes.remove(id);
    }
  }

  /** Everything wanted becomes pending again, after the round under way (RFC 7313 §4: never before End-of-RIB). */
  refresh(enhanced: boolean): void {
    if (!this.templates.isOpen) return;
    if (this.round === 'none') this.begin(enhanced ? 'enhanced' : 'refresh');
    else if (this.nextRound !== 'enhanced') this.nextRound = enhanced ? 'enhanced' : 'refresh';
  }

  /** All of the round has been sent: its closing mark, if it has one, may follow, and then `endRound`. */
  get roundComplete(): boolean {
    return this.round !== 'none' && !this.begins && this.due === 0;
  }

  endRound(): void {
    const next = this.nextRound;
    this.round = 'none';
    this.nextRound = 'none';
    if (next !== 'none') this.begin(next);
  }

  /** A prefix that waited in `withdrawals` was withdrawn from the peer. */
  wasWithdrawn(id: number): void {
    this.unhook(id);
    this.settle(id);
    this.setSent(id, 0);
    this.forgetIfIdle(id);
  }

  /** A prefix was sent with what the bucket in which it waited says. */
  wasSent(id: number): void {
    this.setSent(id, this.places.get(id) - BUCKETS + 1);
    this.unhook(id);
    this.settle(id);
  }

  /** A prefix does not fit a message with its attributes: the peer must not keep older ones for it. */
  refuse(id: number): void {
    this.flags.set(id, this.flags.get(id) | REFUSED);
    this.refused++;
    this.place(id);
  }

  *routes(): Generator<{ prefix: Prefix; attributes: PathAttributes }, void> {
    for (let id = 0; id < this.prefixes.limit; id++) {
      const bucket = this.sent.get(id);
      if (bucket === 0) continue;
      yield { prefix: this.prefixes.prefix(id), attributes: this.templates.buckets.get(bucket - 1).attributes };
    }
  }

  *refusedPrefixes(): Generator<Prefix, void> {
    if (this.refused === 0) return;
    for (let id = 0; id < this.prefixes.limit; id++) {
      if ((this.flags.get(id) & REFUSED) !== 0) yield this.prefixes.prefix(id);
    }
  }

  private begin(round: 'initial' | 'refresh' | 'enhanced'): void {
    this.round = round;
    this.begins = round === 'enhanced';
    for (let id = 0; id < this.prefixes.limit; id++) {
      // Withdrawals too: one taken back after the mark would be a route that the peer forgets at the end.
      if (this.sent.get(id) === 0 && this.target(id) === 0) continue;
      this.flags.set(id, this.flags.get(id) | DUE);
      this.due++;
      this.place(id);
    }
  }

  private unwant(id: number): void {
    this.templates.release(this.wants.get(id));
    this.wants.set(id, 0);
    this.desired--;
    this.allow(id);
    this.place(id);
    this.forgetIfIdle(id);
  }

  /** Id + 1 of the bucket that the peer should have for a prefix, or 0. */
  private target(id: number): number {
    const want = this.wants.get(id);
    return want === 0 || (this.flags.get(id) & REFUSED) !== 0 ? 0 : this.templates.bucket(want);
  }

  /** Hangs a prefix where it belongs: the one place where wanted and sent are compared. */
  private place(id: number): void {
    const target = this.target(id);
    const again = target !== 0 && (this.flags.get(id) & DUE) !== 0;
    const agree = target === this.sent.get(id) && !again;
    const place = agree ? NOWHERE : target === 0 ? WITHDRAWALS : target - 1 + BUCKETS;
    if (place === this.places.get(id)) return;
    if (this.places.get(id) !== NOWHERE) this.unhook(id);
    if (place === NOWHERE) this.settle(id);
    else this.hook(id, place);
  }

  private hook(id: number, place: number): void {
    if (place === WITHDRAWALS) this.links.append(this.withdrawals, id);
    else {
      const bucket = this.templates.buckets.get(place - BUCKETS);
      this.templates.buckets.retain(bucket);
      this.links.append(bucket, id);
      this.waiting.add(bucket);
    }
    this.places.set(id, place);
    this.pending++;
  }

  private unhook(id: number): void {
    const place = this.places.get(id);
    if (place === WITHDRAWALS) this.links.remove(this.withdrawals, id);
    else {
      const bucket = this.templates.buckets.get(place - BUCKETS);
      this.links.remove(bucket, id);
      if (bucket.size === 0) this.waiting.delete(bucket);
      this.templates.buckets.release(bucket);
    }
    this.places.set(id, NOWHERE);
    this.pending--;
  }

  /** Nothing of the round is left to do for a prefix. */
  private settle(id: number): void {
    if ((this.flags.get(id) & DUE) === 0) return;
    this.flags.set(id, this.flags.get(id) & ~DUE);
    this.due--;
  }

  private allow(id: number): void {
    if ((this.flags.get(id) & REFUSED) === 0) return;
    this.flags.set(id, this.flags.get(id) & ~REFUSED);
    this.refused--;
  }

  private setSent(id: number, sent: number): void {
    const before = this.sent.get(id);
    if (sent !== 0) this.templates.buckets.retain(this.templates.buckets.get(sent - 1));
    if (before !== 0) this.templates.buckets.release(this.templates.buckets.get(before - 1));
    this.sent.set(id, sent);
    this.advertised += (sent === 0 ? 0 : 1) - (before === 0 ? 0 : 1);
  }

  private forgetIfIdle(id: number): void {
    if (this.wants.get(id) === 0 && this.sent.get(id) === 0 && this.places.get(id) === NOWHERE)
      this.prefixes.remove(id);
  }

  private makeRoom(id: number): void {
    this.wants.room(id);
    this.sent.room(id);
    this.places.room(id);
    this.flags.room(id);
  }
}
