/**
 * TCP as numbered connections: what sessions know of the network. One listener serves every peer.
 *
 * A connection that `close` was called for reports nothing more; every other ends with exactly one `closed`. Reading
 * is fair: a connection that has had its few milliseconds in this turn of the event loop waits for the next, so that
 * one full table never starves another session's keepalives.
 */
import { Socket } from 'node:net';
import { type Address, formatAddress, isLinkLocal, parseAddress, unmapAddress } from '../lib/address.ts';
import { monotonicMs } from './clock.ts';
import { Listeners, type ListenKey, type ListenPlace } from './listener.ts';
import { nativeProblem } from './native.ts';
import { bindSource, openSocket, type SocketOptions, setMd5Key, setOptions } from './socket.ts';

export interface Ends {
  readonly local: Address;
  readonly remote: Address;
  /** The link that a link-local peer is on. */
  readonly interface?: string;
  /** The VRF in which the peer called; absent for the default VRF, and for connections that were dialled. */
  readonly vrf?: string;
}

export interface TcpEvents {
  connected(connection: number, ends: Ends): void;
  /** False: not wanted, the connection is closed at once and never mentioned again. */
  accepted(connection: number, ends: Ends): boolean;
  received(connection: number, bytes: Uint8Array): void;
  /** All octets of one `send` were taken by the kernel. */
  sent(connection: number): void;
  closed(connection: number, error: string | undefined): void;
  /** A place is listened on without all of its passwords; see `Listeners`. */
  keyless?(reason: string): void;
}

export interface DialOptions {
  readonly address: Address;
  readonly port: number;
  readonly sourceAddress?: Address;
  /** The link that a link-local peer is on. */
  readonly interface?: string;
  readonly options?: SocketOptions;
  /** TCP-MD5. */
  readonly password?: string;
}

const NOTHING = new Uint8Array(0);
/** How long a closed connection may take to flush what was sent before. */
const LINGER_MS = 1_000;
/** Reading time per connection and turn of the event loop. */
const TURN_MS = 3;
/** Octets that are handed over at once: few as long as they take long, as they do before the code for them is compiled. */
const MIN_PIECE_OCTETS = 4_096;
const MAX_PIECE_OCTETS = 65_536;

export class Tcp {
  private readonly events: TcpEvents;
  private readonly sockets = new Map<number, Socket>();
  private readonly lingering = new Set<Socket>();
  private readonly listeners = new Listeners(
    (socket, place) => this.accept(socket, place),
    (reason) => this.events.keyless?.(reason),
  );
  private next = 1;

  constructor(events: TcpEvents) {
    this.events = events;
  }

  /** A number for a connection about to be dialled. */
  readonly newConnection = (): number => this.next++;

  dial(connection: number, options: DialOptions): void {
    let socket: Socket;
    try {
      socket = outgoing(options);
    } catch (error) {
      // What failed is reported as any failed dial is, after this call.
      socket = new Socket();
      this.adopt(connection, socket, options);
      socket.destroy(error as Error);
      return;
    }
    this.adopt(connection, socket, options);
    socket.setNoDelay(true);
    socket.once('connect', () => {
      const ends = endsOf(socket);
      if (ends) this.events.connected(connection, ends);
      else this.fail(connection, 'the connection ended before it could be used');
    });
    const zone = options.interface !== undefined && isLinkLocal(options.address) ? `%${options.interface}` : '';
    socket.connect({
      host: `${formatAddress(options.address)}${zone}`,
      port: options.port,
      family: options.address.family,
      ...(needsNative(options) || !options.sourceAddress ? {} : { localAddress: formatAddress(options.sourceAddress) }),
    });
  }

  /** See `Listeners.open`. */
  listen(place: ListenPlace): Promise<number> {
    return this.listeners.open(place);
  }

  unlisten(place: ListenPlace): void {
    this.listeners.close(place);
  }

  /** See `Listeners.setKeys`. */
  setKeys(keys: readonly ListenKey[]): void {
    this.listeners.setKeys(keys);
  }

  /** Sets options on a connection that the peer made, now that it is known whose it is. */
  configure(connection: number, family: 4 | 6, options: SocketOptions): void {
    const socket = this.sockets.get(connection);
    // Node has no public name for a socket's descriptor.
    const fd = (socket as unknown as { _handle?: { fd?: number } } | undefined)?._handle?.fd;
    if (fd !== undefined && fd >= 0 && Object.keys(options).length > 0) setOptions(fd, family, options);
  }

  private accept(socket: Socket, place: ListenPlace): void {
    const connection = this.next++;
    const ends = endsOf(socket, place.vrf);
    if (ends) this.adopt(connection, socket);
    if (!ends || this.listeners.lacksKey(place, ends.remote) || !this.events.accepted(connection, ends)) {
      this.sockets.delete(connection);
      socket.destroy();
    }
  }

  private adopt(connection: number, socket: Socket, dialled?: DialOptions): void {
    this.sockets.set(connection, socket);
    let error: NodeJS.ErrnoException | undefined;
    let turnMs = 0;
    let piece = MIN_PIECE_OCTETS;
    /** What was read and not handed over when the time was up. */
    let rest: Uint8Array = NOTHING;
    const read = (bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length; ) {
        if (this.sockets.get(connection) !== socket) return;
        if (turnMs >= TURN_MS) return wait(bytes.subarray(at));
        const end = Math.min(at + piece, bytes.length);
        const start = monotonicMs();
        this.events.received(connection, at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
        const tookMs = monotonicMs() - start;
        turnMs += tookMs;
        if (tookMs > TURN_MS / 2) piece = Math.max(MIN_PIECE_OCTETS, piece / 2);
        else if (end - at === piece && tookMs < TURN_MS / 4) piece = Math.min(MAX_PIECE_OCTETS, 2 * piece);
        at = end;
      }
      if (turnMs >= TURN_MS) wait(NOTHING);
    };
    const wait = (bytes: Uint8Array) => {
      rest = bytes;
      socket.pause();
      setImmediate(() => {
        turnMs = 0;
        const before = rest;
        rest = NOTHING;
        read(before);
        if (turnMs < TURN_MS) socket.resume();
      });
    };
    socket.on('data', read);
    socket.on('error', (e) => {
      error = e;
    });
    // The peer's FIN ends a session: there is no half-closed BGP.
    socket.on('end', () => this.fail(connection, undefined));
    socket.on('close', () => {
      this.lingering.delete(socket);
      // Last words may be in it.
      if (rest.length > 0 && this.sockets.get(connection) === socket) this.events.received(connection, rest);
      rest = NOTHING;
      this.fail(connection, error && dialError(error, dialled));
    });
  }

  private fail(connection: number, error: string | undefined): void {
    const socket = this.sockets.get(connection);
    if (!socket) return;
    this.sockets.delete(connection);
    socket.destroy();
    this.events.closed(connection, error);
  }

  /** `bytes` belong to Node until `sent`: they must not be written to again. */
  send(connection: number, bytes: Uint8Array): void {
    const socket = this.sockets.get(connection);
    socket?.write(bytes, (error) => {
      if (!error && this.sockets.get(connection) === socket) this.events.sent(connection);
    });
  }

  /** Flushes what was sent, for a second at most, and closes. */
  close(connection: number): void {
    const socket = this.sockets.get(connection);
    if (!socket) return;
    this.sockets.delete(connection);
    if (socket.connecting) {
      socket.destroy();
      return;
    }
    this.lingering.add(socket);
    // Octets left unread would make the kernel reset the connection, and the peer might lose our last words.
    socket.resume();
    socket.end();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
    socket.once('close', () => clearTimeout(timer));
  }

  /** Stops listening, and waits until closed connections have flushed. */
  async stop(): Promise<void> {
    this.listeners.closeAll();
    for (const connection of [...this.sockets.keys()]) this.close(connection);
    const flushed = [...this.lingering].map((s) => new Promise((resolve) => s.once('close', resolve)));
    await Promise.race([Promise.all(flushed), new Promise((resolve) => setTimeout(resolve, LINGER_MS + 100).unref())]);
  }
}

/** Options that a session cannot do without; the others are left out where native sockets are not to be had. */
const insists = ({ options, password }: DialOptions): boolean =>
  password !== undefined || options?.device !== undefined || options?.minTtl !== undefined;

const needsNative = (dial: DialOptions): boolean =>
  insists(dial) || (Object.keys(dial.options ?? {}).length > 0 && nativeProblem() === undefined);

/** A socket to dial with, its options set before the first packet. Throws what the system says. */
function outgoing(dial: DialOptions): Socket {
  // Some versions of Node would try any interface.
  if (isLinkLocal(dial.address) && dial.interface === undefined)
    throw Object.assign(new Error('a link-local address without an interface'), { code: 'EINVAL' });
  if (!needsNative(dial)) return new Socket();
  const { address, options, password, sourceAddress } = dial;
  const fd = openSocket(address.family, options ?? {});
  // Whatever fails from here on, the socket closes its descriptor.
  const socket = new Socket({ fd });
  try {
    if (password !== undefined) setMd5Key(fd, { peer: address, password }, false);
    if (sourceAddress !== undefined)
      bindSource(fd, sourceAddress, isLinkLocal(sourceAddress) ? dial.interface : undefined);
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return socket;
}

function endsOf(socket: Socket, vrf?: string): Ends | undefined {
  const [localText, zone] = (socket.localAddress ?? '').split('%');
  const local = parseAddress(localText!);
  const remote = parseAddress((socket.remoteAddress ?? '').split('%')[0]!);
  return (
    local &&
    remote && {
      local: unmapAddress(local),
      remote: unmapAddress(remote),
      ...(zone !== undefined && { interface: zone }),
      ...(vrf !== undefined && { vrf }),
    }
  );
}

const remedies: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: nothing listens there, or a firewall rejects us',
  ECONNRESET: 'connection reset by the peer',
  EHOSTUNREACH: 'no route to the peer, or it does not answer ARP or neighbour discovery',
  ENETUNREACH: 'no route to the peer',
  ETIMEDOUT: 'no answer from the peer',
  EADDRNOTAVAIL: 'the source address is not on this host (yet)',
  EACCES: 'not permitted',
  EINVAL: 'not possible with these addresses: a link-local one is reached only through an interface that is named',
  ENODEV: 'there is no such interface or VRF (yet)',
  EPERM: 'not permitted: this socket option needs root or CAP_NET_RAW',
  ENOPROTOOPT: 'this kernel lacks a socket option that the peer needs (TCP-MD5?)',
  EPIPE: 'the peer closed the connection',
};

function dialError(error: NodeJS.ErrnoException, dialled: DialOptions | undefined): string {
  const text = remedies[error.code ?? ''] ?? error.message;
  // The router in between says that our packet's time is over.
  const far = error.code === 'EHOSTUNREACH' && dialled?.options?.ttl === 1;
  return far ? `${text}, or it is more than one hop away` : text;
}
