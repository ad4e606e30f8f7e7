/**
 * Which node has which address where they are to be spread evenly (`layer2.spread: even`). It is what an election cannot
 * find out for one Service at a time: what others have counts, too.
 *
 * Addresses are shared out among those that the same nodes may have, with the same preferences (a group): as a rule all
 * under the Cluster policy are one group, and under the Local policy those with endpoints on the same nodes are. A group
 * does not know of another. So a Service that comes, goes or has endpoints elsewhere makes work for the groups that it is
 * in or was in, and nothing in others can move.
 *
 * What an address had before does not count. Where it is to stay there (stickiness), the election sees to that, and asks here
 * only for those that need a node: so nodes that remember different things, or nothing, agree on these all the same.
 *
 * Groups rest on documents alone. Whether a node is heard of, drained or not ready is asked when addresses are shared out:
 * when a node dies nothing is hashed anew.
 */
import type { Contest } from './elect.ts';
import { type Loads, type Openings, type Sharer, Shares } from './share.ts';

/** The first address of a Service, by its text, and who may have it. */
export interface Filed {
  readonly ip: string;
  readonly contest: Contest;
}

/** Where an address is to be, for all that this node knows. */
export interface Placement {
  /** Undefined: no node can have it. */
  readonly owner: string | undefined;
  /** How many addresses of its group nodes have, those left out that may have none. */
  readonly loads: Loads;
}

/** What counts beside documents. */
export interface Circumstances {
  /** The node may have addresses now. `sole`: also while it is drained. */
  stands(node: string, sole: boolean): boolean;
}

interface Entry extends Sharer {
  /** By Service: those that share an address go together. */
  readonly users: Map<string, Contest>;
  /** That of the first of them by name, whose candidates count. */
  contest: Contest;
  group: Group;
}

interface Group {
  readonly key: string;
  readonly sole: Contest['sole'];
  /** Of any address in it: they differ in the order of nodes within a class. */
  readonly classes: Contest['classes'];
  readonly shares: Shares<Entry>;
}

export class Spread {
  private readonly entries = new Map<string, Entry>();
  private readonly byService = new Map<string, string>();
  private readonly groups = new Map<string, Group>();
  private readonly unsettled = new Set<Group>();

  /** What a Service announces now; undefined: nothing. */
  file(service: string, filed: Filed | undefined): void {
    const before = this.byService.get(service);
    if (before !== undefined && before !== filed?.ip) this.leave(service, before);
    if (filed === undefined) return;
    const { ip, contest } = filed;
    this.byService.set(service, ip);
    const entry = this.entries.get(ip) ?? this.enter(ip, contest);
    entry.users.set(service, contest);
    this.follow(entry);
  }

  /** Other nodes may have addresses than before. */
  unsettle(): void {
    for (const group of this.groups.values()) {
      group.shares.reopen();
      this.unsettled.add(group);
    }
  }

  /** Where addresses belong may have changed since they were shared out. */
  get pending(): boolean {
    return this.unsettled.size > 0;
  }

  /** Goes on with sharing addresses out anew. @returns the Services whose addresses belong elsewhere now */
  settle(circumstances: Circumstances): string[] {
    const [group] = this.unsettled;
    if (group === undefined) return [];
    const moved = group.shares.settle(() => openingsOf(group, circumstances));
    if (moved === undefined) return [];
    this.unsettled.delete(group);
    if (group.shares.size === 0) this.groups.delete(group.key);
    const services: string[] = [];
    for (const { users } of moved) for (const service of users.keys()) services.push(service);
    return services;
  }

  of(ip: string): Placement | undefined {
    const entry = this.entries.get(ip);
    return entry && { owner: entry.owner, loads: entry.group.shares.loads };
  }

  clear(): void {
    for (const all of [this.entries, this.byService, this.groups, this.unsettled]) all.clear();
  }

  private enter(ip: string, contest: Contest): Entry {
    const group = this.groupOf(contest);
    const entry: Entry = {
      ...{ key: ip, rank: contest.rank, users: new Map(), contest, group },
      ...{ order: [], owner: undefined, wanted: undefined },
    };
    this.entries.set(ip, entry);
    group.shares.add(entry);
    this.unsettled.add(group);
    return entry;
  }

  private leave(service: string, ip: string): void {
    const entry = this.entries.get(ip)!;
    this.byService.delete(service);
    entry.users.delete(service);
    if (entry.users.size > 0) return this.follow(entry);
    this.entries.delete(ip);
    entry.group.shares.remove(entry);
    this.unsettled.add(entry.group);
  }

  /** The candidates of an address are those of its first Service. */
  private follow(entry: Entry): void {
    const [first] = [...entry.users.keys()].sort();
    entry.contest = entry.users.get(first!)!;
    const { group: before } = entry;
    const group = this.groupOf(entry.contest);
    if (group === before) return;
    before.shares.remove(entry);
    entry.group = group;
    group.shares.add(entry);
    for (const each of [before, group]) this.unsettled.add(each);
  }

  private groupOf({ classes, sole }: Contest): Group {
    const key = JSON.stringify([sole ?? null, classes.map((names) => names.toSorted())]);
    let group = this.groups.get(key);
    if (group === undefined) {
      group = { key, sole, classes, shares: new Shares() };
      this.groups.set(key, group);
    }
    return group;
  }
}

/** Addresses go to the best class that has a node. */
function openingsOf({ classes, sole }: Group, { stands }: Circumstances): Openings<Entry> {
  const open = classes.map((names) => names.filter((name) => stands(name, name === sole)));
  const best = open.findIndex((names) => names.length > 0);
  return { nodes: open[best] ?? [], order: ({ contest }) => contest.classes[best] ?? [] };
}
