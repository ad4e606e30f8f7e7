/**
 * The daemon as a service of systemd: ready when everything was decided once, its state in a line, and a watchdog that is
 * fed only while all threads turn.
 */
import type { Logger } from '../io/log.ts';
import { loopTurns } from '../io/loopthread.ts';
import type { Notifier } from '../io/notify.ts';
import type { Daemon } from './daemon.ts';

const STATUS_MS = 2_000;

export class ServiceReport {
  private readonly daemon: Daemon;
  private readonly notifier: Notifier;
  private readonly log: Logger;
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly loopTurns: () => ReadonlyMap<object, number>;
  private turns: ReadonlyMap<object, number> = new Map();
  private status = '';
  private reloading = false;
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
    void daemon.engine.idle().then(() => this.tell('READY=1', this.statusLine()));
    this.timers.push(setInterval(() => this.tellStatus(), STATUS_MS));
    const { watchdogMs } = notifier;
    if (watchdogMs === undefined) return;
    this.feed();
    // Half of it, as sd_watchdog_enabled(3) has it.
    this.timers.push(setInterval(() => this.feed(), watchdogMs / 2));
  }

  /** Around `reload`, which the manager waits for. */
  async reload(reload: () => Promise<unknown>): Promise<void> {
    // Since systemd 253 the time tells an answer to this reload from one to the last.
    this.tell('RELOADING=1', `MONOTONIC_USEC=${Math.trunc(process.hrtime()[0] * 1e6 + process.hrtime()[1] / 1e3)}`);
    this.reloading = true;
    try {
      await reload();
    } finally {
      this.reloading = false;
      this.tell('READY=1', this.statusLine());
    }
  }

  stopping(): void {
    for (const timer of this.timers) clearInterval(timer);
    this.tell('STOPPING=1', 'STATUS=stopping');
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
    if (this.reloading || line === this.status) return;
    this.status = line;
    this.tell(line);
  }

  private statusLine(): string {
    const { speaker, chronicle, documents, ready } = this.daemon;
    const peers = [...speaker.all.values()];
    const up = peers.filter((p) => p.session.state === 'Established').length;
    const { announced, services } = chronicle.tally;
    const parts = [`${up} of ${peers.length} sessions up`, `${announced} of ${services} services announced`];
    if (!ready) parts.unshift('starting');
    if (documents.reading?.valid === false) parts.push('the configuration was refused: the last good one is in force');
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
