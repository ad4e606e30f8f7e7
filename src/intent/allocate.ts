/**
 * Addresses for Services, by MetalLB's rules, one Service at a time.
 *
 * A Service whose status names addresses has them: they are claimed, not allocated, and whoever stands in the way is
 * evicted. Any other keeps what it holds while that is allowed, or is given the addresses it asks for, or else the
 * lowest that its pools have. What comes out depends on the documents and on what was held before, never on a clock,
 * on chance or on the order of a hash table; `allocationOrder` makes it depend on the order of arrival as little as
 * possible.
 */
import { admits } from '../config/candidates.ts';
import type { Namespace, Pool, Service } from '../config/model.ts';
import { type Address, compareAddresses, formatAddress, parseAddress } from '../lib/address.ts';
import type { Assigned, Assignment, Problem, Remembered } from './assignment.ts';
import { choose, complete, nothingLeft } from './choice.ts';
import { unsuitable, type Wanted, wantedFamilies } from './families.ts';
import { groupOf, type Lease, leaseOf, sameLease, serviceKey } from './lease.ts';
import { distinctAddresses, Ledger, type PoolUsage, sameAddresses, textOf } from './ledger.ts';
import { automaticPools, hasFamily, isAvoided } from './pools.ts';

export class Allocator {
  private ledger = new Ledger(new Map());
  private namespaces: ReadonlyMap<string, Namespace> = new Map();
  /** Why a Service lost its addresses, until it is assigned again. */
  private readonly lost = new Map<string, Problem>();

  /**
   * @returns Services whose addresses no pool holds any more, sorted; they are without addresses until assigned again.
   *   Whether the others may keep theirs is seen when they are assigned again, too.
   */
  setPools(pools: ReadonlyMap<string, Pool>, namespaces: ReadonlyMap<string, Namespace>): string[] {
    this.namespaces = namespaces;
    const old = [...this.ledger.index.pools.values()];
    const now = [...pools.values()];
    if (old.length === now.length && old.every((pool, i) => pool === now[i])) return [];

    const ledger = new Ledger(pools);
    const dropped: string[] = [];
    for (const lease of this.ledger.leases.values()) {
      if (lease.claimed || ledger.index.poolOfAll(lease.ips)) {
        ledger.put(lease);
        continue;
      }
      dropped.push(lease.service);
      this.lost.set(lease.service, {
        reason: 'ipNotAllowed',
        message: `no pool contains ${textOf(lease.ips)} any more`,
      });
    }
    this.ledger = ledger;
    return dropped.sort();
  }

  /**
   * Gives the Service addresses, or says why not; asked again it gives the same answer. Whether the Service wants any
   * (`unhandled`) is asked before.
   */
  assign(service: Service): Assignment {
    const key = serviceKey(service);
    if (service.ingress.length > 0) return this.claim(key, service);
    let cleared = this.lost.get(key);
    this.lost.delete(key);
    const held = this.ledger.leases.get(key);
    if (held !== undefined) {
      const problem = this.renew(held, service);
      if (problem === undefined) return this.assigned(key, 'kept');
      this.ledger.drop(held);
      cleared = problem;
    }
    const result = this.allocate(service);
    if ('reason' in result)
      return { assigned: false, service: key, ...result, evicted: [], ...(cleared && { cleared }) };
    this.ledger.put(result);
    return this.assigned(key, service.request.addresses.length > 0 ? 'requested' : 'chosen', cleared);
  }

  /** @returns whether the Service held anything, which may now go to one that got nothing */
  release(key: string): boolean {
    this.lost.delete(key);
    const lease = this.ledger.leases.get(key);
    if (lease !== undefined) this.ledger.drop(lease);
    return lease !== undefined;
  }

  /** The Services that hold something. */
  holders(): IterableIterator<string> {
    return this.ledger.leases.keys();
  }

  /** What a Service holds: the same object until that is something else. */
  lease(key: string): Lease | undefined {
    return this.ledger.leases.get(key);
  }

  /** It would be given an address of its second family as well (PreferDualStack) if its pool had one left. */
  lacksFamily(service: Service): boolean {
    const { ips = [] } = this.lease(serviceKey(service)) ?? {};
    const [only, other] = ips;
    if (only === undefined || other !== undefined || service.ingress.length > 0) return false;
    if (service.request.addresses.length > 0 || wantedFamilies(service).second !== 'preferred') return false;
    const pool = this.ledger.index.poolOfAll(ips);
    return pool !== undefined && hasFamily(pool, only.family === 4 ? 6 : 4);
  }

  holds(key: string): boolean {
    return this.ledger.leases.has(key);
  }

  usage(pool: string): PoolUsage {
    return this.ledger.usage(pool);
  }

  /** Everything that is held, sorted by Service. */
  snapshot(): Remembered[] {
    return [...this.ledger.leases.values()]
      .map(({ service, ips, ports, sharingKey, backendKey }) => ({
        service,
        ips: ips.map(formatAddress),
        ports,
        sharingKey,
        backendKey,
      }))
      .sort((a, b) => (a.service < b.service ? -1 : 1));
  }

  /**
   * Takes up what a snapshot says, after `setPools` and before the first Service. An entry that is not possible any
   * more (its pool is gone, another one holds the address) is left out.
   * @returns the Services left out, sorted
   */
  restore(remembered: readonly Remembered[]): string[] {
    const left: string[] = [];
    for (const { service, ips: texts, ports, sharingKey, backendKey } of remembered) {
      const ips = texts.flatMap((text) => parseAddress(text) ?? []);
      const group = groupOf(sharingKey, backendKey);
      const lease = { service, ips, ports, sharingKey, backendKey, group, claimed: false };
      const readable = ips.length === texts.length && !this.holds(service);
      if (readable && this.ledger.index.poolOfAll(ips) && this.ledger.refusal(lease) === undefined)
        this.ledger.put(lease);
      else left.push(service);
    }
    return left.sort();
  }

  /** Addresses in the status are a fact that somebody else made. */
  private claim(service: string, document: Service): Assignment {
    this.lost.delete(service);
    const { ingress } = document;
    const ips = ingress.flatMap((entry) => entry.address ?? []);
    const lease = leaseOf(document, distinctAddresses(ips), true);
    const held = this.ledger.leases.get(service);
    let evicted: readonly string[] = [];
    if (held === undefined || !sameLease(held, lease)) {
      if (held !== undefined) this.ledger.drop(held);
      evicted = this.evict(lease);
      this.ledger.put(lease);
    }
    const bad = ingress.find((entry) => entry.address === undefined);
    if (bad !== undefined)
      return { assigned: false, service, reason: 'invalidIP', message: `status names "${bad.text}"`, evicted };
    if (this.ledger.index.poolOfAll(ips) === undefined)
      return { assigned: false, service, reason: 'ipNotAllowed', message: `no pool contains ${textOf(ips)}`, evicted };
    return this.assigned(service, 'status', undefined, evicted);
  }

  private evict(lease: Lease): string[] {
    const displaced = this.ledger.displaced(lease);
    for (const other of displaced) {
      this.ledger.drop(other);
      const message = `${textOf(other.ips)}: claimed by the status of ${lease.service}`;
      this.lost.set(other.service, { reason: 'addressTaken', message });
    }
    return displaced.map((other) => other.service);
  }

  /** Keeps what is held, adapted to the Service as it is now, or says why it cannot be kept. */
  private renew(held: Lease, service: Service): Problem | undefined {
    const wanted = wantedFamilies(service);
    const { request } = service;
    const misfit = unsuitable(held.ips, wanted);
    if (misfit !== undefined) return { reason: 'familyMismatch', message: misfit };
    const place = this.place(held.ips, service);
    if ('reason' in place) return place;
    if (request.pool !== undefined && request.pool !== place.pool.name)
      return { reason: 'differentPoolRequested', message: `pool ${request.pool} is requested` };
    if (request.addresses.length > 0 && !sameAddresses(request.addresses, held.ips))
      return { reason: 'differentIPRequested', message: `${textOf(request.addresses)} is requested` };

    let lease = leaseOf(service, held.ips, false);
    if (request.addresses.length === 0 && wanted.second === 'preferred')
      lease = complete(this.ledger, place.pool, lease);
    if (sameLease(held, lease)) return undefined;
    this.ledger.drop(held);
    const problem = this.ledger.refusal(lease);
    this.ledger.put(problem ? held : lease);
    return problem;
  }

  private allocate(service: Service): Lease | Problem {
    const { request } = service;
    const wanted = wantedFamilies(service);
    if (request.invalid !== undefined) return { reason: 'requestInvalid', message: request.invalid };
    if (request.addresses.length > 0) return this.allocateRequested(service, wanted);
    if (request.pool !== undefined) {
      const pool = this.ledger.index.pools.get(request.pool);
      if (pool === undefined) return unknown(request.pool);
      return admits(pool, service, this.namespaces)
        ? this.allocateChosen([[pool]], service, wanted)
        : incompatible(pool);
    }
    const groups = automaticPools(this.ledger.index.pools, service, this.namespaces);
    if (groups.every((pools) => pools.length === 0))
      return { reason: 'noPool', message: 'no pool with autoAssign admits the Service' };
    return this.allocateChosen(groups, service, wanted);
  }

  private allocateRequested(service: Service, wanted: Wanted): Lease | Problem {
    const { addresses, pool } = service.request;
    // Where the Service names both of its families, one address is half an answer even under PreferDualStack.
    const half = wanted.given.length > 1 && addresses.length < 2 ? 'the Service has two families' : undefined;
    const misfit = unsuitable(addresses, wanted) ?? half;
    if (misfit !== undefined) return { reason: 'familyMismatch', message: `requested ${textOf(addresses)}: ${misfit}` };
    const place = this.place(addresses, service);
    if ('reason' in place) return place;
    if (pool !== undefined && !this.ledger.index.pools.has(pool)) return unknown(pool);
    if (pool !== undefined && pool !== place.pool.name)
      return { reason: 'addressNotInPool', message: `requested ${textOf(addresses)} is not in pool ${pool}` };
    const lease = leaseOf(service, [...addresses].sort(compareAddresses), false);
    return this.ledger.refusal(lease) ?? lease;
  }

  private allocateChosen(groups: readonly (readonly Pool[])[], service: Service, wanted: Wanted): Lease | Problem {
    const lease = leaseOf(service, [], false);
    const ips = choose(this.ledger, groups, wanted, lease);
    return ips === undefined ? nothingLeft(groups.flat(), wanted) : { ...lease, ips };
  }

  /** The pool that holds the addresses and lets the Service have them, as far as other Services do not matter. */
  private place(ips: readonly Address[], service: Service): { readonly pool: Pool } | Problem {
    const pool = this.ledger.index.poolOfAll(ips);
    if (pool === undefined) return { reason: 'addressNotInPool', message: `no pool contains ${textOf(ips)}` };
    const avoided = ips.find((ip) => isAvoided(pool, ip));
    if (avoided !== undefined)
      return { reason: 'addressAvoided', message: `pool ${pool.name} avoids ${formatAddress(avoided)}` };
    return admits(pool, service, this.namespaces) ? { pool } : incompatible(pool);
  }

  private assigned(
    service: string,
    origin: Assigned['origin'],
    cleared?: Problem,
    evicted: readonly string[] = [],
  ): Assigned {
    const { ips } = this.ledger.leases.get(service)!;
    const pool = this.ledger.index.poolOfAll(ips)!.name;
    return { assigned: true, service, ips, pool, origin, evicted, ...(cleared && { cleared }) };
  }
}

const unknown = (pool: string): Problem => ({ reason: 'poolUnknown', message: `unknown pool "${pool}"` });

const incompatible = (pool: Pool): Problem => ({
  reason: 'poolIncompatible',
  message: `pool ${pool.name} does not admit the namespace or the labels of the Service`,
});
