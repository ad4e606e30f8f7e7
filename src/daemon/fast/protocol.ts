/** What the main thread and the fast worker say to each other. */
import type { DropReason } from '../../bfd/packet.ts';
import type { BfdAction } from '../../bfd/session.ts';
import type { SessionView } from '../../bfd/view.ts';
import type { WantedBfd } from '../../intent/bfd.ts';
import type { AddressCounters, Announced, ConflictReport, DropCounters, Snapshot } from '../../l2/snapshot.ts';
import type { LateCounts } from '../../lib/late.ts';

/** To the worker. Each is whole: of several of a type, the last one counts. */
export type Order =
  | { readonly type: 'snapshot'; readonly snapshot: PackedSnapshot }
  /** All BFD sessions there are to be. */
  | { readonly type: 'bfd'; readonly sessions: readonly BfdOrder[] };

export interface BfdOrder extends Omit<WantedBfd, 'users' | 'members'> {
  /** Names the session in reports. */
  readonly key: string;
}

/** What happened to a session, as far as others want to know. */
export type BfdNews = Extract<
  BfdAction,
  { readonly type: 'changed' | 'negotiated' | 'remoteChanged' | 'remoteDemand' | 'narrowed' }
>;

/** From the worker, about BFD. */
export type BfdReport =
  | {
      readonly type: 'bfdNews';
      readonly key: string;
      readonly news: BfdNews;
      readonly view: SessionView;
      /** Now, and when the last packet of the peer came, on the clock of the worker, ms; undefined: none did. */
      readonly atMs: number;
      readonly heardMs: number | undefined;
    }
  /** The worker was so late that sessions send less often, this often at most. */
  | { readonly type: 'bfdWidened'; readonly sessions: number; readonly lateMs: number; readonly txMs: number }
  /** About once a second: the sessions that did something, what no session is to blame for, how late packets left. */
  | {
      readonly type: 'bfdRows';
      readonly rows: readonly BfdRow[];
      readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
      readonly late: LateCounts;
    };

export interface BfdRow {
  readonly key: string;
  readonly view: SessionView;
  /** Why nothing of it is on the wire (EADDRINUSE, ENODEV …); it is tried again. */
  readonly problem: string | undefined;
}

/** What became of an interface: `on`, `off` (not wanted there), or the word for the error; what failed is tried again. */
export interface PortStatus {
  readonly index: number;
  readonly name: string;
  readonly arp: string;
  readonly ndp: string;
  /** Whether multicast groups could be reported to switches (MLD). */
  readonly mld: string;
}

/** From the worker. */
export type Report =
  /** Once, when it can take orders. `realtime`: whether it has real-time priority, or why not (`EPERM`). */
  | { readonly type: 'ready'; readonly realtime: true | string }
  /** A snapshot is in force; again, with the same number, when the status of an interface changes later. */
  | { readonly type: 'applied'; readonly number: number; readonly ports: readonly PortStatus[] }
  /** What changed, about once a second; totals since the address or interface was first there. */
  | {
      readonly type: 'counters';
      readonly addresses: readonly AddressCounters[];
      readonly drops: readonly DropCounters[];
    }
  | ConflictReport
  | BfdReport;

/** A snapshot whose addresses are a few arrays, since each object that crosses to another thread is copied on its own. */
export interface PackedSnapshot extends Omit<Snapshot, 'addresses'> {
  /** 4 or 16, by address. */
  readonly lengths: Uint8Array;
  /** All addresses, one after the other. */
  readonly octets: Uint8Array;
  readonly epochs: Float64Array;
  /** Index into `interfaces`, by address. */
  readonly sets: Uint32Array;
  /** Each once. */
  readonly interfaces: readonly Announced['interfaces'][];
}

export function packSnapshot({ addresses, ...rest }: Snapshot): PackedSnapshot {
  const lengths = Uint8Array.from(addresses, ({ ip }) => ip.bytes.length);
  const octets = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  const known = new Map<string, number>();
  const interfaces: Announced['interfaces'][] = [];
  let at = 0;
  const sets = Uint32Array.from(addresses, ({ ip, interfaces: names }) => {
    octets.set(ip.bytes, at);
    at += ip.bytes.length;
    const key = names === 'all' ? 'all' : JSON.stringify(names);
    const set = known.get(key) ?? interfaces.push(names) - 1;
    known.set(key, set);
    return set;
  });
  return { ...rest, lengths, octets, epochs: Float64Array.from(addresses, ({ epoch }) => epoch), sets, interfaces };
}

export function unpackSnapshot({ lengths, octets, epochs, sets, interfaces, ...rest }: PackedSnapshot): Snapshot {
  let at = 0;
  const addresses = Array.from(lengths, (length, i): Announced => {
    const bytes = octets.subarray(at, at + length);
    at += length;
    const ip = { family: length === 4 ? 4 : 6, bytes } as const;
    return { ip, interfaces: interfaces[sets[i]!]!, epoch: epochs[i]! };
  });
  return { ...rest, addresses };
}
