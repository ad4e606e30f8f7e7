/**
 * TCP as numbered connections: what sessions know of the network. One listener serves every peer.
 *
 * A connection that `close` was called for reports nothing more; every other ends with exactly one `closed`. Reading
 * is fair: a connection that has had its few milliseconds in this turn of the event loop waits for the next, so that
 * one full table never starves another session's keepalives.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type Address, formatAddress, parseAddress, unmapAddress } from '../lib/address.ts';
import { monotonicMs } from './clock.ts';

export interface Ends {
  readonly local: Address;
  readonly remote: Address;
}

export interface TcpEvents {
  connected(connection: number, ends: Ends): void;
  /** False: not wanted, the connection is closed at once and never mentioned again. */
  accepted(connection: number, ends: Ends): boolean;
  received(connection: number, bytes: Uint8Array): void;
  /** All octets of one `send` were taken by the kernel. */
  sent(connection: number): void;
  closed(connection: number, error: string | undefined): void;
}

export interface DialOptions {
  readonly address: Address;
  readonly port: number;
  readonly sourceAddress?: Address;
}

/** How long a closed connection may take to flush what was sent before. */
const LINGER_MS = 1_000;
/** Reading time per connection and turn of the event loop. */
const TURN_MS = 5;

export class Tcp {
  private readonly events: TcpEvents;
  private readonly sockets = new Map<number, Socket>();
  private readonly lingering = new Set<Socket>();
  /** With the `address port` of each. */
  private readonly servers = new Map<Server, string>();
  private next = 1;

  constructor(events: TcpEvents) {
    this.events = events;
  }

  /** A number for a connection about to be dialled. */
  readonly newConnection = (): number => this.next++;

  dial(connection: number, options: DialOptions): void {
    const socket = connect({
      host: formatAddress(options.address),
      port: options.port,
      family: options.address.family,
      ...(options.sourceAddress && { localAddress: formatAddress(options.sourceAddress) }),
      noDelay: true,
    });
    this.adopt(connection, socket);
    socket.once('connect', () => {
      const ends = endsOf(socket);
      if (ends) this.events.connected(connection, ends);
      else this.fail(connection, 'the connection ended before it could be used');
    });
  }

  /**
   * Listens there until `unlisten` or `stop`; port 0 takes any. Resolves to the port. Rejects with a message that
   * names the address and the remedy when it cannot.
   */
  listen(address: Address, port: number): Promise<number> {
    const server = createServer({ noDelay: true }, (socket) => this.accept(socket));
    const host = formatAddress(address);
    this.servers.set(server, `${host} ${port}`);
    return new Promise((resolve, reject) => {
      const refused = (error: NodeJS.ErrnoException) => {
        this.servers.delete(server);
        reject(new Error(listenError(error, host, port)));
      };
      server.once('error', refused);
      // Before it listened: `unlisten` or `stop` was faster.
      server.once('close', () => reject(new Error(`no longer wanted: to listen on ${place(host, port)}`)));
      server.listen({ host, port, ipv6Only: address.family === 6 && host !== '::' }, () => {
        server.off('error', refused);
        server.on('error', () => {}); // EMFILE and the like: the client is refused, the listener stays.
        const bound = (server.address() as AddressInfo).port;
        this.servers.set(server, `${host} ${bound}`);
        resolve(bound);
      });
    });
  }

  /** Stops listening there; connections stay. */
  unlisten(address: Address, port: number): void {
    for (const [server, where] of this.servers) {
      if (where !== `${formatAddress(address)} ${port}`) continue;
      this.servers.delete(server);
      server.close();
    }
  }

  private accept(socket: Socket): void {
    const connection = this.next++;
    const ends = endsOf(socket);
    if (ends) this.adopt(connection, socket);
    if (!ends || !this.events.accepted(connection, ends)) {
      this.sockets.delete(connection);
      socket.destroy();
    }
  }

  private adopt(connection: number, socket: Socket): void {
    this.sockets.set(connection, socket);
    let error: NodeJS.ErrnoException | undefined;
    let turnMs = 0;
    socket.on('data', (bytes) => {
      if (this.sockets.get(connection) !== socket) return;
      const start = monotonicMs();
      this.events.received(connection, bytes);
      turnMs += monotonicMs() - start;
      if (turnMs < TURN_MS) return;
      socket.pause();
      setImmediate(() => {
        turnMs = 0;
        socket.resume();
      });
    });
    socket.on('error', (e) => {
      error = e;
    });
    // The peer's FIN ends a session: there is no half-closed BGP.
    socket.on('end', () => this.fail(connection, undefined));
    socket.on('close', () => {
      this.lingering.delete(socket);
      this.fail(connection, error && dialError(error));
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
    for (const server of this.servers.keys()) server.close();
    this.servers.clear();
    for (const connection of [...this.sockets.keys()]) this.close(connection);
    const flushed = [...this.lingering].map((s) => new Promise((resolve) => s.once('close', resolve)));
    await Promise.race([Promise.all(flushed), new Promise((resolve) => setTimeout(resolve, LINGER_MS + 100).unref())]);
  }
}

function endsOf(socket: Socket): Ends | undefined {
  const local = parseAddress((socket.localAddress ?? '').split('%')[0]!);
  const remote = parseAddress((socket.remoteAddress ?? '').split('%')[0]!);
  return local && remote && { local: unmapAddress(local), remote: unmapAddress(remote) };
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
  EPIPE: 'the peer closed the connection',
};

const dialError = (error: NodeJS.ErrnoException): string => remedies[error.code ?? ''] ?? error.message;

const place = (host: string, port: number): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);

function listenError(error: NodeJS.ErrnoException, host: string, port: number): string {
  const where = place(host, port);
  if (error.code === 'EADDRINUSE')
    return `cannot listen on ${where}: another process does (ss -ltnp 'sport = :${port}' names it); stop it or choose another port`;
  if (error.code === 'EACCES')
    return `cannot listen on ${where}: ports below 1024 need CAP_NET_BIND_SERVICE or root; choose another port or grant it`;
  if (error.code === 'EADDRNOTAVAIL') return `cannot listen on ${where}: the address is not on this host`;
  return `cannot listen on ${where}: ${error.message}`;
}
