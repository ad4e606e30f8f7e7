/** The sockets by which the kernel is asked for routes, and by which it tells of them. */
import { SystemError } from '../../io/native.ts';
import { EventSocket, RequestSocket } from '../../io/netlink.ts';
import { Group } from '../../netlink/const.ts';

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
  events(groups, except, readable) {
    const open = (of: readonly number[]) =>
      new EventSocket({ groups: of, except, readable, bufferOctets: EVENT_BUFFER_OCTETS });
    try {
      return open(groups);
    } catch (error) {
      // Kernels before 5.3 have no next-hop objects.
      if (!(error instanceof SystemError && error.code === 'EINVAL')) throw error;
      return open(groups.filter((group) => group !== Group.nextHop));
    }
  },
};
