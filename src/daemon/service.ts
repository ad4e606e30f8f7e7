/**
 * The daemon as a service of systemd: ready when everything was decided once, its state in a line, and a watchdog that is
 * fed only while all threads turn.
 */
import type { Logger } from '../io/log.ts';
import { loopTurns } from '../io/loopthread.ts';
import type { Notifier } from '../io/notify.ts';
import type { Daemon } from './daemon.ts';

const STATUS_MS = 2_000;
/** What the end takes beside a drain, at most, ms. */
const FAREWELL_MS = 30_000;

export class ServiceReport {
  private readonly daemon: Daemon;
  private readonly notifier: Notifier;
  private readonly log: Logger;
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly loopTurns: () => ReadonlyMap<object, number>;
  private turns: ReadonlyMap<object, number> = new Map();
  private status = '';
  /** Reloads under way. */
  private reloads = 0;
  /** The manager was told that the daemon is ready, and not yet that it stops. */
  private ready = false;
  private stops = false;
  private failed = false;

  /** @param turns how often the loop of each thread has turned */
  constructor(daemon: Daemon, notifier: Notifier, log: Logger, turns = loopTurns) {
    this.loopTurns = turns;
    this.daemon = daemon;
    this.notifier = notifier;
    this.log = log;
  }

  /** The daemon has started: tells when it is ready, and goes on telling. */
  start(): void {
    const { notifier, daemon } = this;
    if (!notifier.wanted) return;
    void daemon.engine.idle().then(() => {
      // The end came first, which nothing waits beyond.
      if (this.stops) return;
      this.ready = true;
      this.tell('READY=1', this.statusLine());
    });
    this.timers.push(setInterval(() => this.tellStatus(), STATUS_MS));
    const { watchdogMs } = notifier;
    if (watchdogMs === undefined) return;
    this.feed();
    // Half of it, as sd_watchdog_enabled(3) has it.
    this.timers.push(setInterval(() => this.feed(), watchdogMs / 2));
  }

  /**
   * Around `reload`, which the manager waits for. Of several at once it hears when the last one is over; before it was told
   * that the daemon is ready, nothing, since that is what it waits for then.
   */
  async reload(reload: () => Promise<unknown>): Promise<void> {
    this.reloads++;
    // Since systemd 253 the time tells an answer to this reload from one to the last.
    if (this.ready) this.tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
    try {
      await reload();
    } catch (error) {
      this.log.error({ reason: (error as Error).message }, 'the documents cannot be read again');
    }
    this.reloads--;
    if (this.ready && this.reloads === 0) this.tell('READY=1', this.statusLine());
  }

  /** A drain may take longer than the manager would wait. */
  stopping(): void {
    this.ready = false;
    this.stops = true;
    for (const timer of this.timers) clearInterval(timer);
    const drain = this.daemon.documents.config?.speaker.drain;
    const ms = FAREWELL_MS + (drain?.onShutdown ? drain.waitMs : 0);
    this.tell('STOPPING=1', 'STATUS=stopping', `EXTEND_TIMEOUT_USEC=${ms * 1000}`);
  }

  close(): void {
    this.notifier.close();
  }

  /** A loop that has not turned since the last time is stuck: better to be started again than to answer nothing. */
  private feed(): void {
    const now = this.loopTurns();
    const stuck = [...now].some(([thread, turns]) => this.turns.get(thread) === turns);
    this.turns = now;
    if (stuck) this.log.error('a thread does not turn: the watchdog is not fed');
    else this.tell('WATCHDOG=1');
  }

  private tellStatus(): void {
    const line = this.statusLine();
    if (this.reloads > 0 || line === this.status) return;
    this.status = line;
    this.tell(line);
  }

  private statusLine(): string {
    const { speaker, chronicle, documents, learned, ready } = this.daemon;
    const peers = [...speaker.all.values()];
    const up = peers.filter((p) => p.session.state === 'Established').length;
    const { announced, services } = chronicle.tally;
    const parts = [`${up} of ${peers.length} sessions up`, `${announced} of ${services} services announced`];
    if (!ready) parts.unshift('starting');
    if (documents.reading?.valid === false) parts.push('the configuration was refused: the last good one is in force');
    if (learned.problem !== undefined) parts.push(`learned routes are not installed: ${learned.problem}`);
    return `STATUS=${parts.join(', ')}`;
  }

  private tell(...assignments: readonly string[]): void {
    try {
      this.notifier.tell(...assignments);
    } catch (error) {
      if (!this.failed) this.log.warn({ reason: (error as Error).message }, 'the service manager cannot be told');
      this.failed = true;
    }
  }
}
