/**
 * Source addresses that documents give as an interface: one that it has at the moment, and the same for as long as it has
 * that, since another resets the session.
 */
import { addressesOn, steady } from '../io/interfaces.ts';
import { type Address, compareAddresses } from '../lib/address.ts';

/** How often the interfaces are looked at, ms. */
const LOOK_MS = 1_000;

interface Source {
  readonly link: string;
  readonly family: 4 | 6;
  address: Address | undefined;
}

export class Sources {
  private readonly changed: () => void;
  private readonly on: typeof addressesOn;
  private sources: readonly Source[] = [];
  private timer: NodeJS.Timeout | undefined;

  /** @param on the addresses of a family that an interface has */
  constructor(changed: () => void, on = addressesOn) {
    this.changed = changed;
    this.on = on;
  }

  /** Looks at exactly these from now on. */
  watch(wanted: readonly Pick<Source, 'link' | 'family'>[]): void {
    this.sources = wanted.map(({ link, family }) => {
      return { link, family, address: steady(this.on(link, family), this.address(link, family)) };
    });
    if (wanted.length === 0) return this.close();
    this.timer ??= setInterval(() => this.look(), LOOK_MS).unref();
  }

  address(link: string, family: 4 | 6): Address | undefined {
    return this.sources.find((s) => s.link === link && s.family === family)?.address;
  }

  close(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private look(): void {
    let changed = false;
    for (const source of this.sources) {
      const now = steady(this.on(source.link, source.family), source.address);
      if (same(now, source.address)) continue;
      source.address = now;
      changed = true;
    }
    if (changed) this.changed();
  }
}

const same = (a: Address | undefined, b: Address | undefined): boolean =>
  a === undefined || b === undefined ? a === b : compareAddresses(a, b) === 0;
