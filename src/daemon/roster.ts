/**
 * Who the peers of this node are at the moment: those with an address in their document, those found on a link, and
 * those that called from a range where anybody may.
 */
import type { PeerSettings } from '../bgp/settings.ts';
import type { Configuration, Peer as PeerDocument } from '../config/model.ts';
import { dynamicPeer, type NodePeers, nodePeers, type PeerRange } from '../intent/peers.ts';
import type { Ends } from '../io/tcp.ts';
import { type Address, compareAddresses, formatAddress } from '../lib/address.ts';
import { contains } from '../lib/prefix.ts';
import { Damping } from './damping.ts';
import { Sources } from './sources.ts';
import { Discovery } from './unnumbered.ts';

export interface RosterEvents {
  /** A neighbour was found on a link or lost: `wanted` is another. */
  changed(): void;
  /** What an operator should know of a link on which a peer is looked for. */
  problem(text: string): void;
}

/** A peer that is looked for on a link, or whose source address is yet to come. */
export interface MissingPeer {
  readonly settings: Omit<PeerSettings, 'address'> & { readonly address?: Address };
  readonly reason: string;
}

interface Caller {
  readonly range: PeerRange;
  readonly settings: PeerSettings;
  /** When it called. */
  readonly sinceMs: number;
}

export class Roster {
  private readonly discovery: Discovery;
  private readonly sources: Sources;
  private peers: NodePeers = { peers: [], unnumbered: [], ranges: [], skipped: [] };
  /** By interface: who was found there, and our own address. */
  private readonly found = new Map<string, { readonly address: Address; readonly local: Address }>();
  private readonly problems = new Map<string, string>();
  /** By name. */
  private readonly callers = new Map<string, Caller>();
  private readonly damping = new Damping();
  private watched: ReadonlySet<string> = new Set();

  constructor(events: RosterEvents) {
    this.sources = new Sources(() => events.changed());
    this.discovery = new Discovery({
      found: (link, address, local) => {
        this.found.set(link, { address, local });
        events.changed();
      },
      lost: (link, reason) => {
        // A session that still runs knows better than a router that advertises no more; its hold timer decides.
        if (reason !== 'silent' && this.found.delete(link)) events.changed();
      },
      problem: (link, text) => {
        if (text === undefined) this.problems.delete(link);
        else {
          this.problems.set(link, text);
          events.problem(text);
        }
      },
    });
  }

  /** Takes over a configuration. Returns the peers of its documents that do not run here. */
  apply(config: Configuration, fallbackRouterId: number): NodePeers['skipped'] {
    this.peers = nodePeers(config, fallbackRouterId);
    const links = new Set(this.peers.unnumbered.map(({ settings }) => settings.interface));
    for (const link of this.watched) {
      if (links.has(link)) continue;
      this.discovery.unwatch(link);
      this.found.delete(link);
      this.problems.delete(link);
    }
    for (const link of links) this.discovery.watch(link);
    this.watched = links;
    this.sources.watch(
      this.peers.peers.flatMap(({ document, settings }) =>
        document.sourceInterface === undefined
          ? []
          : [{ link: document.sourceInterface, family: settings.address.family }],
      ),
    );
    for (const [name, { settings }] of this.callers)
      if (this.rangeOf(settings.address) === undefined) this.callers.delete(name);
    return this.peers.skipped;
  }

  /** The sessions that are to be, by name. */
  get wanted(): ReadonlyMap<string, PeerSettings> {
    const want = new Map<string, PeerSettings>();
    for (const { settings, document } of this.peers.peers) {
      const sourceAddress = this.sourceOf(document, settings);
      if (document.sourceInterface === undefined) want.set(settings.name, settings);
      else if (sourceAddress) want.set(settings.name, { ...settings, sourceAddress });
    }
    for (const { settings } of this.peers.unnumbered) {
      const neighbour = this.found.get(settings.interface);
      if (neighbour)
        want.set(settings.name, { ...settings, address: neighbour.address, sourceAddress: neighbour.local });
    }
    for (const [name, { settings, range }] of this.callers) {
      const now = this.rangeOf(settings.address) ?? range;
      want.set(name, dynamicPeer(now, settings.address));
    }
    return want;
  }

  /** Unnumbered peers that nobody was found for, and those without a source address. */
  get missing(): readonly MissingPeer[] {
    const sourceless = this.peers.peers.flatMap(({ settings, document }) => {
      const { sourceInterface: link } = document;
      if (link === undefined || this.sourceOf(document, settings)) return [];
      return [{ settings, reason: `interface ${link} has no IPv${settings.address.family} address to connect from` }];
    });
    const unfound = this.peers.unnumbered
      .filter(({ settings }) => !this.found.has(settings.interface))
      .map(({ settings }) => ({
        settings,
        reason: this.problems.get(settings.interface) ?? 'no router was heard on the link yet',
      }));
    return [...sourceless, ...unfound];
  }

  /** What the documents come to on this node. */
  get documents(): NodePeers {
    return this.peers;
  }

  /** Nobody else is to be expected than `wanted` has. */
  get isComplete(): boolean {
    return this.missing.length === 0 && this.peers.ranges.length === 0;
  }

  /** Ranges from which anybody may call, for the passwords that they must know. */
  get ranges(): readonly PeerRange[] {
    return this.peers.ranges;
  }

  /** Somebody without a session calls: the settings to talk to them with, where a range has a place left. */
  call(ends: Ends, nowMs: number): PeerSettings | undefined {
    const { remote, vrf } = ends;
    const range = vrf === undefined ? this.rangeOf(remote) : undefined;
    if (range === undefined || this.waitMs(ends, nowMs) > 0) return undefined;
    const guests = [...this.callers.values()].filter((c) => contains(range.prefix, c.settings.address));
    if (guests.length >= range.limit) return undefined;
    const settings = dynamicPeer(range, remote);
    this.callers.set(settings.name, { range, settings, sinceMs: nowMs });
    return settings;
  }

  /** How long a caller is turned away since its sessions have failed, ms. */
  waitMs({ remote }: Ends, nowMs: number): number {
    return this.damping.waitMs(formatAddress(remote), nowMs);
  }

  isCaller(name: string): boolean {
    return this.callers.has(name);
  }

  /** The session of a peer that had called is over. Returns whether it was such a one. @param wasUp at some time it was */
  leave(name: string, wasUp: boolean, nowMs: number): boolean {
    const caller = this.callers.get(name);
    if (caller === undefined) return false;
    this.callers.delete(name);
    this.damping.ended(name, wasUp ? nowMs - caller.sinceMs : undefined, nowMs);
    return true;
  }

  /** A peer that had called is none until it calls again. Returns whether it was such a one. */
  dismiss(name: string): boolean {
    return this.callers.delete(name);
  }

  close(): void {
    this.discovery.close();
    this.sources.close();
  }

  private sourceOf({ sourceInterface: link }: PeerDocument, { address }: PeerSettings): Address | undefined {
    return link === undefined ? undefined : this.sources.address(link, address.family);
  }

  /** The range from which the address may call; none where it is that of a peer with a document, or such a one's name. */
  private rangeOf(address: Address): PeerRange | undefined {
    const { peers, unnumbered, ranges } = this.peers;
    const range = ranges.find(({ prefix }) => contains(prefix, address));
    if (range === undefined) return undefined;
    const name = formatAddress(address);
    if (peers.some(({ settings: s }) => s.vrf === undefined && compareAddresses(s.address, address) === 0))
      return undefined;
    return [...peers, ...unnumbered].some(({ settings }) => settings.name === name) ? undefined : range;
  }
}
