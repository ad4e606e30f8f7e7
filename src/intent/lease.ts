/** What a Service holds, and who may hold one address together. */
import type { Service } from '../config/model.ts';
import { type Address, compareAddresses } from '../lib/address.ts';
import type { Problem } from './assignment.ts';

/** Never changed: a Service whose ports or keys change gets another lease. */
export interface Lease {
  /** `namespace/name`. */
  readonly service: string;
  readonly ips: readonly Address[];
  /** `TCP/80`, sorted. */
  readonly ports: readonly string[];
  readonly sharingKey: string;
  /** Shared addresses lead to the same endpoints: '' under the Cluster policy, the pod selector under Local. */
  readonly backendKey: string;
  /** Both keys in one: leases of one group may share an address while their ports differ. '' shares with nobody. */
  readonly group: string;
  /** The Service's own status names the addresses: they are taken as they stand. */
  readonly claimed: boolean;
}

/** The key under which the configuration files a Service. */
export const serviceKey = (service: Pick<Service, 'namespace' | 'name'>): string =>
  `${service.namespace}/${service.name}`;

export function leaseOf(service: Service, ips: readonly Address[], claimed: boolean): Lease {
  const { sharingKey } = service.request;
  const backendKey = service.externalTrafficPolicy === 'Local' ? service.selector : '';
  return {
    service: serviceKey(service),
    ips,
    ports: service.ports.map((p) => `${p.protocol}/${p.port}`).sort(),
    sharingKey,
    backendKey,
    group: groupOf(sharingKey, backendKey),
    claimed,
  };
}

export const groupOf = (sharingKey: string, backendKey: string): string =>
  sharingKey === '' ? '' : JSON.stringify([sharingKey, backendKey]);

/** The two are interchangeable. */
export const sameLease = (a: Lease, b: Lease): boolean =>
  a.claimed === b.claimed &&
  a.group === b.group &&
  a.ports.join() === b.ports.join() &&
  a.ips.length === b.ips.length &&
  a.ips.every((ip, i) => compareAddresses(ip, b.ips[i]!) === 0);

/** Why the two may not hold one address, or undefined when they may. */
export function clash(mine: Lease, other: Lease): Problem | undefined {
  if (mine.sharingKey === '' || other.sharingKey === '') {
    const who = mine.sharingKey === '' ? mine.service : other.service;
    return {
      reason: 'addressInUse',
      message: `address also in use by ${other.service}; ${who} has no sharing key`,
    };
  }
  if (mine.sharingKey !== other.sharingKey)
    return {
      reason: 'sharingKeyMismatch',
      message: `sharing key "${mine.sharingKey}" does not match "${other.sharingKey}" of ${other.service}`,
    };
  if (mine.backendKey !== other.backendKey)
    return {
      reason: 'backendKeyMismatch',
      message: `backend key "${mine.backendKey}" does not match "${other.backendKey}" of ${other.service}`,
    };
  const port = mine.ports.find((p) => other.ports.includes(p));
  if (port !== undefined)
    return { reason: 'portConflict', message: `port ${port} is already in use by ${other.service}` };
  return undefined;
}

/** Those who hold one address. Thousands may, so nothing here looks at each of them but to explain a refusal. */
export class Holders {
  readonly leases = new Map<string, Lease>();
  /** Leases by group. More than one group only where statuses contradict the sharing rules. */
  private readonly groups = new Map<string, number>();
  private readonly ports = new Map<string, number>();

  /** The one group of all holders; '' when they do not share. */
  get group(): string {
    const [first] = this.groups.keys();
    return this.groups.size === 1 ? first! : '';
  }

  add(lease: Lease): void {
    this.leases.set(lease.service, lease);
    count(this.groups, lease.group, 1);
    for (const port of lease.ports) count(this.ports, port, 1);
  }

  remove(lease: Lease): void {
    this.leases.delete(lease.service);
    count(this.groups, lease.group, -1);
    for (const port of lease.ports) count(this.ports, port, -1);
  }

  /** `lease`, whose Service is none of the holders, may join them. */
  accepts(lease: Lease): boolean {
    if (this.leases.size === 0) return true;
    return lease.group !== '' && lease.group === this.group && !lease.ports.some((port) => this.ports.has(port));
  }

  /** Why `accepts` says no: the first clash in order of the holders' names. */
  refusal(lease: Lease): Problem | undefined {
    if (this.accepts(lease)) return undefined;
    for (const name of [...this.leases.keys()].sort()) {
      const problem = clash(lease, this.leases.get(name)!);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
}

function count(map: Map<string, number>, key: string, by: 1 | -1): void {
  const n = (map.get(key) ?? 0) + by;
  if (n === 0) map.delete(key);
  else map.set(key, n);
}
