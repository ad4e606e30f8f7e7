/**
 * From what Services contribute to the routes each peer is to receive.
 *
 * Many Services contribute to one prefix (an aggregate), and many prefixes carry the same attributes. So a prefix
 * keeps only which policies contribute to it, with a count each; equal sets of policies are one object (a Blend), and
 * what a peer is told is worked out once per Blend. A change of one Service costs its own prefixes and nothing else,
 * and 100,000 host routes of one advertisement share one attribute object.
 */
import type { PathAttributes } from '../bgp/path.ts';
import type { PeerSettings } from '../bgp/settings.ts';
import type { Family } from '../lib/address.ts';
import { comparePrefixes, formatPrefix, type Prefix } from '../lib/prefix.ts';
import { PrefixTable } from '../lib/table.ts';
import {
  type Contribution,
  isFor,
  mergePolicies,
  type Policy,
  type Route,
  type RouteDecision,
  sourcesOf,
} from './route.ts';
import { Shared } from './shared.ts';

/** The part of a peer that decides which routes it gets. */
export type Receiver = Pick<PeerSettings, 'name' | 'families' | 'onlyNamed'>;

interface Blend {
  readonly key: string;
  readonly policies: readonly Policy[];
  /** Prefixes that have it. */
  uses: number;
  /** What each subset of its policies adds up to; peers see subsets. */
  readonly merged: Map<string, RouteDecision>;
}

interface Entry {
  blend: Blend;
  /** Contributing Services, by position in `blend.policies`. */
  counts: readonly number[];
}

interface Side {
  readonly table: PrefixTable;
  /** By id of the table. */
  readonly entries: (Entry | undefined)[];
}

export class Advertisements {
  private readonly sides: Readonly<Record<Family, Side>> = {
    4: { table: new PrefixTable(4), entries: [] },
    6: { table: new PrefixTable(6), entries: [] },
  };
  private readonly services = new Map<string, readonly Contribution[]>();
  private readonly blends = new Map<string, Blend>();
  private readonly ids = new WeakMap<Policy, number>();
  private nextId = 1;
  private defaultLocalPref: number;
  /** By content: a template keeps its identity as long as a route or a session holds it. */
  private readonly templates = new Shared<PathAttributes>();

  constructor(defaultLocalPref: number) {
    this.defaultLocalPref = defaultLocalPref;
  }

  /** Prefixes with at least one contribution. */
  get size(): number {
    return this.sides[4].table.size + this.sides[6].table.size;
  }

  /** Something contributes to exactly this prefix; words as PrefixTable has them. */
  has(family: Family, w0: number, w1: number, w2: number, w3: number, length: number): boolean {
    const { table, entries } = this.sides[family];
    return entries[table.find(w0, w1, w2, w3, length)] !== undefined;
  }

  /**
   * Replaces all that a Service contributes (nothing: the Service is gone).
   * @returns the prefixes whose route may have changed for some peer
   */
  update(service: string, contributions: readonly Contribution[]): Prefix[] {
    const have = this.services.get(service) ?? [];
    const want = this.distinct(contributions);
    if (want.length > 0) this.services.set(service, want);
    else this.services.delete(service);
    const [had, wanted] = [this.among(have), this.among(want)];
    const dirty = new Map<string, Prefix>();
    for (const c of want) if (!had(c) && this.add(c)) dirty.set(formatPrefix(c.prefix), c.prefix);
    for (const c of have) if (!wanted(c) && this.remove(c)) dirty.set(formatPrefix(c.prefix), c.prefix);
    return [...dirty.values()];
  }

  /** @returns whether it changed, in which case every route is to be asked for again */
  setDefaultLocalPref(value: number): boolean {
    if (value === this.defaultLocalPref) return false;
    this.defaultLocalPref = value;
    for (const blend of this.blends.values()) blend.merged.clear();
    return true;
  }

  /** What `peer` is told about `prefix`, or why it is told nothing. */
  decide(peer: Receiver, prefix: Prefix): RouteDecision {
    const { table, entries } = this.sides[prefix.family];
    const entry = entries[table.lookup(prefix)];
    if (entry !== undefined) return this.decideBlend(peer, prefix.family, entry.blend);
    return { advertised: false, reason: 'notContributed', detail: formatPrefix(prefix), from: [] };
  }

  /** `decide`, for those who do not ask why not. */
  route(peer: Receiver, prefix: Prefix): Route | undefined {
    const decision = this.decide(peer, prefix);
    return decision.advertised ? decision : undefined;
  }

  /**
   * Every route of a peer, IPv4 first, otherwise in no useful order. It may be read in portions: what an `update` in
   * between changes is in that update's own result.
   */
  *routes(peer: Receiver): Generator<readonly [Prefix, Route]> {
    for (const [prefix, decision] of this.decisions(peer)) if (decision.advertised) yield [prefix, decision];
  }

  /** As `routes`, with the prefixes that the peer does not get. */
  *decisions(peer: Receiver): Generator<readonly [Prefix, RouteDecision]> {
    for (const family of [4, 6] as const) {
      const { table, entries } = this.sides[family];
      for (let id = 0; id < table.limit; id++) {
        const entry = entries[id];
        if (entry !== undefined) yield [table.prefix(id), this.decideBlend(peer, family, entry.blend)];
      }
    }
  }

  /** The Services that contribute to a prefix, sorted. Looks at every Service: for `explain`. */
  contributors(prefix: Prefix): string[] {
    const found: string[] = [];
    for (const [service, contributions] of this.services)
      if (contributions.some((c) => comparePrefixes(c.prefix, prefix) === 0)) found.push(service);
    return found.sort();
  }

  private decideBlend(peer: Receiver, family: Family, blend: Blend): RouteDecision {
    const { policies } = blend;
    if (!peer.families.includes(`ipv${family}`)) {
      const detail = `the session with ${peer.name} carries ${peer.families.join(' and ')}`;
      return { advertised: false, reason: 'familyNotConfigured', detail, from: sourcesOf(policies) };
    }
    const mine = policies.filter((p) => isFor(p, peer));
    if (mine.length === 0) {
      const names = new Set(policies.flatMap((p) => (p.peers === 'all' ? [] : [...p.peers])));
      const detail = `advertised to ${[...names].sort().join(', ')} only`;
      return { advertised: false, reason: 'peerNotSelected', detail, from: sourcesOf(policies) };
    }
    const key = mine.length === policies.length ? blend.key : this.keyOf(mine);
    let decision = blend.merged.get(key);
    if (decision === undefined) {
      decision = mergePolicies(mine, this.defaultLocalPref, (attributes) => this.template(attributes));
      blend.merged.set(key, decision);
    }
    return decision;
  }

  private distinct(list: readonly Contribution[]): readonly Contribution[] {
    if (list.length <= FEW) return list.filter((c, i) => indexOf(list, c) === i);
    return [...new Map(list.map((c) => [this.contributionKey(c), c])).values()];
  }

  /** Whether a contribution is among others. Services have a few, which need no keys; documents may tell of thousands. */
  private among(list: readonly Contribution[]): (c: Contribution) => boolean {
    if (list.length <= FEW) return (c) => indexOf(list, c) >= 0;
    const keys = new Set(list.map((c) => this.contributionKey(c)));
    return (c) => keys.has(this.contributionKey(c));
  }

  private contributionKey({ prefix, policy }: Contribution): string {
    return `${this.idOf(policy)} ${formatPrefix(prefix)}`;
  }

  private template(attributes: PathAttributes): PathAttributes {
    const { localPref, prepend, med, bandwidthMbit, communities, largeCommunities } = attributes;
    const key = JSON.stringify([localPref, prepend, med, bandwidthMbit, communities, largeCommunities]);
    return this.templates.get(key, () => attributes);
  }

  /** @returns whether the policies of the prefix changed */
  private add({ prefix, policy }: Contribution): boolean {
    const { table, entries } = this.sides[prefix.family];
    const id = table.add(prefix);
    const entry = entries[id];
    if (entry === undefined) {
      entries[id] = { blend: this.acquire([policy]), counts: [1] };
      return true;
    }
    const { policies } = entry.blend;
    const at = policies.indexOf(policy);
    if (at >= 0) {
      entry.counts = entry.counts.with(at, entry.counts[at]! + 1);
      return false;
    }
    // In order of their ids, so that the way in which a set came about leaves no trace.
    const before = policies.filter((p) => this.idOf(p) < this.idOf(policy)).length;
    this.replace(entry, policies.toSpliced(before, 0, policy), entry.counts.toSpliced(before, 0, 1));
    return true;
  }

  private remove({ prefix, policy }: Contribution): boolean {
    const { table, entries } = this.sides[prefix.family];
    const id = table.lookup(prefix);
    const entry = entries[id]!;
    const { policies } = entry.blend;
    const at = policies.indexOf(policy);
    const left = entry.counts[at]! - 1;
    if (left > 0) {
      entry.counts = entry.counts.with(at, left);
      return false;
    }
    if (policies.length > 1) {
      this.replace(entry, policies.toSpliced(at, 1), entry.counts.toSpliced(at, 1));
    } else {
      this.release(entry.blend);
      entries[id] = undefined;
      table.remove(id);
    }
    return true;
  }

  private replace(entry: Entry, policies: readonly Policy[], counts: readonly number[]): void {
    this.release(entry.blend);
    entry.blend = this.acquire(policies);
    entry.counts = counts;
  }

  private acquire(policies: readonly Policy[]): Blend {
    const key = this.keyOf(policies);
    let blend = this.blends.get(key);
    if (blend === undefined) {
      blend = { key, policies, uses: 0, merged: new Map() };
      this.blends.set(key, blend);
    }
    blend.uses++;
    return blend;
  }

  private release(blend: Blend): void {
    if (--blend.uses === 0) this.blends.delete(blend.key);
  }

  private keyOf(policies: readonly Policy[]): string {
    return policies.map((p) => this.idOf(p)).join();
  }

  private idOf(policy: Policy): number {
    let id = this.ids.get(policy);
    if (id === undefined) {
      id = this.nextId++;
      this.ids.set(policy, id);
    }
    return id;
  }
}

/** So many contributions are compared with each other. */
const FEW = 8;

const indexOf = (list: readonly Contribution[], c: Contribution): number =>
  list.findIndex((other) => other.policy === c.policy && comparePrefixes(other.prefix, c.prefix) === 0);
