/**
 * The sockets that BFD hears by: one per address family, port and VRF, for as long as a session needs it. The kernel drops
 * what comes from too far away, by the least demanding of the sessions.
 */
import { wordOf } from './word.ts';

/** What a receiver does (io/bfdsocket.ts). */
export interface Receiver {
  readonly fd: number;
  setMinTtl(minTtl: number): void;
  receive(): Heard | undefined;
  takeDrops(): number;
  close(): void;
}

export interface Heard {
  readonly source: { readonly family: 4 | 6; readonly bytes: Uint8Array };
  readonly scope: number;
  readonly hopLimit: number | undefined;
  readonly bytes: Uint8Array;
}

export interface EarOptions {
  readonly family: 4 | 6;
  readonly hops: 'single' | 'multi';
  /** The VRF device; empty for none. */
  readonly device: string;
  readonly minTtl: number;
}

export interface Ear {
  readonly options: EarOptions;
  /** Index of the device; 0 for none. */
  readonly deviceIndex: number;
  readonly receiver: Receiver;
}

export interface EarNetwork {
  listen(options: EarOptions): Receiver;
  /** 0 where there is no such interface. */
  interfaceIndex(name: string): number;
  watch(receiver: Receiver, ready: () => void): void;
  unwatch(receiver: Receiver): void;
}

export const earKey = ({ family, hops, device }: Omit<EarOptions, 'minTtl'>): string => `${family} ${hops} ${device}`;

export class Ears {
  private readonly network: EarNetwork;
  private readonly ready: (ear: Ear) => void;
  private readonly open = new Map<string, Ear>();
  /** Why one is not open, by key. */
  private readonly problems = new Map<string, string>();

  constructor(network: EarNetwork, ready: (ear: Ear) => void) {
    this.network = network;
    this.ready = ready;
  }

  get all(): Iterable<Ear> {
    return this.open.values();
  }

  problem(options: Omit<EarOptions, 'minTtl'>): string | undefined {
    return this.problems.get(earKey(options));
  }

  /** Opens, closes and changes what differs from what is wanted; the first of several wishes for one socket need not be the last. */
  want(all: Iterable<EarOptions>): void {
    const wanted = new Map<string, EarOptions>();
    for (const options of all) {
      const key = earKey(options);
      const minTtl = Math.min(options.minTtl, wanted.get(key)?.minTtl ?? 255);
      wanted.set(key, { ...options, minTtl });
    }
    this.problems.clear();
    for (const [key, ear] of this.open) if (!wanted.has(key)) this.close(key, ear);
    for (const [key, options] of wanted) this.reconcile(key, options);
  }

  private reconcile(key: string, options: EarOptions): void {
    const { network } = this;
    const deviceIndex = options.device === '' ? 0 : network.interfaceIndex(options.device);
    let ear = this.open.get(key);
    // A socket belongs to the device that had the name when it was made.
    if (ear !== undefined && ear.deviceIndex !== deviceIndex) {
      this.close(key, ear);
      ear = undefined;
    }
    if (ear !== undefined) {
      if (ear.options.minTtl === options.minTtl) return;
      ear.receiver.setMinTtl(options.minTtl);
      this.open.set(key, { ...ear, options });
      return;
    }
    try {
      const receiver = network.listen(options);
      this.open.set(key, { options, deviceIndex, receiver });
      network.watch(receiver, () => this.ready(this.open.get(key)!));
    } catch (error) {
      this.problems.set(key, wordOf(error));
    }
  }

  private close(key: string, { receiver }: Ear): void {
    this.open.delete(key);
    this.network.unwatch(receiver);
    receiver.close();
  }

  /** A socket that cannot be read any more. */
  lost(ear: Ear): void {
    this.close(earKey(ear.options), ear);
  }

  closeAll(): void {
    for (const [key, ear] of this.open) this.close(key, ear);
  }
}
