/**
 * Learned routes of the daemon, from its documents to the kernel: the settings, what is left of earlier processes, what is
 * logged, and the end. A daemon that may not change routes, or cannot ask the kernel, says so and goes on without.
 */
import { restarts } from '../bgp/restart.ts';
import type { Kernel } from '../config/kernel.ts';
import type { Configuration } from '../config/model.ts';
import { learningPeers } from '../intent/peers.ts';
import { monotonicMs } from '../io/clock.ts';
import type { Logger } from '../io/log.ts';
import { equal } from '../lib/diff.ts';
import { Failover } from './failover.ts';
import type { FibEvents, FibSettings } from './fib/events.ts';
import { Fib } from './fib/fib.ts';
import { type Place, Places } from './fib/places.ts';
import type { Peer } from './peer.ts';
import { Rehearsal } from './rehearsal/rehearsal.ts';
import type { Speaker } from './speaker.ts';

export interface LearnedOptions {
  readonly speaker: Speaker;
  readonly log: Logger;
  readonly stateDir: () => string;
  /** Routes that are found under our mark are those of a process before this one. */
  readonly isOurs: () => boolean;
  /** All peers that can be expected are known and have begun: `Speaker.all` are those. */
  readonly complete: () => boolean;
  /** For `show events`. */
  happened(event: string, reason: string): void;
  /** What it is made of; throws where this system cannot be asked. */
  readonly fib?: (settings: FibSettings, places: readonly Place[], events: FibEvents) => Fib;
}

/** A peer that marks no End-of-RIB has told all once it was silent for so long. */
const SILENCE_MS = 10_000;
const CHECK_MS = 500;
/** How long after the first configuration the kernel is asked: to load what that takes would hold up the first sessions. */
const BEGIN_MS = 100;
/** After the start, which it is not to delay. */
const REHEARSE_AFTER_MS = 1_000;

export class Learned {
  /** Undefined in the first moments, and where the kernel cannot be asked. */
  fib: Fib | undefined;
  readonly failover = new Failover();
  private readonly options: LearnedOptions;
  private readonly places: Places;
  private kernel: Kernel | undefined;
  private startedAt = 0;
  private beginTimer: NodeJS.Timeout | undefined;
  private sweepTimer: NodeJS.Timeout | undefined;
  private hadConflicts = false;
  /** Why the kernel cannot be asked at all. */
  private failure: string | undefined;
  private rehearsal: Rehearsal | undefined;
  private rehearsalTimer: NodeJS.Timeout | undefined;

  constructor(options: LearnedOptions) {
    this.options = options;
    this.places = new Places(options.stateDir, (reason) =>
      options.log.warn({ reason }, 'routes cannot be remembered over a restart'),
    );
  }

  /** Routes of an earlier process may be in tables, by what it has left in this state directory. */
  hasLeft(stateDir: string): boolean {
    return this.places.all(stateDir).length > 0;
  }

  configure(config: Configuration): void {
    this.places.moved();
    const { kernel: wanted } = config.speaker;
    // Of peers that nothing is taken from there is nothing to install, and what others put into tables is left alone.
    const kernel = { ...wanted, install: wanted.install && learningPeers(config).length > 0 };
    const first = this.kernel === undefined;
    if (equal(kernel, this.kernel)) return;
    this.kernel = kernel;
    if (first) this.beginTimer = setTimeout(() => this.begin(), BEGIN_MS);
    else this.fib?.configure(settingsOf(kernel));
    this.options.speaker.instances.setMultipath(kernel.multipath);
    this.rehearseSoon();
  }

  /** Why no learned route is put into the kernel, whichever it is; undefined while they are. */
  get problem(): string | undefined {
    return this.failure ?? this.fib?.auditor.problem;
  }

  /** A session that was up has ended. */
  lost({ retention }: Peer): void {
    // Where nothing is installed nothing is ever over.
    if (this.fib !== undefined && this.kernel!.install && retention.stale.length === 0)
      this.failover.begin(monotonicMs(), this.fib.programmer.changes);
  }

  /** Ends it: routes are taken out, unless a document wants them kept. */
  async stop(): Promise<void> {
    // What an earlier process left is to go all the same.
    if (this.beginTimer !== undefined) this.begin();
    clearInterval(this.sweepTimer);
    clearTimeout(this.rehearsalTimer);
    this.rehearsal?.stop();
    this.options.speaker.instances.stop();
    const { fib } = this;
    this.fib = undefined;
    await fib?.stop(this.kernel!.keepOnStop);
  }

  private begin(): void {
    clearTimeout(this.beginTimer);
    this.beginTimer = undefined;
    const { log, fib = realFib, speaker, happened, isOurs, stateDir } = this.options;
    const kernel = this.kernel!;
    try {
      this.fib = fib(settingsOf(kernel), isOurs() ? this.places.all(stateDir()) : [], {
        waysChanged: () => speaker.instances.waysChanged(),
        tablesChanged: () => speaker.instances.tablesChanged(),
        place: (place) => this.places.add(place),
        leftPlace: (place) => this.places.delete(place),
        refused: (error, paused) => {
          if (error === 'EPERM') log.error({ error }, 'routes cannot be installed: CAP_NET_ADMIN is needed');
          else if (paused) log.error({ error }, 'the kernel takes no more routes: trying again');
          else log.warn({ error }, 'the kernel refuses routes: `waypost show routes` tells which');
          happened('kernel refuses routes', error);
        },
        accepted: () => {
          log.info('the kernel has taken all routes');
          happened('kernel has taken all routes', '');
        },
        audited: () => this.audited(),
        unread: (problem) => this.unread(problem),
        contested: ({ table, protocol, metric }) => {
          const text = 'another program makes routes with our protocol and metric: what we did not learn is left to it';
          log.warn({ table, protocol, metric }, `${text}; give kernel.metric another number`);
          happened(text, `table ${table}, protocol ${protocol}, metric ${metric}`);
        },
        idle: () => {
          if (!speaker.instances.isBusy) this.failover.end(monotonicMs(), this.fib?.programmer.changes ?? 0);
        },
      });
    } catch (error) {
      const reason = (error as Error).message;
      this.failure = reason;
      log.warn({ reason }, 'learned routes are not installed: the kernel cannot be asked');
      happened('learned routes are not installed', reason);
      return;
    }
    speaker.instances.setFib(this.fib);
    this.startedAt = monotonicMs();
    this.sweepTimer = setInterval(() => this.sweep(), CHECK_MS).unref();
    this.rehearseSoon();
  }

  /** Once, where routes are to be installed. */
  private rehearseSoon(): void {
    if (this.fib === undefined || !this.kernel!.install || this.rehearsalTimer !== undefined) return;
    this.rehearsalTimer = setTimeout(() => {
      const { log, speaker } = this.options;
      const { all, instances } = speaker;
      const learning = [...all.values()].find(({ settings }) => settings.receive !== undefined);
      this.rehearsal = new Rehearsal({
        ...(learning && { settings: learning.settings }),
        multipath: this.kernel!.multipath,
        announces: instances.announces,
      });
      this.rehearsal.start(
        () => instances.isBusy,
        ({ message }) => log.debug({ reason: message }, 'the first routes may take longer: no rehearsal'),
      );
    }, REHEARSE_AFTER_MS).unref();
  }

  /** Routes of an earlier process go once every peer has told all, or time is over. */
  private sweep(): void {
    const { speaker, complete } = this.options;
    const late = monotonicMs() - this.startedAt >= this.kernel!.sweepAfterMs;
    if (!late && !(complete() && [...speaker.all.values()].every(hasToldAll))) return;
    // What was told last is decided on, and wanted, before anything goes.
    if (speaker.instances.isBusy && !late) return;
    clearInterval(this.sweepTimer);
    this.fib!.sweep();
  }

  private unread(problem: string | undefined): void {
    // At the end nobody is told any more.
    if (this.fib === undefined) return;
    const { log, happened } = this.options;
    if (problem === undefined) {
      log.info("the kernel's routes have been read");
      happened("the kernel's routes have been read", '');
      return;
    }
    const text = "the kernel's routes cannot be read: none is installed, or put right, before they are";
    log.error({ reason: 'kernelUnread', error: problem }, text);
    happened("the kernel's routes cannot be read", `kernelUnread: ${problem}`);
  }

  private audited(): void {
    // At the end nobody is told any more.
    if (this.fib === undefined) return;
    let conflicts = 0;
    for (const { ipv4, ipv6 } of this.fib.all.values()) conflicts += ipv4.counts.conflicts + ipv6.counts.conflicts;
    const { log, happened } = this.options;
    if (conflicts > 0 && !this.hadConflicts) {
      log.warn({ conflicts }, 'routes of other programs are in the place of ours, and stay: `waypost show routes`');
      happened('routes of other programs are in the place of ours', 'kernelConflict');
    } else if (conflicts === 0 && this.hadConflicts)
      happened('no route of another program is in the place of ours', '');
    this.hadConflicts = conflicts > 0;
  }
}

const realFib = (settings: FibSettings, places: readonly Place[], events: FibEvents): Fib =>
  new Fib(settings, places, events);

function settingsOf({ install, protocol, metric, mtu, resolveViaDefault }: Kernel): FibSettings {
  return { install, protocol, metric, ...(mtu !== undefined && { mtu }), resolveViaDefault };
}

/** It has marked the end of its table, or, where it does not do that, has been silent for a while. */
function hasToldAll({ session: { agreement, state }, heard }: Peer): boolean {
  if (state !== 'Established' || agreement === undefined) return false;
  if (agreement.context.families.every((family) => heard.complete.has(family))) return true;
  return !restarts(agreement) && monotonicMs() - heard.at > SILENCE_MS;
}
