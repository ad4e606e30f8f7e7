/**
 * Listening sockets, with what `node:net` cannot give them: a VRF to be confined to, TTL 255 for peers that insist on
 * it, and TCP-MD5 keys that come and go while other sessions stay.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type Address, formatAddress } from '../lib/address.ts';
import { equal } from '../lib/diff.ts';
import { contains, formatPrefix, type Prefix, prefixOf } from '../lib/prefix.ts';
import { nativeProblem, type SystemError } from './native.ts';
import { type Md5Key, openListener, type SocketOptions, setMd5Key } from './socket.ts';

export interface ListenPlace {
  readonly address: Address;
  readonly port: number;
  /** VRF device; absent for the default VRF. */
  readonly vrf?: string;
}

/** A key, and the VRF in which it counts. */
export interface ListenKey extends Md5Key {
  readonly vrf?: string;
}

/** SYN-ACKs must pass a peer's GTSM (RFC 5082 §3); each connection gets its own TTL once it is known whose it is. */
const LISTEN_OPTIONS: SocketOptions = { ttl: 255, dscp: 48 };

interface Listener {
  readonly place: ListenPlace;
  readonly server: Server;
  /** Absent where native sockets are not to be had. */
  readonly fd?: number;
  /** Keys that the socket has. */
  readonly keys: Map<string, ListenKey>;
}

export class Listeners {
  private readonly listeners = new Map<string, Listener>();
  private keys: ReadonlyMap<string, ListenKey> = new Map();
  private readonly accept: (socket: Socket, place: ListenPlace) => void;

  private readonly keyless: (reason: string) => void;

  /** @param keyless told, for the operator, of a place that is listened on without all of its keys */
  constructor(accept: (socket: Socket, place: ListenPlace) => void, keyless: (reason: string) => void = () => {}) {
    this.accept = accept;
    this.keyless = keyless;
  }

  /**
   * Listens there until `close`; port 0 takes any. Resolves to the port. Rejects with a message that names place and remedy.
   * A key that the system does not take is no reason to: whoever was to sign with it is not let in, and the others are.
   */
  open(place: ListenPlace): Promise<number> {
    const server = createServer({ noDelay: true }, (socket) => this.accept(socket, place));
    return new Promise((resolve, reject) => {
      let fd: number | undefined;
      const refuse = (error: unknown) => reject(new Error(describeError(error, place)));
      const { address, port } = place;
      const dual = formatAddress(address) === '::';
      let key = keyOf(place);
      try {
        if (nativeProblem() === undefined)
          fd = openListener(address, port, dual, { ...LISTEN_OPTIONS, ...(place.vrf && { device: place.vrf }) });
        else if (place.vrf !== undefined) throw new Error(nativeProblem());
      } catch (error) {
        return refuse(error);
      }
      const listener: Listener = { place, server, ...(fd !== undefined && { fd }), keys: new Map() };
      this.listeners.set(key, listener);
      const refused = (error: unknown) => {
        this.listeners.delete(key);
        refuse(error);
      };
      server.once('error', refused);
      // Before it listened: `close` was faster.
      server.once('close', () => reject(new Error(`no longer wanted: to listen on ${textOf(place)}`)));
      let lacking: string | undefined;
      try {
        this.applyKeys(listener);
      } catch (error) {
        lacking = (error as Error).message;
      }
      const listening = () => {
        server.off('error', refused);
        server.on('error', () => {}); // EMFILE and the like: the caller is refused, the listener stays.
        if (lacking !== undefined) this.keyless(lacking);
        const bound = (server.address() as AddressInfo).port;
        if (port === 0) {
          this.listeners.delete(key);
          key = keyOf({ ...place, port: bound });
          this.listeners.set(key, listener);
        }
        resolve(bound);
      };
      if (fd !== undefined) server.listen({ fd }, listening);
      else server.listen({ host: formatAddress(address), port, ipv6Only: address.family === 6 && !dual }, listening);
    });
  }

  /** Stops listening there; connections stay. */
  close(place: ListenPlace): void {
    const listener = this.listeners.get(keyOf(place));
    this.listeners.delete(keyOf(place));
    listener?.server.close();
  }

  closeAll(): void {
    for (const { server } of this.listeners.values()) server.close();
    this.listeners.clear();
  }

  /**
   * The keys that peers must sign with, of all peers. Keys that stay are not touched, so their sessions go on. Throws
   * with a message for the operator where the system does not take one; whoever was to sign with that is not let in.
   */
  setKeys(keys: readonly ListenKey[]): void {
    this.keys = new Map(keys.map((key) => [peerOf(key), key]));
    let failure: unknown;
    for (const listener of this.listeners.values())
      try {
        this.applyKeys(listener);
      } catch (error) {
        failure ??= error;
      }
    if (failure !== undefined) throw failure;
  }

  /** A caller there was to sign, with a key that the socket does not have: it may be anybody. */
  lacksKey(place: ListenPlace, caller: Address): boolean {
    const listener = [...this.listeners.values()].find((one) => one.place === place);
    return this.wanted(place).some(
      ([peer, key]) => contains(prefixOfKey(key), caller) && !equal(listener?.keys.get(peer), key),
    );
  }

  private wanted(place: ListenPlace): (readonly [string, ListenKey])[] {
    return [...this.keys].filter(
      ([, { vrf, peer }]) => vrf === place.vrf && (peer.family === place.address.family || isDual(place)),
    );
  }

  private applyKeys({ place, fd, keys: have }: Listener): void {
    const want = this.wanted(place);
    if (fd === undefined) {
      if (want.length > 0)
        throw new Error(`TCP-MD5 passwords need native sockets, and nobody is let in who has one: ${nativeProblem()}`);
      return;
    }
    for (const [peer, key] of have) {
      if (want.some(([p]) => p === peer)) continue;
      setMd5Key(fd, { ...key, password: '' }, isDual(place));
      have.delete(peer);
    }
    let failure: Error | undefined;
    for (const [peer, key] of want) {
      if (equal(have.get(peer), key)) continue;
      try {
        setMd5Key(fd, key, isDual(place));
        have.set(peer, key);
      } catch (error) {
        failure ??= new Error(`TCP-MD5 for ${peerText(key)} on ${textOf(place)}: ${keyError(error as Error)}`);
      }
    }
    if (failure !== undefined) throw failure;
  }
}

const prefixOfKey = ({ peer }: ListenKey): Prefix => ('length' in peer ? peer : prefixOf(peer));

const peerText = ({ peer }: ListenKey): string => ('length' in peer ? formatPrefix(peer) : formatAddress(peer));

/** The kernel keeps a socket's keys in its memory for options. */
function keyError(error: Error & { readonly code?: string }): string {
  const remedy = error.code === 'ENOMEM' ? ' (raise net.core.optmem_max, and restart)' : '';
  return `${error.message}${remedy}; whoever calls from there is not let in`;
}

const isDual = ({ address }: ListenPlace): boolean => formatAddress(address) === '::';

const keyOf = ({ address, port, vrf }: ListenPlace): string => `${formatAddress(address)} ${port} ${vrf ?? ''}`;

const peerOf = ({ peer, vrf }: ListenKey): string =>
  `${'length' in peer ? formatPrefix(peer) : formatAddress(peer)} ${vrf ?? ''}`;

function textOf({ address, port, vrf }: ListenPlace): string {
  const host = formatAddress(address);
  return `${address.family === 6 ? `[${host}]` : host}:${port}${vrf === undefined ? '' : ` in VRF ${vrf}`}`;
}

function describeError(error: unknown, place: ListenPlace): string {
  const where = textOf(place);
  const { code, message } = error as NodeJS.ErrnoException | SystemError;
  if (code === 'EADDRINUSE')
    return `cannot listen on ${where}: another process does (ss -ltnp 'sport = :${place.port}' names it); stop it or choose another port`;
  if (code === 'EACCES')
    return `cannot listen on ${where}: ports below 1024 need CAP_NET_BIND_SERVICE or root; choose another port or grant it`;
  if (code === 'EADDRNOTAVAIL') return `cannot listen on ${where}: the address is not on this host`;
  if (code === 'ENODEV') return `cannot listen on ${where}: there is no such VRF device`;
  if (code === 'EPERM') return `cannot listen on ${where}: VRFs need CAP_NET_RAW or root`;
  return `cannot listen on ${where}: ${message}`;
}
