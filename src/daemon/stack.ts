/** The network stack of this namespace: links, addresses, rules and routes, asked when needed, and a word on changes. */
import { EventSocket, RequestSocket } from '../io/netlink.ts';
import { Client } from '../netlink/client.ts';
import { Group, type GroupName } from '../netlink/const.ts';
import type { NetlinkError } from '../netlink/errors.ts';
import type { LinkAddress } from '../netlink/ifaddr.ts';
import type { Op } from '../netlink/kinds.ts';
import type { Link } from '../netlink/link.ts';
import type { Route, RouteFilter, RouteSpec } from '../netlink/route.ts';
import type { Rule } from '../netlink/rule.ts';

export interface StackEvents {
  /** Something of the kinds that are watched is new, changed or gone, our own changes included. */
  changed(): void;
}

export class Stack {
  private readonly request: RequestSocket;
  private readonly events: EventSocket | undefined;
  private readonly client: Client;

  /** @param watched kinds of events to tell of. Throws `SystemError`. */
  constructor(watched: readonly GroupName[], events?: StackEvents) {
    this.request = new RequestSocket();
    this.client = new Client(this.request);
    try {
      if (events !== undefined) this.events = this.watch(watched, events);
    } catch (error) {
      this.request.close();
      throw error;
    }
  }

  /** Each of these throws `NetlinkError`. */
  links(): readonly Link[] {
    return this.client.dump('link', {});
  }

  addresses(): readonly LinkAddress[] {
    return this.client.dump('address', {});
  }

  rules(): readonly Rule[] {
    return this.client.dump('rule', {});
  }

  routes(filter: RouteFilter): readonly Route[] {
    return this.client.dump('route', filter);
  }

  /** Whether some route is as wanted; no more of them is read than it takes to tell. */
  some(filter: RouteFilter, wanted: (route: Route) => boolean): boolean {
    // A full table is left where it is when its socket is closed; one that is used again would have to be read to its end.
    const socket = new RequestSocket();
    try {
      const pages = new Client(socket).pages('route', filter);
      for (let page = pages.next(); !page.done; page = pages.next()) if (page.value.some(wanted)) return true;
      return false;
    } finally {
      socket.close();
    }
  }

  /** Where a packet would go. */
  route(spec: RouteSpec): Route {
    return this.client.get('route', spec);
  }

  /** Carries out changes in order. @returns for each its error, or undefined */
  apply(ops: readonly Op[]): readonly (NetlinkError | undefined)[] {
    return this.client.apply(ops);
  }

  close(): void {
    this.events?.close();
    this.request.close();
  }

  /** What the events say is not looked at: whoever is told reads everything anew. */
  private watch(watched: readonly GroupName[], events: StackEvents): EventSocket {
    const socket: EventSocket = new EventSocket({
      groups: watched.map((name) => Group[name]),
      readable: () => {
        while (socket.receive() !== undefined);
        events.changed();
      },
    });
    return socket;
  }
}
