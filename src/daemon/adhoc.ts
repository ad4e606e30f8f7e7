/** One session without documents, and its events as plain data: what `waypost peer` prints. */
import { decodeInterned } from '../bgp/attr.ts';
import type { Agreement } from '../bgp/handshake.ts';
import { readPrefixes } from '../bgp/nlri.ts';
import type { PathAttributes } from '../bgp/path.ts';
import type { PeerSettings } from '../bgp/settings.ts';
import type { Update } from '../bgp/update.ts';
import { wallClock } from '../io/clock.ts';
import { highestIpv4 } from '../io/interfaces.ts';
import { type Address, formatAddress, toU32 } from '../lib/address.ts';
import { formatPrefix, type Prefix } from '../lib/prefix.ts';
import type { Peer } from './peer.ts';
import { attributeName, formatRouterId, type RouteJson, routeJson } from './routes.ts';
import { Speaker } from './speaker.ts';
import { type Unsent, unsentOf } from './unsent.ts';

/** Every event has the wall-clock time, ISO 8601. */
export type PeerEvent = { readonly time: string } & (
  | { readonly event: 'state'; readonly from: string; readonly to: string; readonly reason: string }
  | {
      readonly event: 'established';
      readonly routerId: string;
      readonly peerAsn: number;
      readonly holdTimeSec: number;
      readonly families: readonly string[];
    }
  | ({ readonly event: 'announce'; readonly prefix: string } & RouteJson)
  | { readonly event: 'withdraw'; readonly prefix: string }
  | { readonly event: 'endOfRib'; readonly family: string }
  | { readonly event: 'fault'; readonly attribute: string; readonly action: string; readonly reason: string }
  /** So many prefixes of ours cannot be told to this peer. */
  | ({ readonly event: 'unsent' } & Unsent)
  | { readonly event: 'stranger'; readonly address: string }
);
type Untimed<E> = E extends PeerEvent ? Omit<E, 'time'> : never;

export class AdHocSession {
  /** The session was Established at least once. */
  everEstablished = false;
  private readonly speaker: Speaker;
  private readonly peer: Peer;
  private readonly print: (event: PeerEvent) => void;
  private flushDue = false;
  /** How many of them were told of. */
  private readonly unsent = { ipv4: 0, ipv6: 0 };
  /** What the session cannot have that it was to have. */
  private problem: string | undefined;

  /** Without a router ID, the node's highest IPv4 address is taken, or the address family's loopback. */
  constructor(
    settings: Omit<PeerSettings, 'routerId'> & { readonly routerId?: number },
    print: (event: PeerEvent) => void,
  ) {
    this.print = print;
    this.speaker = new Speaker({
      state: (_, from, to, reason) => this.emit({ event: 'state', from, to, reason }),
      established: (_, agreement) => this.established(agreement),
      update: (_, update) => this.update(update),
      stranger: (ends) => this.emit({ event: 'stranger', address: formatAddress(ends.remote) }),
      problem: (text) => {
        this.problem ??= text;
      },
    });
    const routerId = settings.routerId ?? toU32((highestIpv4() ?? LOOPBACK).bytes);
    this.peer = this.speaker.add({ ...settings, routerId });
  }

  /** Why the last attempt ended; '' when none did. */
  get lastError(): string {
    return this.peer.session.lastError;
  }

  /** Rejects with a message for the operator when it cannot listen, or not with the password. */
  async start(listen?: { readonly address: Address; readonly port: number }): Promise<void> {
    if (listen)
      await this.speaker.setListeners([
        { ...listen, ...(this.peer.settings.vrf !== undefined && { vrf: this.peer.settings.vrf }) },
      ]);
    this.speaker.start(this.peer);
    if (this.problem !== undefined) throw new Error(this.problem);
  }

  announce(prefix: Prefix, attributes: PathAttributes): void {
    this.peer.session.out.set(prefix, attributes);
    this.flush();
  }

  withdraw(prefix: Prefix): void {
    this.peer.session.out.delete(prefix);
    this.flush();
  }

  stop(): Promise<void> {
    return this.speaker.stop();
  }

  /** One message for all that is said in one turn. */
  private flush(): void {
    if (this.flushDue) return;
    this.flushDue = true;
    process.nextTick(() => {
      this.flushDue = false;
      this.speaker.routesChanged(this.peer);
      this.tellUnsent();
    });
  }

  private established({ peerRouterId, peerAsn, holdMs, context }: Agreement): void {
    this.everEstablished = true;
    const routerId = formatRouterId(peerRouterId);
    this.emit({ event: 'established', routerId, peerAsn, holdTimeSec: holdMs / 1000, families: context.families });
    Object.assign(this.unsent, { ipv4: 0, ipv6: 0 });
    this.tellUnsent();
  }

  /** What would else be left out in silence. */
  private tellUnsent(): void {
    const found = { ipv4: 0, ipv6: 0 };
    for (const row of unsentOf(this.peer.session)) {
      found[row.family] += row.prefixes;
      if (found[row.family] > this.unsent[row.family]) this.emit({ event: 'unsent', ...row });
    }
    Object.assign(this.unsent, found);
  }

  private update(update: Update): void {
    for (const fault of update.faults)
      this.emit({ event: 'fault', attribute: attributeName(fault.code), action: fault.action, reason: fault.reason });
    for (const run of update.unreach)
      for (const prefix of readPrefixes(run)) this.emit({ event: 'withdraw', prefix: formatPrefix(prefix) });
    for (const run of update.reach) {
      const route = routeJson(decodeInterned(this.speaker.attributes.view(run.attributes)));
      for (const prefix of readPrefixes(run)) this.emit({ event: 'announce', prefix: formatPrefix(prefix), ...route });
    }
    if (update.endOfRib) this.emit({ event: 'endOfRib', family: update.endOfRib });
  }

  private emit(event: Untimed<PeerEvent>): void {
    this.print({ time: wallClock(), ...event } as PeerEvent);
  }
}

const LOOPBACK: Address = { family: 4, bytes: Uint8Array.of(127, 0, 0, 1) };
