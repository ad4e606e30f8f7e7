/** What the main thread and the fast worker say to each other. */
import type { AddressCounters, Announced, ConflictReport, DropCounters, Snapshot } from '../../l2/snapshot.ts';

/** To the worker. */
export type Order = { readonly type: 'snapshot'; readonly snapshot: PackedSnapshot };

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
  | ConflictReport;

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
