/** The interfaces of this network namespace, kept current by what rtnetlink tells. */
import { EventSocket, RequestSocket } from '../io/netlink.ts';
import { Client } from '../netlink/client.ts';
import { Group } from '../netlink/const.ts';
import { isRunning, type Link, LinkEvent } from '../netlink/link.ts';
import { Monitor } from '../netlink/monitor.ts';

export interface LinksEvents {
  /** At least one interface is new, changed or gone. */
  changed(): void;
  /** The interfaces could not be read; it is tried again. */
  problem(reason: string): void;
}

/** Between attempts to read all interfaces, ms. */
const RETRY_MS = 1_000;

export class Links {
  private readonly events: LinksEvents;
  private readonly request: RequestSocket;
  private readonly socket: EventSocket;
  private readonly client: Client;
  private readonly monitor: Monitor;
  private byIndex = new Map<number, Link>();
  /** How often neighbours and switches are to be told anew where an interface is, by index. */
  readonly moves = new Map<number, number>();
  private retry: NodeJS.Timeout | undefined;

  /** Reads all interfaces at once. Throws `SystemError` or `NetlinkError` where that cannot be done. */
  constructor(events: LinksEvents) {
    this.events = events;
    this.request = new RequestSocket();
    this.client = new Client(this.request);
    // Before the first reading: what changes meanwhile is not lost.
    try {
      this.socket = new EventSocket({ groups: [Group.link], readable: () => this.read() });
    } catch (error) {
      this.request.close();
      throw error;
    }
    this.monitor = new Monitor(this.socket);
    try {
      this.dump();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get all(): Iterable<Link> {
    return this.byIndex.values();
  }

  close(): void {
    clearTimeout(this.retry);
    this.socket.close();
    this.request.close();
  }

  private read(): void {
    let changed = false;
    let lost = false;
    for (let events = this.monitor.read(); events !== undefined; events = this.monitor.read()) {
      for (const event of events) {
        if (event.type === 'overrun' || event.type === 'malformed') lost = true;
        else if (event.kind !== 'link') continue;
        else if (event.type === 'new') this.hear(event.value);
        else {
          this.byIndex.delete(event.value.index);
          this.moves.delete(event.value.index);
        }
        changed = true;
      }
    }
    if (lost) this.reread();
    else if (changed) this.events.changed();
  }

  private hear(link: Link): void {
    const { index } = link;
    if (moved(this.byIndex.get(index), link)) this.count(index);
    this.byIndex.set(index, link);
  }

  private reread(): void {
    clearTimeout(this.retry);
    try {
      this.dump();
      this.events.changed();
    } catch (error) {
      this.events.problem((error as Error).message);
      this.retry = setTimeout(() => this.reread(), RETRY_MS);
    }
  }

  private dump(): void {
    const before = this.byIndex;
    this.byIndex = new Map();
    for (const link of this.client.dump('link', {})) {
      if (moved(before.get(link.index), link)) this.count(link.index);
      this.byIndex.set(link.index, link);
    }
    for (const index of this.moves.keys()) if (!this.byIndex.has(index)) this.moves.delete(index);
  }

  private count(index: number): void {
    this.moves.set(index, (this.moves.get(index) ?? 0) + 1);
  }
}

/**
 * A bond that changed its active member, or a virtual machine that moved, is behind another port of a switch now; and a switch
 * forgets what it learned by a port that lost its carrier, however soon that is back: both may be heard of in one turn, or neither,
 * where events were lost.
 * @param before the link as it was last heard of
 */
export function moved(before: Link | undefined, now: Link): boolean {
  if (now.event === LinkEvent.bondingFailover || now.event === LinkEvent.notifyPeers) return true;
  if (before === undefined || !isRunning(now)) return false;
  return !isRunning(before) || before.carrierUps !== now.carrierUps;
}
