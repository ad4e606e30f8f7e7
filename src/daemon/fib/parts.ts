/** The sockets by which the kernel is asked for routes, and by which it tells of them; and who may change which. */
import { type Claim, claim, holderOf } from '../../io/claim.ts';
import { SystemError } from '../../io/native.ts';
import { EventSocket, RequestSocket } from '../../io/netlink.ts';
import { userId } from '../../io/process.ts';
import { Group } from '../../netlink/const.ts';
import type { Place } from './places.ts';

export type Requests = Pick<RequestSocket, 'portId' | 'send' | 'sendAside' | 'receive' | 'close'>;
export type Events = Pick<EventSocket, 'receive' | 'close'>;

/** Where this system is asked; throws where it cannot be. */
export interface FibParts {
  request(): Requests;
  events(groups: readonly number[], except: number, readable: () => void): Events;
  /** A place of routes for this process alone; undefined where another has it. */
  claim(place: Place): Claim | undefined;
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
  claim: claimPlace,
};

/** What `ss -xl` shows behind an @ while a process looks after routes. */
export const claimName = ({ table, protocol, metric }: Place): string =>
  `waypost/routes/table/${table}/protocol/${protocol}/metric/${metric}`;

/** A user who may not change routes keeps nobody from it by taking the name. */
function claimPlace(place: Place): Claim | undefined {
  const name = claimName(place);
  try {
    const own = claim(name);
    if (own !== undefined) return own;
  } catch (error) {
    // No such sockets here: as if nobody else could have it.
    if (error instanceof SystemError) return unheld;
    throw error;
  }
  const holder = holderOf(name);
  return holder === undefined || holder.uid === 0 || holder.uid === userId() ? undefined : unheld;
}

const unheld: Claim = { close: () => {} };
