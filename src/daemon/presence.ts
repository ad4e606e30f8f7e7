/**
 * Which sessions with graceful restart are up, on disk: a process that is killed and started again tells those peers
 * that it is restarting (RFC 4724 §4.1), and they keep its routes meanwhile. A farewell, or a new boot of the machine,
 * after which nothing is forwarded any more, leaves nothing to restart from.
 */
import type { State } from '../bgp/fsm.ts';
import { STOPPED } from '../bgp/session.ts';
import type { PeerSettings } from '../bgp/settings.ts';
import { BootFile } from './bootfile.ts';

const FILE = 'sessions.json';
const VERSION = 1;

export class Presence {
  private readonly stateDir: () => string;
  private readonly file: BootFile<{ readonly peers: readonly string[] }>;
  private readonly up = new Set<string>();

  /** @param failed told once for as long as the file cannot be written */
  constructor(stateDir: () => string, failed: (reason: string) => void, retryMs?: number) {
    this.stateDir = stateDir;
    this.file = new BootFile(FILE, VERSION, failed, retryMs);
  }

  /**
   * Names of the peers whose sessions were up when the last process ended without a farewell. They count as up from now on:
   * this process may be killed too, before it is back with all of them.
   */
  recall(): ReadonlySet<string> {
    const { peers } = this.file.recall(this.stateDir());
    for (const name of Array.isArray(peers) ? peers : []) if (typeof name === 'string') this.up.add(name);
    return new Set(this.up);
  }

  /** A session has changed its state. One that is lost counts as up: the peer keeps what it was told. */
  heard(
    { name, restartTimeSec }: Pick<PeerSettings, 'name' | 'restartTimeSec'>,
    from: State,
    to: State,
    reason: string,
  ): void {
    if (to === 'Established' && restartTimeSec !== undefined) this.set(name, true);
    else if (from === 'Established' && reason.startsWith(STOPPED)) this.set(name, false);
  }

  private set(peer: string, up: boolean): void {
    if (this.up.has(peer) === up) return;
    if (up) this.up.add(peer);
    else this.up.delete(peer);
    this.write();
  }

  /** The state directory may be another. */
  moved(): void {
    if (this.up.size > 0) this.write();
  }

  /** Every peer was told farewell. */
  clear(): void {
    if (this.up.size > 0) {
      this.up.clear();
      this.write();
    }
    this.file.stop();
  }

  private write(): void {
    this.file.keep(this.stateDir(), { peers: [...this.up].sort() });
  }
}
