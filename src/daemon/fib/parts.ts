/** The sockets by which the kernel is asked for routes, and by which it tells of them. */
import { EventSocket, RequestSocket } from '../../io/netlink.ts';

export type Requests = Pick<RequestSocket, 'portId' | 'send' | 'sendAside' | 'receive' | 'close'>;
export type Events = Pick<EventSocket, 'receive' | 'close'>;

/** Where this system is asked; throws where it cannot be. */
export interface FibParts {
  request(): Requests;
  events(groups: readonly number[], except: number, readable: () => void): Events;
}

/** Room for the events of a table that is flushed, a hundred thousand routes or so. */
const EVENT_BUFFER_OCTETS = 32 << 20;

export const realParts: FibParts = {
  request: () => new RequestSocket(),
  events: (groups, except, readable) =>
    new EventSocket({ groups, except, readable, bufferOctets: EVENT_BUFFER_OCTETS }),
};
