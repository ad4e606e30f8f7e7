/**
 * Which node has which address, on disk, for Speakers that want addresses to stay where they are or to wait after a
 * start. What the last process of this boot announced itself is its own still, and need not wait.
 */
import type { Configuration } from '../config/model.ts';
import { type Owned, remembersOwners } from '../intent/tenure.ts';
import { bootId, readState } from '../io/state.ts';
import type { Engine } from './engine.ts';
import { Keeper } from './keeper.ts';

const FILE = 'owners.json';
const VERSION = 1;

export class Tenancy {
  private readonly engine: Engine;
  private readonly keeper: Keeper;
  private begun = false;
  private timer: NodeJS.Timeout | undefined;

  /** @param failed told once when the file cannot be written */
  constructor(engine: Engine, failed: (reason: string) => void) {
    this.engine = engine;
    this.keeper = new Keeper(FILE, failed);
  }

  /** A configuration is about to be applied. */
  configure({ speaker }: Configuration): void {
    const { services } = this.engine;
    if (this.begun) return;
    this.begun = true;
    if (!remembersOwners(speaker)) return;
    const { boot, owned } = recall(speaker.stateDir);
    services.tenure.recall(owned);
    const { holdDownMs } = speaker.layer2;
    if (holdDownMs === 0) return;
    const own = new Set(
      boot === bootId() ? owned.filter(({ owner }) => owner === speaker.name).map(({ ip }) => ip) : [],
    );
    services.holdDown((ip) => !own.has(ip));
    this.timer = setTimeout(() => this.engine.endHoldDown(), holdDownMs);
  }

  /** Every Service is decided: what came of it is remembered. */
  settled({ speaker }: Configuration): void {
    if (!remembersOwners(speaker)) return;
    const lines = this.engine.services.tenure.snapshot().map((one) => JSON.stringify(one));
    const text = `{"version":${VERSION},"boot":${JSON.stringify(bootId())},"owned":[\n${lines.join(',\n')}]}\n`;
    void this.keeper.keep(speaker.stateDir, text);
  }

  /** Waits until all is written. */
  async stop(): Promise<void> {
    clearTimeout(this.timer);
    await this.keeper.stop();
  }
}

/** What the last process knew; nothing where that cannot be read: a first start. */
function recall(dir: string): { readonly boot: string; readonly owned: readonly Owned[] } {
  const nothing = { boot: '', owned: [] };
  try {
    const saved = JSON.parse(readState(dir, FILE) ?? '{}') as { version?: unknown; boot?: unknown; owned?: unknown };
    if (saved.version !== VERSION || typeof saved.boot !== 'string' || !Array.isArray(saved.owned)) return nothing;
    return { boot: saved.boot, owned: saved.owned.filter(isOwned) };
  } catch {
    return nothing;
  }
}

function isOwned(value: unknown): value is Owned {
  const { ip, owner } = (value ?? {}) as Record<string, unknown>;
  return typeof ip === 'string' && typeof owner === 'string';
}
