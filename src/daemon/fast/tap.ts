/** One packet socket and all that hangs on it: the filter, the groups, and whether it came to be. */
import { arpFilter, type Instruction, neighborFilter } from '../../l2/filter.ts';
import type { Group } from '../../l2/groups.ts';
import type { Reception } from '../../l2/port.ts';
import type { Protocol } from '../../l2/sender.ts';
import type { Layer2Rules } from '../../l2/snapshot.ts';
import { diff } from '../../lib/diff.ts';
import { type Mac, macBytes } from '../../lib/mac.ts';
import { wordOf } from './word.ts';

/** What a packet socket does (io/packet.ts). */
export interface Socket {
  readonly fd: number;
  setFilter(filter: readonly Instruction[]): void;
  receive(buffer: Uint8Array): number;
  send(frame: Uint8Array): boolean;
  join(mac: Uint8Array): void;
  leave(mac: Uint8Array): void;
  setReception(mode: Layer2Rules['reception']): void;
  attached(): boolean;
  takeOverruns(): number;
  close(): void;
}

/** Memberships that are reported to switches (io/multicast.ts). */
export interface Groups {
  join(index: number, group: Uint8Array): void;
  leave(index: number, group: Uint8Array): void;
  close(): void;
}

interface Sockets {
  open(index: number, protocol: Protocol, filter: readonly Instruction[]): Socket;
  readonly groups: Groups;
  watch(socket: Socket, one: { ready(): void }): void;
  unwatch(socket: Socket): void;
}

/** Whoever takes the frames. */
export interface Drain {
  drain(tap: Tap): void;
}

/** Memberships changed in one call: with thousands of them the kernel takes its time for each. */
const TURN_MEMBERSHIPS = 200;

export class Tap {
  readonly index: number;
  readonly protocol: Protocol;
  private readonly sockets: Sockets;
  private readonly owner: Drain;
  private socket: Socket | undefined;
  /** What the socket has, as far as it was achieved. */
  private have: Reception | undefined;
  private joined = new Map<Mac, Group>();
  private reported = new Map<Mac, Group>();
  /** There are memberships left to be changed, by the next call. */
  unfinished = false;
  private error: string | undefined;
  private mldError: string | undefined;

  constructor(index: number, protocol: Protocol, sockets: Sockets, owner: Drain) {
    this.index = index;
    this.protocol = protocol;
    this.sockets = sockets;
    this.owner = owner;
  }

  /** `on`, or the word for what failed. */
  get status(): string {
    return this.error ?? 'on';
  }

  get mld(): string {
    if (this.protocol === 'arp') return 'off';
    return this.mldError ?? 'on';
  }

  /** Something is to be tried again. */
  get failed(): boolean {
    return this.error !== undefined || this.mldError !== undefined;
  }

  /**
   * Never throws: what fails is told by `status`, and done by the next call.
   * @returns whether a socket was opened
   */
  reconcile(want: Reception, mode: Layer2Rules['reception']): boolean {
    const before = this.socket;
    this.attempt(want, mode);
    return this.socket !== undefined && this.socket !== before;
  }

  private attempt(want: Reception, mode: Layer2Rules['reception']): void {
    this.error = undefined;
    this.mldError = undefined;
    this.unfinished = false;
    try {
      if (this.socket?.attached() === false) this.drop();
      const socket = this.socket ?? this.open(want);
      if (this.have !== want) socket.setFilter(this.filter(want));
      this.have = want;
      socket.setReception(mode);
      if (this.protocol === 'arp') return;
      this.join(socket, want.groups);
    } catch (error) {
      this.error = wordOf(error);
    }
  }

  private open(want: Reception): Socket {
    const socket = this.sockets.open(this.index, this.protocol, this.filter(want));
    try {
      this.sockets.watch(socket, this);
    } catch (error) {
      socket.close();
      throw error;
    }
    this.socket = socket;
    this.have = want;
    return socket;
  }

  private filter({ ranges4, ranges6 }: Reception): Instruction[] {
    return this.protocol === 'arp' ? arpFilter(this.index, ranges4) : neighborFilter(this.index, ranges6);
  }

  private join(socket: Socket, groups: ReadonlyMap<Mac, Group>): void {
    const same = () => true;
    let left = TURN_MEMBERSHIPS;
    const some = <T>(list: readonly T[]): readonly T[] => {
      const part = list.slice(0, left);
      left -= part.length;
      this.unfinished ||= part.length < list.length;
      return part;
    };
    const heard = diff(this.joined, groups, same);
    for (const [mac] of some(heard.removed)) {
      this.joined.delete(mac);
      socket.leave(macBytes(mac));
    }
    for (const [mac, group] of some(heard.added)) {
      socket.join(macBytes(mac));
      this.joined.set(mac, group);
    }
    const told = diff(this.reported, groups, same);
    for (const [mac, group] of some(told.removed)) {
      this.reported.delete(mac);
      this.sockets.groups.leave(this.index, group.address.bytes);
    }
    for (const [mac, group] of some(told.added)) {
      try {
        this.sockets.groups.join(this.index, group.address.bytes);
        this.reported.set(mac, group);
      } catch (error) {
        this.mldError = wordOf(error);
      }
    }
  }

  /** A frame has come, or an error. */
  ready(): void {
    this.owner.drain(this);
  }

  /** As `PacketSocket.receive`. */
  receive(buffer: Uint8Array): number {
    return this.socket?.receive(buffer) ?? 0;
  }

  send(frame: Uint8Array): boolean {
    return this.socket?.send(frame) ?? false;
  }

  takeOverruns(): number {
    return this.socket?.takeOverruns() ?? 0;
  }

  private drop(): void {
    for (const group of this.reported.values()) this.sockets.groups.leave(this.index, group.address.bytes);
    this.reported.clear();
    this.joined.clear();
    if (this.socket === undefined) return;
    this.sockets.unwatch(this.socket);
    this.socket.close();
    this.socket = undefined;
    this.have = undefined;
  }

  close(): void {
    this.drop();
  }
}
