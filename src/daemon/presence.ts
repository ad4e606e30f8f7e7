/**
 * Which sessions with graceful restart are up, on disk: a process that is killed and started again tells those peers
 * that it is restarting (RFC 4724 §4.1), and they keep its routes meanwhile. A farewell, or a new boot of the machine,
 * after which nothing is forwarded any more, leaves nothing to restart from.
 */
import { bootId, readState, writeStateNow } from '../io/state.ts';

const FILE = 'sessions.json';
const VERSION = 1;
/** Until what could not be written is tried again, ms. */
const RETRY_MS = 10_000;

interface Saved {
  readonly version: number;
  readonly boot: string;
  readonly peers: readonly string[];
}

export class Presence {
  private readonly stateDir: () => string;
  private readonly failed: (reason: string) => void;
  private readonly up = new Set<string>();
  private failing = false;
  private retry: NodeJS.Timeout | undefined;

  /** @param failed told once when the file cannot be written */
  constructor(stateDir: () => string, failed: (reason: string) => void) {
    this.stateDir = stateDir;
    this.failed = failed;
  }

  /** Names of the peers whose sessions were up when the last process ended without a farewell. */
  recall(): ReadonlySet<string> {
    try {
      const saved = JSON.parse(readState(this.stateDir(), FILE) ?? '{}') as Partial<Saved>;
      if (saved.version !== VERSION || saved.boot !== bootId()) return new Set();
      return new Set((saved.peers ?? []).filter((name) => typeof name === 'string'));
    } catch {
      return new Set(); // Half a file or none: a restart that nobody is told of, as any first start.
    }
  }

  set(peer: string, up: boolean): void {
    if (this.up.has(peer) === up) return;
    if (up) this.up.add(peer);
    else this.up.delete(peer);
    this.write();
  }

  /** Every peer was told farewell. */
  clear(): void {
    if (this.up.size === 0) return;
    this.up.clear();
    this.write();
  }

  private write(): void {
    clearTimeout(this.retry);
    const saved: Saved = { version: VERSION, boot: bootId(), peers: [...this.up].sort() };
    try {
      writeStateNow(this.stateDir(), FILE, `${JSON.stringify(saved)}\n`, false);
      this.failing = false;
    } catch (error) {
      if (!this.failing) this.failed((error as Error).message);
      this.failing = true;
      this.retry = setTimeout(() => this.write(), RETRY_MS).unref();
    }
  }
}
