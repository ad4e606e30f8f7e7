/** The addresses of this host as the kernel has them, and what it does about ARP for them. */
import { EventSocket, RequestSocket } from '../io/netlink.ts';
import { greaterOfAll } from '../io/sysctl.ts';
import { Client } from '../netlink/client.ts';
import { Group } from '../netlink/const.ts';
import type { NetlinkError } from '../netlink/errors.ts';
import type { LinkAddress } from '../netlink/ifaddr.ts';
import type { Op } from '../netlink/kinds.ts';
import { Monitor } from '../netlink/monitor.ts';
import { portsOf } from './fast/ports.ts';

/** What of it is asked for; all but `close` and `nameOf` may throw `NetlinkError` or `SystemError`. */
export interface Kernel {
  /** The index of the loopback. */
  readonly loopback: number;
  addresses(): readonly LinkAddress[];
  apply(ops: readonly Op[]): readonly (NetlinkError | undefined)[];
  /** Names of interfaces on which the kernel answers ARP for an address of the loopback, sorted. */
  answering(): readonly string[];
  nameOf(link: number): string;
  close(): void;
}

/** Values of arp_ignore with which an address of scope `host` on the loopback is answered for nowhere else. */
const SILENT = new Set([1, 2, 3, 8]);

/** The kernel does not answer on this interface for an address of scope `host` on the loopback, or of another interface. */
export const ignoresArp = (name: string): boolean => SILENT.has(greaterOfAll('arp_ignore', name));

export class LoopbackKernel implements Kernel {
  readonly loopback: number;
  private readonly request = new RequestSocket();
  private readonly client = new Client(this.request);
  private readonly events: EventSocket;
  private readonly names = new Map<number, string>();

  /** @param changed addresses of this host were changed by somebody else */
  constructor(changed: () => void) {
    const { request, client } = this;
    try {
      this.loopback = client.get('link', { name: 'lo' }).index;
      const monitor = new Monitor({ receive: () => this.events.receive() });
      this.events = new EventSocket({
        groups: [Group.address4, Group.address6],
        readable: () => {
          let foreign = false;
          for (let some = monitor.read(); some !== undefined; some = monitor.read())
            foreign ||= some.some((event) => !('portId' in event) || event.portId !== request.portId);
          if (foreign) changed();
        },
      });
    } catch (error) {
      request.close();
      throw error;
    }
  }

  addresses(): LinkAddress[] {
    return this.client.dump('address', {});
  }

  apply(ops: readonly Op[]): (NetlinkError | undefined)[] {
    return this.client.apply(ops);
  }

  answering(): string[] {
    const links = this.client.dump('link', {});
    const { ports } = portsOf(links, []);
    return ports.flatMap(({ name, arp }) => (arp && !ignoresArp(name) ? name : [])).sort();
  }

  nameOf(link: number): string {
    if (!this.names.has(link))
      for (const { index, name = '' } of this.client.dump('link', {})) this.names.set(index, name);
    return this.names.get(link) ?? `link ${link}`;
  }

  close(): void {
    this.events.close();
    this.request.close();
  }
}
