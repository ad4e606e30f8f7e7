/** Who holds which address: the books of the allocator, without its rules. */
import type { Pool } from '../config/model.ts';
import { type Address, compareAddresses, type Family, formatAddress } from '../lib/address.ts';
import type { Problem } from './assignment.ts';
import { Block } from './block.ts';
import { clash, type Lease } from './lease.ts';
import { PoolIndex, prefixesOf } from './pools.ts';

export interface PoolUsage {
  readonly services: number;
  readonly ipv4: FamilyUsage;
  readonly ipv6: FamilyUsage;
}

export interface FamilyUsage {
  readonly inUse: number;
  /** At most 2^63 - 1, as MetalLB reports it. */
  readonly total: bigint;
}

const MAX_TOTAL = (1n << 63n) - 1n;

export class Ledger {
  /** By Service. */
  readonly leases: ReadonlyMap<string, Lease>;
  private readonly entries = new Map<string, Lease>();
  readonly index: PoolIndex;
  /** By pool, in the order in which they are handed out. */
  private readonly blocks: ReadonlyMap<string, readonly Block[]>;
  private readonly byPrefix = new Map<object, Block>();
  /** Services per pool. */
  private readonly population = new Map<string, number>();

  constructor(pools: ReadonlyMap<string, Pool>) {
    this.leases = this.entries;
    this.index = new PoolIndex(pools);
    this.blocks = new Map([...pools].map(([name, pool]) => [name, prefixesOf(pool).map((p) => new Block(pool, p))]));
    for (const blocks of this.blocks.values()) for (const block of blocks) this.byPrefix.set(block.prefix, block);
  }

  /** Enters a lease, whether or not it suits the others on its addresses. Addresses in no pool are only remembered. */
  put(lease: Lease): void {
    this.entries.set(lease.service, lease);
    for (const ip of lease.ips) this.blockOf(ip)?.add(ip, lease);
    this.populate(lease, 1);
  }

  drop(lease: Lease): void {
    this.entries.delete(lease.service);
    for (const ip of lease.ips) this.blockOf(ip)?.remove(ip, lease);
    this.populate(lease, -1);
  }

  /** The first address of a pool that `lease` could have: the pool's entries in turn, lowest first in each. */
  lowest(pool: Pool, family: Family, lease: Lease): Address | undefined {
    for (const block of this.blocks.get(pool.name) ?? []) {
      const found = block.prefix.family === family ? block.lowest(lease) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** What other Services have against a lease that is not entered (yet). */
  refusal(lease: Lease): Problem | undefined {
    for (const ip of lease.ips) {
      const problem = this.blockOf(ip)?.at(ip)?.refusal(lease);
      if (problem !== undefined) return { ...problem, message: `${formatAddress(ip)}: ${problem.message}` };
    }
    return undefined;
  }

  /** Who cannot stay when `lease` is entered: leases that are not claimed by a status and clash with it. */
  displaced(lease: Lease): Lease[] {
    const found = new Set<Lease>();
    for (const ip of lease.ips)
      for (const other of this.blockOf(ip)?.at(ip)?.leases.values() ?? [])
        if (!other.claimed && clash(lease, other) !== undefined) found.add(other);
    return [...found].sort((a, b) => (a.service < b.service ? -1 : 1));
  }

  usage(pool: string): PoolUsage {
    const of = (family: Family): FamilyUsage => {
      const blocks = (this.blocks.get(pool) ?? []).filter((block) => block.prefix.family === family);
      const total = blocks.reduce((sum, block) => sum + block.size, 0n);
      const inUse = blocks.reduce((sum, block) => sum + block.inUse, 0);
      return { inUse, total: total > MAX_TOTAL ? MAX_TOTAL : total };
    };
    return { services: this.population.get(pool) ?? 0, ipv4: of(4), ipv6: of(6) };
  }

  private populate(lease: Lease, by: 1 | -1): void {
    const pool = this.index.poolOfAll(lease.ips);
    if (pool !== undefined) this.population.set(pool.name, (this.population.get(pool.name) ?? 0) + by);
  }

  private blockOf(ip: Address): Block | undefined {
    const member = this.index.find(ip);
    return member && this.byPrefix.get(member.prefix);
  }
}

export const textOf = (ips: readonly Address[]): string => ips.map(formatAddress).join(' and ');

/** The same addresses, in any order. */
export const sameAddresses = (a: readonly Address[], b: readonly Address[]): boolean =>
  a.length === b.length && a.every((ip) => b.some((other) => compareAddresses(ip, other) === 0));

export const distinctAddresses = (ips: readonly Address[]): Address[] =>
  ips.filter((ip, i) => ips.findIndex((other) => compareAddresses(ip, other) === 0) === i);
