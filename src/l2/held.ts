/** The addresses in force, found from the octets of a frame without anything being made for it. */
import { type Address, formatAddress, toU32 } from '../lib/address.ts';
import { equalBytes } from '../lib/bytes.ts';
import type { AddressCounters } from './snapshot.ts';

/** Values by address. */
export class AddressMap<T> {
  size = 0;
  private readonly v4 = new Map<number, T>();
  /** By the last 32 bits; addresses that share those are told apart in turn. */
  private readonly v6 = new Map<number, { readonly bytes: Uint8Array; readonly value: T }[]>();

  get4(ip: number): T | undefined {
    return this.v4.get(ip);
  }

  get6(bytes: Uint8Array): T | undefined {
    const bucket = this.v6.get(toU32(bytes, 12));
    if (bucket !== undefined) for (const entry of bucket) if (equalBytes(entry.bytes, bytes)) return entry.value;
    return undefined;
  }

  get({ family, bytes }: Address): T | undefined {
    return family === 4 ? this.v4.get(toU32(bytes)) : this.get6(bytes);
  }

  /** Adds an address that is not there yet. */
  add({ family, bytes }: Address, value: T): void {
    this.size++;
    if (family === 4) {
      this.v4.set(toU32(bytes), value);
      return;
    }
    const low = toU32(bytes, 12);
    const bucket = this.v6.get(low);
    if (bucket === undefined) this.v6.set(low, [{ bytes, value }]);
    else bucket.push({ bytes, value });
  }

  /** Removes an address that is there. */
  delete({ family, bytes }: Address): void {
    this.size--;
    if (family === 4) {
      this.v4.delete(toU32(bytes));
      return;
    }
    const low = toU32(bytes, 12);
    const rest = (this.v6.get(low) ?? []).filter((entry) => !equalBytes(entry.bytes, bytes));
    if (rest.length > 0) this.v6.set(low, rest);
    else this.v6.delete(low);
  }

  *values(): Generator<T> {
    yield* this.v4.values();
    for (const bucket of this.v6.values()) for (const { value } of bucket) yield value;
  }

  /** Last 32 bits of the addresses of a family, each once. */
  lows(family: 4 | 6): Iterable<number> {
    return family === 4 ? this.v4.keys() : this.v6.keys();
  }
}

/** An address and what is counted for it over all interfaces. */
export class AddressState {
  readonly ip: Address;
  readonly text: string;
  requests = 0;
  responses = 0;
  gratuitous = 0;
  claims = 0;
  /** As the snapshot had it last. */
  epoch = 0;
  /** The first announcement since it has that epoch, ms. */
  firstMs: number | undefined;
  /** The round that had it last (see Announcer). */
  seen = 0;
  changed = false;

  constructor(ip: Address) {
    this.ip = ip;
    this.text = formatAddress(ip);
  }
}

/** Every address of the snapshot, on whatever interface. */
export class Addresses {
  private readonly map = new AddressMap<AddressState>();
  private readonly changed: AddressState[] = [];
  /** How many addresses the round has so far. */
  private seen = 0;

  has4(ip: number): boolean {
    return this.map.get4(ip) !== undefined;
  }

  has6(bytes: Uint8Array): boolean {
    return this.map.get6(bytes) !== undefined;
  }

  /** The state of an address in round `seen`; another epoch than before asks for another burst. */
  hold(ip: Address, epoch: number, seen: number): AddressState {
    let state = this.map.get(ip);
    if (state === undefined) {
      state = new AddressState(ip);
      this.map.add(ip, state);
    }
    if (state.seen !== seen) this.seen++;
    state.seen = seen;
    if (state.epoch !== epoch) state.firstMs = undefined;
    state.epoch = epoch;
    return state;
  }

  /** Forgets what that round did not have. */
  sweep(seen: number): void {
    if (this.seen !== this.map.size)
      for (const state of [...this.map.values()]) if (state.seen !== seen) this.map.delete(state.ip);
    this.seen = 0;
  }

  /** To be called with a state whose counters are about to change. */
  touch(state: AddressState): AddressState {
    if (!state.changed) {
      state.changed = true;
      this.changed.push(state);
    }
    return state;
  }

  /** Of so many addresses at most. */
  takeChanged(most: number): AddressCounters[] {
    return this.changed.splice(-most).map((state) => {
      state.changed = false;
      const { text: ip, requests, responses, gratuitous, claims, firstMs } = state;
      return { ip, requests, responses, gratuitous, claims, firstMs };
    });
  }
}
