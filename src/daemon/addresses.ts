/** The addresses that this node answers for: those of its Services, which may share them. */
import type { Announced } from '../l2/snapshot.ts';
import { type Address, formatAddress } from '../lib/address.ts';

type Interfaces = Announced['interfaces'];

interface Entry {
  readonly ip: Address;
  epoch: number;
  /** Number of the first snapshot that has it. */
  since: number | undefined;
  /** By Service. */
  readonly users: Map<string, Interfaces>;
}

/** Addresses of one family that may be answered for on the same interfaces. */
export interface Group {
  readonly family: 4 | 6;
  readonly interfaces: Interfaces;
  readonly first: Address;
  readonly count: number;
}

export class Addresses {
  private readonly entries = new Map<string, Entry>();
  private readonly byService = new Map<string, readonly string[]>();
  private epoch = 0;

  /**
   * What a Service announces from now on; nothing where `ips` is empty. An address that another Service announces already
   * is announced with a new burst.
   */
  set(service: string, ips: readonly Address[], interfaces: Interfaces): void {
    const before = this.byService.get(service) ?? [];
    const now = new Map(ips.map((ip) => [formatAddress(ip), ip]));
    for (const text of before) if (!now.has(text)) this.release(text, service);
    if (now.size > 0) this.byService.set(service, [...now.keys()]);
    else this.byService.delete(service);
    for (const [text, ip] of now) {
      const entry = this.entries.get(text) ?? { ip, epoch: 0, since: undefined, users: new Map<string, Interfaces>() };
      this.entries.set(text, entry);
      if (!entry.users.has(service)) entry.epoch = ++this.epoch;
      entry.users.set(service, interfaces);
    }
  }

  has(ip: string): boolean {
    return this.entries.has(ip);
  }

  /** For the snapshot of this number. */
  announced(number: number): Announced[] {
    return [...this.entries.values()].map((entry) => {
      entry.since ??= number;
      return { ip: entry.ip, epoch: entry.epoch, interfaces: union(entry.users) };
    });
  }

  /** Whether the snapshot of this number had the address. */
  wasIn(number: number, ip: string): boolean {
    return (this.entries.get(ip)?.since ?? Number.POSITIVE_INFINITY) <= number;
  }

  /** The addresses by where they may be answered for. */
  groups(): Group[] {
    const groups = new Map<string, Group>();
    for (const { ip, users } of this.entries.values()) {
      const interfaces = union(users);
      const key = `${ip.family} ${interfaces === 'all' ? '' : interfaces.join()}`;
      const { first = ip, count = 0 } = groups.get(key) ?? {};
      groups.set(key, { family: ip.family, interfaces, first, count: count + 1 });
    }
    return [...groups.values()];
  }

  private release(text: string, service: string): void {
    const entry = this.entries.get(text)!;
    entry.users.delete(service);
    if (entry.users.size === 0) this.entries.delete(text);
  }
}

function union(users: ReadonlyMap<string, Interfaces>): Interfaces {
  const [only, ...more] = users.values();
  if (more.length === 0) return only!;
  if (only === 'all' || more.includes('all')) return 'all';
  return [...new Set([...users.values()].flat())].sort();
}
