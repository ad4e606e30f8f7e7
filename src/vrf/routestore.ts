/**
 * What is known of the routes of one family in one table: wanted, there, refused. Some 30 octets a route in typed
 * arrays, and no object. A route is a small integer, that of its prefix.
 */
import { Column } from '../lib/column.ts';
import type { Prefix } from '../lib/prefix.ts';
import { PrefixTable, wordOf } from '../lib/table.ts';
import { errorCode } from '../netlink/errors.ts';
import type { Route } from '../netlink/route.ts';
import { HopSets, metricOf, NO_HOPS, type RouteSettings } from './hopset.ts';

/**
 * What is to be said of a route: it is there; it will be; a route of another program is in its place; the kernel refuses
 * it; it is there since before this process began and nobody wants it yet; it will be no more.
 */
export type RouteState = 'installed' | 'pending' | 'conflict' | 'failed' | 'leftover' | 'removing';

/** Bits of `flags`. */
export const RouteMark = {
  /** An answer was lost, or somebody meddled: only an audit can tell what is there. */
  unsure: 1,
  /** There since before this process began, and not wanted so far. */
  leftover: 2,
  inFlight: 4,
  /** Something was heard of it while a change of ours was under way. */
  disturbed: 8,
} as const;

/** Somebody who makes more routes in our name than a hand does would make each again that we take away. */
const MAX_STRANGERS = 1_000;

/** Errors whose text is kept: a million that are refused are refused for few reasons. */
const MAX_TEXTS = 1_000;

/** EEXIST: where we would add a route there is one of another program. */
export const CONFLICT = 17;

export interface RouteRow {
  readonly prefix: Prefix;
  /** In `sets`: the hops that are wanted, or else those there. */
  readonly set: number;
  readonly state: RouteState;
  readonly error: string | null;
}

export interface RouteCounts {
  /** Routes that should be there. */
  readonly wanted: number;
  /** Of ours, those that are there as far as is known, leftovers aside. */
  readonly installed: number;
  /** Changes that wait for the kernel, or were refused and will be tried again. */
  readonly queued: number;
  /** Routes in whose place another program's is, and those that the kernel refuses for other reasons. */
  readonly conflicts: number;
  readonly failed: number;
  /** Routes from before this process began that nobody wants yet. */
  readonly leftovers: number;
}

export class RouteStore {
  readonly settings: RouteSettings;
  readonly sets: HopSets;
  readonly prefixes: PrefixTable;
  /** By id: hop sets. */
  readonly wants = new Column(Uint32Array);
  readonly haves = new Column(Uint32Array);
  readonly flags = new Column(Uint8Array);
  /** By id: the errno of the last change if it did not come about, or 0. */
  readonly errors = new Column(Uint8Array);
  /** By id: the audit during which something was last heard of it. */
  readonly marks = new Column(Uint8Array);
  /** By id: what the kernel said of an error, for the first of them. */
  private readonly texts = new Map<number, string>();
  wanted = 0;
  installed = 0;
  leftovers = 0;
  conflicts = 0;
  failures = 0;
  /** What is there and not wanted stays. */
  keepsLeftovers = true;
  /** Others make so many routes in our name that what nobody here wants is left to them. */
  contested = false;
  private strangers = 0;
  private readonly metric: number;

  constructor(settings: RouteSettings) {
    this.settings = settings;
    this.metric = metricOf(settings);
    this.sets = new HopSets(settings);
    this.prefixes = new PrefixTable(settings.family);
  }

  /** A route is where ours would be, whoever made it. */
  isPlaceOf({ table, destination: { family }, priority = 0, tos = 0 }: Route): boolean {
    return family === this.settings.family && table === this.settings.table && priority === this.metric && tos === 0;
  }

  /** The id of a prefix that something is known of, or -1. */
  find(p: Prefix): number {
    return p.family === this.settings.family ? this.prefixes.lookup(p) : -1;
  }

  add(p: Prefix): number {
    return this.insert(wordOf(p, 0), wordOf(p, 1), wordOf(p, 2), wordOf(p, 3), p.length);
  }

  insert(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const before = this.prefixes.size;
    const id = this.prefixes.insert(w0, w1, w2, w3, length);
    if (this.prefixes.size === before) return id;
    this.wants.room(id);
    this.haves.room(id);
    this.flags.room(id);
    this.errors.room(id);
    this.marks.room(id);
    this.marks.set(id, 0);
    return id;
  }

  /** Whether that is news. */
  setWant(id: number, set: number): boolean {
    const before = this.wants.get(id);
    if (before === set) return false;
    this.sets.share(set);
    this.sets.release(before);
    this.wants.set(id, set);
    this.wanted += (set === NO_HOPS ? 0 : 1) - (before === NO_HOPS ? 0 : 1);
    return true;
  }

  setHave(id: number, set: number): void {
    const before = this.haves.get(id);
    if (before === set) return;
    this.sets.share(set);
    this.sets.release(before);
    this.haves.set(id, set);
    this.installed += (set === NO_HOPS ? 0 : 1) - (before === NO_HOPS ? 0 : 1);
    if (set === NO_HOPS) this.clearLeftover(id);
  }

  /** @param text what the kernel said beside it */
  setError(id: number, errno: number, text?: string): void {
    if (this.texts.size > 0) this.texts.delete(id);
    if (text !== undefined && errno !== 0 && this.texts.size < MAX_TEXTS) this.texts.set(id, text);
    const before = this.errors.get(id);
    if (before === errno) return;
    this.countError(before, -1);
    this.countError(errno, 1);
    this.errors.set(id, errno);
  }

  is(id: number, mark: number): boolean {
    return (this.flags.get(id) & mark) !== 0;
  }

  set(id: number, mark: number): void {
    this.flags.set(id, this.flags.get(id) | mark);
  }

  unset(id: number, mark: number): void {
    this.flags.set(id, this.flags.get(id) & ~mark);
  }

  /** What is in flight may have come to nothing meanwhile. */
  disturb(): void {
    for (let id = 0; id < this.prefixes.limit; id++)
      if (this.is(id, RouteMark.inFlight)) this.set(id, RouteMark.disturbed);
  }

  /** @param queued changes that wait */
  counts(queued: number): RouteCounts {
    const { wanted, installed, leftovers, conflicts, failures } = this;
    return { wanted, installed: installed - leftovers, queued, conflicts, failed: failures, leftovers };
  }

  setLeftover(id: number): void {
    if (this.is(id, RouteMark.leftover)) return;
    this.set(id, RouteMark.leftover);
    this.leftovers++;
  }

  /** A route came that nobody here wants, in our name and not by us. */
  meet(): void {
    this.strangers++;
    if (this.strangers < MAX_STRANGERS || this.contested) return;
    this.contested = true;
    this.keepsLeftovers = true;
  }

  clearLeftover(id: number): void {
    if (!this.is(id, RouteMark.leftover)) return;
    this.unset(id, RouteMark.leftover);
    this.leftovers--;
  }

  /** Nothing is known or wanted of it. */
  isVoid(id: number): boolean {
    return this.wants.get(id) === NO_HOPS && this.haves.get(id) === NO_HOPS && this.flags.get(id) === 0;
  }

  remove(id: number): void {
    this.setError(id, 0);
    this.prefixes.remove(id);
  }

  *rows(): Generator<RouteRow> {
    for (let id = 0; id < this.prefixes.limit; id++) if (this.prefixes.has(id) && !this.isVoid(id)) yield this.row(id);
  }

  /** Octets held, for measurements. */
  get byteLength(): number {
    const { prefixes, wants, haves, flags, errors, marks } = this;
    return [prefixes, wants, haves, flags, errors, marks].reduce((n, part) => n + part.byteLength, 0);
  }

  private row(id: number): RouteRow {
    return {
      prefix: this.prefixes.prefix(id),
      set: this.wants.get(id) || this.haves.get(id),
      state: this.stateOf(id),
      error: this.errorOf(id),
    };
  }

  private errorOf(id: number): string | null {
    const errno = this.errors.get(id);
    if (errno === 0) return null;
    if (errno === CONFLICT) return conflictText;
    const text = this.texts.get(id);
    return text === undefined ? errorCode(errno) : `${errorCode(errno)}: ${text}`;
  }

  private stateOf(id: number): RouteState {
    if (this.wants.get(id) === NO_HOPS) return this.is(id, RouteMark.leftover) ? 'leftover' : 'removing';
    if (this.errors.get(id) === CONFLICT) return 'conflict';
    if (this.errors.get(id) !== 0) return 'failed';
    return this.wants.get(id) === this.haves.get(id) && !this.is(id, RouteMark.unsure) ? 'installed' : 'pending';
  }

  private countError(errno: number, by: 1 | -1): void {
    if (errno === CONFLICT) this.conflicts += by;
    else if (errno !== 0) this.failures += by;
  }
}

const conflictText = 'a route of another program has this prefix and metric (EEXIST)';
