/** What an operator should suspect when a connection ends, or does not begin, without anybody saying why. */
import type { State } from './fsm.ts';
import type { PeerSettings } from './settings.ts';

/** Nobody answers a dial: kernels drop without a word what is not signed, or came too far. */
export function silence({ password, ttlSecurityHops: hops }: PeerSettings): string {
  const causes = [
    ...(password === undefined ? [] : ['is its TCP-MD5 password the same as ours?']),
    ...(hops === undefined ? [] : [`does it use GTSM, ${hops} ${hops === 1 ? 'hop' : 'hops'} away at most?`]),
  ];
  return `no answer to the TCP connection attempt${causes.length > 0 ? `: ${causes.join(' ')}` : ''}`;
}

/** The peer closes the connection. */
export const ending = (state: State): string =>
  state === 'OpenSent'
    ? 'the peer closed the connection without an OPEN: is it configured for a session with us?'
    : 'the peer closed the connection';
