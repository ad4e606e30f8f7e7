/**
 * One prefix of a pool: who holds which of its addresses, and which is the lowest that may be given out next. Finding
 * it takes no walk over the addresses in use, in a /30 as in a /64.
 */
import type { Pool } from '../config/model.ts';
import { type Address, bitsOf, fromBigInt, toBigInt } from '../lib/address.ts';
import type { Prefix } from '../lib/prefix.ts';
import { Holders, type Lease } from './lease.ts';
import { isAvoided } from './pools.ts';

export class Block {
  readonly prefix: Prefix;
  private readonly pool: Pool;
  private readonly end: bigint;
  /** Every address below is in use, avoided, or in `freed`. */
  private next: bigint;
  /** Addresses below `next` that came back, highest first; some may be in use again. */
  private readonly freed: bigint[] = [];
  private readonly holders = new Map<bigint, Holders>();
  /** Addresses whose holders share, by their group. */
  private readonly shared = new Map<string, Run>();

  constructor(pool: Pool, prefix: Prefix) {
    this.pool = pool;
    this.prefix = prefix;
    this.next = toBigInt(prefix);
    this.end = this.next + (1n << BigInt(bitsOf(prefix.family) - prefix.length));
  }

  /** Addresses in use. */
  get inUse(): number {
    return this.holders.size;
  }

  /** Addresses that can be given out when none is in use. */
  get size(): bigint {
    const first = toBigInt(this.prefix);
    const all = this.end - first;
    if (!this.pool.avoidBuggyIps || this.prefix.family === 6) return all;
    if (all >= 256n) return all - 2n * (all >> 8n);
    const low = first & 0xffn;
    return all - (low === 0n ? 1n : 0n) - (low + all === 256n ? 1n : 0n);
  }

  at(ip: Address): Holders | undefined {
    return this.holders.get(toBigInt(ip));
  }

  /** The lowest address that `lease` may have, be it free or shared, or undefined when there is none. */
  lowest(lease: Lease): Address | undefined {
    const free = this.lowestFree();
    const shared = this.shared.get(lease.group)?.lowest(lease, (address) => this.fits(address, lease));
    const best = free === undefined || (shared !== undefined && shared < free) ? shared : free;
    return best === undefined ? undefined : fromBigInt(this.prefix.family, best);
  }

  add(ip: Address, lease: Lease): void {
    const address = toBigInt(ip);
    let holders = this.holders.get(address);
    if (holders === undefined) {
      holders = new Holders();
      this.holders.set(address, holders);
    }
    const before = holders.group;
    holders.add(lease);
    this.regroup(address, before, holders.group);
  }

  remove(ip: Address, lease: Lease): void {
    const address = toBigInt(ip);
    const holders = this.holders.get(address)!;
    const before = holders.group;
    holders.remove(lease);
    this.regroup(address, before, holders.group);
    this.shared.get(lease.group)?.freed();
    if (holders.leases.size > 0) return;
    this.holders.delete(address);
    if (address < this.next && !this.avoids(address)) insert(this.freed, address, (a, b) => a > b);
  }

  private lowestFree(): bigint | undefined {
    for (let low = this.freed.at(-1); low !== undefined; low = this.freed.at(-1)) {
      if (!this.holders.has(low)) return low;
      this.freed.pop();
    }
    while (this.next < this.end && (this.holders.has(this.next) || this.avoids(this.next))) this.next++;
    return this.next < this.end ? this.next : undefined;
  }

  private fits(address: bigint, lease: Lease): boolean {
    return !this.avoids(address) && this.holders.get(address)!.accepts(lease);
  }

  private avoids(address: bigint): boolean {
    return this.pool.avoidBuggyIps && isAvoided(this.pool, fromBigInt(this.prefix.family, address));
  }

  /** Moves an address between runs after its holders changed from one group to another. */
  private regroup(address: bigint, before: string, after: string): void {
    if (before === after) return;
    const old = this.shared.get(before);
    if (old?.delete(address) === 0) this.shared.delete(before);
    if (after === '') return;
    let run = this.shared.get(after);
    if (run === undefined) {
      run = new Run();
      this.shared.set(after, run);
    }
    run.add(address);
  }
}

/** The addresses of one sharing group, ascending, and for each set of ports how far they are known to be taken. */
class Run {
  private readonly addresses: bigint[] = [];
  private readonly floors = new Map<string, bigint>();

  lowest(lease: Lease, fits: (address: bigint) => boolean): bigint | undefined {
    const ports = lease.ports.join();
    let i = position(this.addresses, this.floors.get(ports) ?? 0n, (a, b) => a < b);
    while (i < this.addresses.length && !fits(this.addresses[i]!)) i++;
    const found = this.addresses[i];
    this.floors.set(ports, found ?? (this.addresses.at(-1) ?? 0n) + 1n);
    return found;
  }

  add(address: bigint): void {
    if (address < (this.addresses.at(-1) ?? 0n)) this.floors.clear();
    insert(this.addresses, address, (a, b) => a < b);
  }

  /** @returns how many are left */
  delete(address: bigint): number {
    this.addresses.splice(
      position(this.addresses, address, (a, b) => a < b),
      1,
    );
    return this.addresses.length;
  }

  /** Ports became free somewhere. */
  freed(): void {
    this.floors.clear();
  }
}

/** Where `value` stands, or would stand, in a list sorted by `before`. */
function position(list: readonly bigint[], value: bigint, before: (a: bigint, b: bigint) => boolean): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(list[middle]!, value)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insert(list: bigint[], value: bigint, before: (a: bigint, b: bigint) => boolean): void {
  const at = position(list, value, before);
  if (list[at] !== value) list.splice(at, 0, value);
}
