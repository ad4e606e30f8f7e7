/** Source addresses that documents give as an interface: whichever it has at the moment. */
import { interfaceAddress } from '../io/interfaces.ts';
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
  private sources: readonly Source[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(changed: () => void) {
    this.changed = changed;
  }

  /** Looks at exactly these from now on. */
  watch(wanted: readonly Pick<Source, 'link' | 'family'>[]): void {
    this.sources = wanted.map(({ link, family }) => ({ link, family, address: interfaceAddress(link, family) }));
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
      const now = interfaceAddress(source.link, source.family);
      if (same(now, source.address)) continue;
      source.address = now;
      changed = true;
    }
    if (changed) this.changed();
  }
}

const same = (a: Address | undefined, b: Address | undefined): boolean =>
  a === undefined || b === undefined ? a === b : compareAddresses(a, b) === 0;
