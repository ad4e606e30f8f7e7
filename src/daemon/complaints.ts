/** What keeps addresses from being announced on interfaces, for the log: once, and again after it was in order. */
import type { Logger } from '../io/log.ts';
import { formatAddress } from '../lib/address.ts';
import type { Group } from './addresses.ts';
import type { PortStatus } from './fast/protocol.ts';

const protocols = ['arp', 'ndp'] as const;

export class Complaints {
  private readonly log: Logger;
  /** Why there is no socket, by interface and protocol. */
  private failing: ReadonlyMap<string, string> = new Map();
  /** Families and interfaces that were asked for in vain. */
  private missing: ReadonlySet<string> = new Set();

  constructor(log: Logger) {
    this.log = log;
  }

  /** What became of the sockets of all interfaces. */
  sockets(ports: readonly PortStatus[]): void {
    const failing = new Map<string, string>();
    for (const port of ports)
      for (const protocol of protocols) {
        const reason = port[protocol];
        const key = `${port.name} ${protocol}`;
        const failed = reason !== 'on' && reason !== 'off';
        if (failed) failing.set(key, reason);
        if (failing.get(key) === this.failing.get(key)) continue;
        const fields = { interface: port.name, protocol, reason };
        const remedy = reason === 'EPERM' ? ': CAP_NET_RAW is needed' : '';
        if (failed) this.log.warn(fields, `addresses cannot be announced on this interface${remedy}`);
        else this.log.info(fields, 'addresses can be announced on this interface again');
      }
    this.failing = failing;
  }

  /**
   * All addresses for which none of the interfaces can answer that advertisements ask for.
   * @param unable why the interface of this name does not: absent, down, excluded, enslaved, EPERM …
   */
  lacking(groups: Iterable<Group>, unable: (name: string, family: 4 | 6) => string): void {
    const missing = new Set<string>();
    for (const { interfaces, family, first, count } of groups) {
      const key = `ipv${family} ${interfaces === 'all' ? '' : interfaces.join()}`;
      missing.add(key);
      if (this.missing.has(key)) continue;
      const why = interfaces !== 'all' && {
        why: Object.fromEntries(interfaces.map((name) => [name, unable(name, family)])),
      };
      const fields = { reason: 'announceFailed', interfaces, ...why, ip: formatAddress(first), addresses: count };
      this.log.warn(fields, 'no interface that may answer exists and is up');
    }
    this.missing = missing;
  }
}
