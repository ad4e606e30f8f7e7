/**
 * Which node is known to have had an address last, for those who want addresses to stay where they are. It is filed by
 * the first address of a Service, which is what the election hashes: Services that share it move together.
 *
 * Every node that reads the same documents in the same order comes to the same, and what one knew is remembered over a
 * restart. A node without a memory, or one that was off while documents changed, may differ.
 */
import type { Speaker } from '../config/speaker.ts';

export interface Owned {
  readonly ip: string;
  /** The node's name. */
  readonly owner: string;
}

interface Entry {
  owner: string | undefined;
  readonly services: Set<string>;
}

export class Tenure {
  private readonly entries = new Map<string, Entry>();
  private readonly byService = new Map<string, string>();

  /** What was known at the end of an earlier run, before anything is decided. */
  recall(owned: readonly Owned[]): void {
    for (const { ip, owner } of owned) this.entries.set(ip, { owner, services: new Set() });
  }

  owner(ip: string): string | undefined {
    return this.entries.get(ip)?.owner;
  }

  /**
   * A Service was decided. `owner` is undefined when nobody can announce it: whoever could last may come back to it.
   * @param ip undefined: it has no address, or is gone
   */
  set(service: string, ip: string | undefined, owner: string | undefined): void {
    const before = this.byService.get(service);
    if (before !== undefined && before !== ip) {
      const { services } = this.entries.get(before)!;
      services.delete(service);
      if (services.size === 0) this.entries.delete(before);
      this.byService.delete(service);
    }
    if (ip === undefined) return;
    this.byService.set(service, ip);
    const entry = this.entries.get(ip) ?? { owner, services: new Set<string>() };
    this.entries.set(ip, entry);
    entry.services.add(service);
    entry.owner = owner ?? entry.owner;
  }

  clear(): void {
    this.entries.clear();
    this.byService.clear();
  }

  /** Addresses that some Service has, by their text. */
  snapshot(): Owned[] {
    return [...this.entries]
      .flatMap(([ip, { owner, services }]) => (owner === undefined || services.size === 0 ? [] : { ip, owner }))
      .sort((a, b) => (a.ip < b.ip ? -1 : 1));
  }
}

/** Whether it matters to this speaker who had an address before. */
export const remembersOwners = ({ layer2 }: Speaker): boolean => layer2.stickiness || layer2.holdDownMs > 0;
