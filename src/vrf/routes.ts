/**
 * The routes of one family in one table of the kernel: what is wanted against what is there.
 *
 *   want ─► queue ─► take: a batch ─► kernel ─► done: what came of it ─► have
 *   heard, audit ─► have ─► queue
 *
 * It knows no socket and no clock: somebody else sends the batches, in the order in which they were taken, and tells what
 * the kernel says. Two may be taken at a time: a prefix is in one of them at most.
 *
 * Ours are the routes with our protocol and metric. Others are never touched: a route is added where none of that prefix
 * and metric is, and replaced or deleted only where ours was seen. What the kernel did unheard (it drops IPv4 routes
 * without a word when a link goes down) is found by an audit, which reads all of the table.
 */
import { IdQueue } from '../lib/queue.ts';
import type { RouteBatch } from '../netlink/batch.ts';
import { Errno } from '../netlink/errors.ts';
import type { Route } from '../netlink/route.ts';
import { Backlog } from './backlog.ts';
import { type HopSets, NO_HOPS, type RouteSettings, UNKNOWN_HOPS } from './hopset.ts';
import { CONFLICT, type RouteCounts, RouteMark, type RouteRow, RouteStore } from './routestore.ts';

export class Routes {
  readonly settings: RouteSettings;
  /** Somebody is not sure of some routes: an audit is to be made. */
  auditNeeded = false;
  /** What is there was read at least once: before, nothing should be changed. */
  isAudited = false;
  private readonly store: RouteStore;
  private readonly queue = new Backlog();
  /** Changes that the kernel refused, until `retry`. */
  private readonly deferred = new IdQueue();
  private audit = 0;
  private auditing = false;
  /** Changes that were taken and are not done. */
  private underWay = 0;

  constructor(settings: RouteSettings) {
    this.settings = settings;
    this.store = new RouteStore(settings);
  }

  get sets(): HopSets {
    return this.store.sets;
  }

  /** A prefix is to lead to this hop set, or nowhere (NO_HOPS). Bits past `length` must be zero; IPv4 uses `w0` alone. */
  want(w0: number, w1: number, w2: number, w3: number, length: number, set: number): void {
    const { store } = this;
    if (set === NO_HOPS && store.prefixes.find(w0, w1, w2, w3, length) < 0) return;
    const id = store.insert(w0, w1, w2, w3, length);
    if (store.setWant(id, set)) this.reconsider(id);
  }

  /** Nothing is wanted any more, and leftovers are not kept. */
  clear(): void {
    for (let id = 0; id < this.store.prefixes.limit; id++)
      if (this.store.prefixes.has(id) && this.store.setWant(id, NO_HOPS)) this.reconsider(id);
    this.retry();
    this.sweep();
  }

  /** Others make routes in our name, and those that nobody here wants are left to them. */
  get isContested(): boolean {
    return this.store.contested;
  }

  /** Changes wait to be taken. */
  get busy(): boolean {
    return this.queue.size > 0;
  }

  /** Some of them take routes away. */
  get isGoing(): boolean {
    return this.queue.goingSize > 0;
  }

  /** The kernel refused changes that `retry` brings back. */
  get hasDeferred(): boolean {
    return this.deferred.size > 0;
  }

  /** Nothing of ours is there or wanted. */
  get isEmpty(): boolean {
    return this.store.prefixes.size === (this.store.contested ? this.store.leftovers : 0);
  }

  get counts(): RouteCounts {
    return this.store.counts(this.queue.size + this.deferred.size + this.underWay);
  }

  /** Appends changes that wait to a batch of its own, as many as have room; `going`: that take routes away. Returns how many. */
  take(batch: RouteBatch, going = false): number {
    const { store, queue } = this;
    const { prefixes, sets } = store;
    const before = batch.size;
    while (going ? queue.goingSize > 0 : queue.size > 0) {
      const id = queue.shift();
      // `done` sees whether something else is wanted by then.
      if (store.is(id, RouteMark.inFlight)) continue;
      const want = store.wants.get(id);
      const have = store.haves.get(id);
      // It waits among the others too.
      if (going && want !== NO_HOPS) continue;
      // What nobody is sure of waits for the audit, unless it is to go: the kernel deletes none but ours.
      const unsure = store.is(id, RouteMark.unsure);
      if (unsure && want !== NO_HOPS) continue;
      if ((want === have && !unsure) || (want === NO_HOPS && store.is(id, RouteMark.leftover))) {
        this.forget(id);
        continue;
      }
      const template =
        want === NO_HOPS ? sets.deletion : have === NO_HOPS ? sets.addition(want) : sets.replacement(want);
      if (!batch.push(template, prefixes, id, want)) {
        this.enqueue(id);
        break;
      }
      store.set(id, RouteMark.inFlight);
      sets.share(want);
    }
    this.underWay += batch.size - before;
    return batch.size - before;
  }

  /** A batch has been carried out, but for its failures. `said` gets each refusal. */
  done(batch: RouteBatch, said: (errno: number) => void): void {
    const { store } = this;
    const { failures } = batch;
    this.underWay -= batch.size;
    for (let i = 0; i < batch.size; i++) {
      const id = batch.ids[i]!;
      const set = batch.notes[i]!;
      const errno = failures.size === 0 ? 0 : (failures.get(i) ?? 0);
      const disturbed = store.is(id, RouteMark.disturbed);
      store.unset(id, RouteMark.inFlight | RouteMark.disturbed);
      store.marks.set(id, this.audit);
      if (errno === 0 || (set === NO_HOPS && (errno === Errno.srch || errno === Errno.noent))) {
        store.setError(id, 0);
        store.setHave(id, set);
        if (set === NO_HOPS) store.unset(id, RouteMark.unsure);
        if (disturbed) this.doubt(id);
      } else {
        this.refuse(id, errno, disturbed, batch.texts.get(i));
        said(errno);
      }
      // Something else may be wanted by now.
      if (store.wants.get(id) !== set) this.enqueue(id);
      store.sets.release(set);
      this.forget(id);
    }
  }

  /** Refused changes are to be tried again. */
  retry(): void {
    while (this.deferred.size > 0) this.enqueue(this.deferred.shift());
  }

  /** The kernel tells of a route that is new or has gone, and not by a request of ours. */
  heard(type: 'new' | 'del', route: Route): void {
    const { store } = this;
    if (!store.isPlaceOf(route)) return;
    const ours = route.protocol === this.settings.protocol;
    const known = store.find(route.destination);
    // Also where it has gone: what an audit that is under way will tell of it is older.
    const id = known < 0 && ours ? store.add(route.destination) : known;
    if (id < 0) return;
    if (store.is(id, RouteMark.inFlight)) {
      store.set(id, RouteMark.disturbed);
      return;
    }
    // A route of others says nothing of ours: the audit must still look.
    if (ours) store.marks.set(id, this.audit);
    if (ours && type === 'new' && store.wants.get(id) === NO_HOPS && store.haves.get(id) === NO_HOPS) store.meet();
    if (ours && type === 'del') {
      store.setHave(id, NO_HOPS);
      this.enqueue(id);
    } else if (ours) this.adopt(id, route);
    else if (type === 'new' && store.haves.get(id) !== NO_HOPS) this.doubt(id);
    else if (type === 'del' && store.errors.get(id) === CONFLICT) {
      // Also for an audit that is to come, which would defer what is in conflict.
      store.setError(id, 0);
      this.enqueue(id);
    }
  }

  /** Some may have gone unheard. Those that are just being changed, too, which an audit could not tell. */
  suspect(): void {
    if (this.underWay > 0) this.store.disturb();
  }

  /** Begins to read what is there: `seen` for every route of the table, then `endAudit`. */
  beginAudit(): void {
    this.audit = (this.audit % 255) + 1;
    this.store.marks.clear();
    this.auditing = true;
    this.auditNeeded = false;
  }

  seen(route: Route): void {
    const { store } = this;
    if (!this.auditing || route.protocol !== this.settings.protocol || !store.isPlaceOf(route)) return;
    const id = store.add(route.destination);
    // What was changed meanwhile is known better than by this answer, which may be older.
    if (store.marks.get(id) === this.audit || store.is(id, RouteMark.inFlight)) return;
    store.marks.set(id, this.audit);
    this.adopt(id, route);
  }

  /** All that is there was read; or not all: then only what was seen is known, and another audit is needed. */
  endAudit(complete: boolean): void {
    if (!complete) this.auditNeeded = true;
    // One that was created meanwhile has not seen all.
    if (!this.auditing) return;
    this.auditing = false;
    if (complete) this.isAudited = true;
    const { prefixes } = this.store;
    for (let id = 0; id < prefixes.limit; id++) {
      if (!prefixes.has(id)) continue;
      if (complete) this.missed(id);
      this.forget(id);
    }
  }

  /** Whoever wants a route has said so by now: leftovers go. */
  sweep(): void {
    const { store } = this;
    store.keepsLeftovers = store.contested;
    for (let id = 0; id < store.prefixes.limit && store.leftovers > 0 && !store.contested; id++) {
      if (!store.prefixes.has(id) || !store.is(id, RouteMark.leftover)) continue;
      store.clearLeftover(id);
      this.enqueue(id);
    }
  }

  /** Every prefix that is wanted or there. */
  rows(): Generator<RouteRow> {
    return this.store.rows();
  }

  /** Octets held, for measurements. */
  get byteLength(): number {
    return this.store.byteLength + this.queue.byteLength + this.deferred.byteLength;
  }

  private reconsider(id: number): void {
    this.store.clearLeftover(id);
    this.store.setError(id, 0);
    this.enqueue(id);
  }

  private enqueue(id: number): void {
    this.queue.push(id, this.store.wants.get(id) === NO_HOPS);
  }

  /** An audit has ended, and may not have told of this route. */
  private missed(id: number): void {
    const { store } = this;
    if (store.marks.get(id) === this.audit || store.is(id, RouteMark.inFlight)) return;
    if (store.haves.get(id) === NO_HOPS && !store.is(id, RouteMark.unsure)) return;
    store.unset(id, RouteMark.unsure);
    store.setHave(id, NO_HOPS);
    if (store.errors.get(id) === CONFLICT) this.deferred.push(id);
    else this.enqueue(id);
  }

  /** A change was not carried out. `disturbed`: something was heard of the route meanwhile. */
  private refuse(id: number, errno: number, disturbed: boolean, text: string | undefined): void {
    const { store } = this;
    // What was in the way may have gone since.
    store.setError(id, disturbed && errno === CONFLICT ? 0 : errno, text);
    // An answer that was lost, or a route that may be ours after all; or what was there went, and it was not looked at.
    const missed = (disturbed || this.auditing) && store.haves.get(id) !== NO_HOPS;
    const unsure = store.is(id, RouteMark.unsure);
    if (errno === Errno.nobufs || errno === CONFLICT || missed || unsure) this.doubt(id);
    // What is to go waits for no audit: the kernel deletes none but ours.
    if (!store.is(id, RouteMark.unsure) || store.wants.get(id) === NO_HOPS) this.deferred.push(id);
  }

  /** Ours is there, as this route tells. */
  private adopt(id: number, route: Route): void {
    const { store } = this;
    // A blackhole, say, is none that we make: it is to be replaced or deleted all the same.
    const set = store.sets.retain(route.hops.length > 0 ? route.hops : UNKNOWN_HOPS, route.metrics?.mtu ?? 0);
    const wasThere = store.haves.get(id) !== NO_HOPS;
    store.unset(id, RouteMark.unsure);
    store.setHave(id, set);
    store.sets.release(set);
    if (store.wants.get(id) === store.haves.get(id) || store.errors.get(id) === CONFLICT) store.setError(id, 0);
    if (store.wants.get(id) === NO_HOPS && store.keepsLeftovers && !wasThere) store.setLeftover(id);
    else if (store.wants.get(id) !== store.haves.get(id)) this.enqueue(id);
  }

  private doubt(id: number): void {
    this.store.set(id, RouteMark.unsure);
    this.auditNeeded = true;
  }

  /** Keeps nothing of a prefix that nothing is known or wanted of; but during an audit, that it is known to be gone. */
  private forget(id: number): void {
    if (!this.auditing && this.store.isVoid(id) && !this.queue.has(id) && !this.deferred.has(id)) this.store.remove(id);
  }
}
