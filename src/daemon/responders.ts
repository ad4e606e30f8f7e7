/** The interfaces that may answer for addresses, as the fast worker was told of them, and what it said of each. */
import type { Port } from '../l2/link.ts';
import type { Announced } from '../l2/snapshot.ts';
import { covers } from '../lib/cover.ts';
import { equal } from '../lib/diff.ts';
import type { Ports } from './fast/ports.ts';
import type { PortStatus } from './fast/protocol.ts';

type Interfaces = Announced['interfaces'];

export class Responders {
  private known: Ports = { ports: [], macs: [], ineligible: new Map() };
  /** What the worker said last, by name. */
  private status = new Map<string, PortStatus>();

  /** Returns whether that is news to the worker: most of what is told of links is not. */
  found(now: Ports): boolean {
    const before = this.known;
    this.known = now;
    return !equal(before.ports, now.ports) || !equal(before.macs, now.macs);
  }

  /** What became of the sockets of all interfaces. */
  heard(ports: readonly PortStatus[]): void {
    this.status = new Map(ports.map((port) => [port.name, port]));
  }

  /** The worker has said something of the interface of this name. */
  has(name: string): boolean {
    return this.status.has(name);
  }

  /** Those that can answer for an address of this family, as far as the worker has said otherwise of none. */
  able(wanted: Interfaces, family: 4 | 6): Port[] {
    const protocol = protocolOf(family);
    return this.known.ports
      .filter((port) => port.running && port[protocol] && covers(wanted, port.name))
      .filter((port) => ['on', 'off'].includes(this.statusOf(port)?.[protocol] ?? 'on'));
  }

  /** The worker has said that it answers there. */
  isOn(port: Port, family: 4 | 6): boolean {
    return this.statusOf(port)?.[protocolOf(family)] === 'on';
  }

  /** Those that could be meant, with why each does not answer. */
  lacking(wanted: Interfaces, family: 4 | 6): (readonly [name: string, why: string])[] {
    const { ports, ineligible } = this.known;
    const names = wanted === 'all' ? [...ports.map(({ name }) => name), ...ineligible.keys()].sort() : wanted;
    return names.map((name) => [name, this.unable(name, family)]);
  }

  /** Why the one of this name does not answer for addresses of this family: absent, down, excluded, enslaved, EPERM … */
  unable(name: string, family: 4 | 6): string {
    const { ports, ineligible } = this.known;
    const port = ports.find((one) => one.name === name);
    if (port === undefined) return ineligible.get(name) ?? 'absent';
    const protocol = protocolOf(family);
    if (!port.running) return 'down';
    return port[protocol] ? (this.statusOf(port)?.[protocol] ?? 'on') : 'off';
  }

  /** What it said of another interface that had the name is of no use. */
  private statusOf({ name, index }: Port): PortStatus | undefined {
    const status = this.status.get(name);
    return status?.index === index ? status : undefined;
  }
}

const protocolOf = (family: 4 | 6) => (family === 4 ? 'arp' : 'ndp');
