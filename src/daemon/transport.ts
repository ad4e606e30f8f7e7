/**
 * How packets to a peer are to be: a session's settings as socket options. TCP_USER_TIMEOUT is none of them: it would end
 * the session of a peer that is slow to read, though its keepalives arrive. The hold timers know better (RFC 9687).
 */
import { isInternal, type PeerSettings } from '../bgp/settings.ts';
import type { SocketOptions } from '../io/socket.ts';
import type { DialOptions, Tcp } from '../io/tcp.ts';

/** Network control (RFC 4594 §3.1): routing survives congestion. */
const DSCP_CS6 = 48;
/** The Internet's usual number of hops, for peers that may be far. */
const FAR_TTL = 64;

export function socketOptions(settings: PeerSettings): SocketOptions {
  const { ttlSecurityHops, multihop, vrf } = settings;
  const device = vrf ?? settings.interface;
  return {
    // RFC 5082 §3: 255 is what nobody farther than the peer can send; its own packets arrive with one less each hop.
    ttl: ttlSecurityHops !== undefined ? 255 : multihop || isInternal(settings) ? FAR_TTL : 1,
    ...(ttlSecurityHops !== undefined && { minTtl: 256 - ttlSecurityHops }),
    dscp: DSCP_CS6,
    ...(device !== undefined && { device }),
  };
}

export function dialOptions(settings: PeerSettings): DialOptions {
  const { address, port, sourceAddress, password } = settings;
  return {
    address,
    port,
    options: socketOptions(settings),
    ...(sourceAddress && { sourceAddress }),
    ...(settings.interface !== undefined && { interface: settings.interface }),
    ...(password !== undefined && { password }),
  };
}

/** The listener served everybody alike; now it is known who called. */
export function adapt(tcp: Pick<Tcp, 'configure'>, connection: number, settings: PeerSettings): void {
  const { device: _, ...options } = socketOptions(settings);
  try {
    tcp.configure(connection, settings.address.family, options);
  } catch {
    // Without native sockets, or on one that is gone already: what needs the options was refused before.
  }
}
