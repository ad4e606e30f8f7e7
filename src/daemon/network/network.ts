/**
 * The node's network as policies want it. A change is written to a journal, carried out, and kept once what worked
 * before works again; else everything returns to how it was, and the policy is marked as failed until it changes. A
 * process that is killed meanwhile leaves the journal, and the next one goes back before it does anything else.
 *
 * Nothing is opened or written before some policy exists, or one was in force.
 */
import type { Configuration } from '../../config/model.ts';
import { policiesHere, wishesOf } from '../../intent/network.ts';
import { wallClock } from '../../io/clock.ts';
import type { Logger } from '../../io/log.ts';
import { bootId } from '../../io/state.ts';
import { canonical, equal } from '../../lib/diff.ts';
import { remember } from '../../vrf/baseline.ts';
import type { Goal } from '../../vrf/goal.ts';
import { emptyJournal } from '../../vrf/journal.ts';
import { asItWas } from '../../vrf/origin.ts';
import type { Snapshot } from '../../vrf/state.ts';
import { targetOf } from '../../vrf/target.ts';
import { isReached, reach } from './apply.ts';
import type { Working } from './confirm.ts';
import type { Kernel } from './kernel.ts';
import { type Happened, News } from './news.ts';
import { confirmedIn, failedIn, undoneIn } from './outcome.ts';
import { type Parts, realParts } from './parts.ts';
import { lightScope, touched, wholeScope } from './scope.ts';
import type { NetworkJournal, Store } from './store.ts';
import { type Surroundings, takeBack, tryOut, workingNow } from './trial.ts';
import type { View } from './view.ts';
import type { Watch } from './watch.ts';
import {
  changesOf,
  choose,
  goalOf,
  isEmpty,
  type Standing,
  standingOf,
  textOf,
  type Wishes,
  wantedVrfs,
  withOne,
} from './wishes.ts';

/** A change that is neither confirmed nor taken back: how it was before, and what worked. */
interface Unconfirmed {
  readonly origin: Snapshot;
  readonly working: Working;
  readonly goal: Goal;
}

export interface NetworkOptions extends Surroundings {
  readonly happened: Happened;
  readonly parts?: Parts;
}

/** A change that so often ended with the process is not tried again. */
const MAX_INTERRUPTIONS = 3;

/** Links, addresses and rules alone. */
const nothing = { sysctls: [], links: [], tables: [] };

export class Network {
  private readonly log: Logger;
  private readonly options: NetworkOptions;
  private readonly news: News;
  private readonly parts: Parts;
  private kernel: Kernel | undefined;
  private watch: Pick<Watch, 'close'> | undefined;
  private store: Store | undefined;
  private journal: NetworkJournal = emptyJournal(bootId());
  private config: Configuration | undefined;
  private wanted: Wishes = new Map();
  /** Why a policy is not in force that has not failed. */
  private waiting: ReadonlyMap<string, string> = new Map();
  /** Names of what is being changed. */
  private changing: readonly string[] = [];
  private unconfirmed: Unconfirmed | undefined;
  /** Changes are tried one at a time, since together they failed. */
  private oneByOne = false;
  private running = false;
  private again = false;
  private stopped = false;
  /** Counts what is wanted: a change to what is no longer wanted is given up. */
  private generation = 0;
  private interruptions = { change: '', count: 0 };

  constructor(options: NetworkOptions) {
    this.options = options;
    this.log = options.log;
    this.news = new News(options.log, options.happened);
    this.parts = options.parts ?? realParts;
  }

  /** Changes asked of the kernel so far. */
  get writes(): number {
    return this.kernel?.writes ?? 0;
  }

  /** A configuration is in force. Resolves when the network is as it wants, or will not be. */
  async configure(config: Configuration): Promise<void> {
    const wanted = wishesOf(config);
    const same = this.config !== undefined && equal(wanted, this.wanted);
    this.config = config;
    if (same) return;
    this.wanted = wanted;
    this.generation++;
    await this.run();
  }

  /** Tries again what failed. */
  async retry(): Promise<void> {
    if (this.journal.failed.size === 0) return;
    this.journal = { ...this.journal, failed: new Map() };
    this.generation++;
    await this.run();
  }

  /** Leaves everything as it is. */
  stop(): void {
    this.stopped = true;
    this.generation++;
    this.watch?.close();
    this.kernel?.close();
    this.watch = undefined;
  }

  /** What is in force of what policies want. */
  get inForce(): Goal {
    return goalOf(this.journal.applied);
  }

  /** VRFs that policies make and that are not there yet. */
  missingVrfs(): ReadonlySet<string> {
    const wanted = wantedVrfs(this.wanted);
    if (wanted.size === 0) return new Set();
    const there = this.kernel?.read(nothing).links;
    return new Set([...wanted.keys()].filter((name) => !there?.has(name)));
  }

  /** Of every policy for this node, in document order. */
  standings(): readonly Standing[] {
    const { config, journal } = this;
    if (config === undefined) return [];
    return policiesHere(config).map(({ name }) =>
      standingOf(name, this.wanted.get(name), journal, this.waiting.get(name), this.changing.includes(name)),
    );
  }

  /** The network as it is, and what is in force; undefined where nothing was ever wanted of it. */
  view(): View | undefined {
    if (this.kernel === undefined) return undefined;
    const goal = goalOf(this.journal.applied);
    return { have: this.kernel.read(lightScope(goal, this.journal.baseline)), goal, vrfs: wantedVrfs(this.wanted) };
  }

  private async run(): Promise<void> {
    if (this.running) {
      this.again = true;
      return;
    }
    this.running = true;
    try {
      do {
        this.again = false;
        await this.pass();
      } while (this.again && !this.stopped);
      this.news.broken();
    } catch (error) {
      this.news.broken(error as Error);
    } finally {
      this.running = false;
    }
  }

  private async pass(): Promise<void> {
    if (this.stopped || this.config === undefined || !this.open()) return;
    if (this.journal.pending !== undefined && this.unconfirmed === undefined) this.recover();
    const next = this.nextWishes();
    const changed = changesOf(this.journal.applied, next);
    if (changed.length === 0 && this.unconfirmed !== undefined) this.undo(this.unconfirmed.goal);
    if (changed.length === 0) this.settle();
    else if (this.oneByOne && changed.length > 1) {
      await this.change(withOne(this.journal.applied, next, changed[0]!), [changed[0]!]);
      this.again = true;
    } else {
      this.oneByOne = false;
      await this.change(next, changed);
    }
  }

  /** What is needed to do anything at all; false where nothing is to be done. */
  private open(): boolean {
    if (this.kernel !== undefined) return true;
    const { stateDir } = this.config!.speaker;
    this.store ??= this.parts.store(stateDir);
    const journal = this.store.load();
    const unused = [...this.wanted.values(), ...journal.applied.values()].every(isEmpty);
    const idle = unused && journal.pending === undefined && journal.baseline.sysctls.size === 0;
    if (idle) return false;
    this.journal = journal;
    const kernel = this.parts.kernel();
    this.watch = this.parts.watch(kernel.portId, () => void this.run());
    this.kernel = kernel;
    return true;
  }

  /** What a killed process was at is taken back. */
  private recover(): void {
    const { before, change, interruptions } = this.journal.pending!;
    this.news.interrupted(interruptions + 1);
    takeBack(this.kernel!, this.log, before, this.journal.baseline, goalOf(this.wanted));
    this.interruptions = { change, count: interruptions + 1 };
    this.save(undoneIn(this.journal));
  }

  private nextWishes(): Wishes {
    const { next, waiting } = choose(this.wanted, this.journal, this.kernel!.read(nothing));
    this.waiting = waiting;
    this.news.waiting(waiting);
    return next;
  }

  /** Nothing new is wanted: what somebody else undid is done again. */
  private settle(): void {
    const { baseline, applied } = this.journal;
    const goal = goalOf(applied);
    const target = (now: Snapshot) => targetOf(goal, baseline, now);
    const have = this.kernel!.read(lightScope(goal, baseline));
    if (isReached(target(have), have)) return this.news.problems([]);
    const before = this.writes;
    const problems = reach(this.kernel!, wholeScope(goal, baseline), target, () => true);
    this.news.problems(problems);
    if (this.writes > before && problems.length === 0) this.news.putRight(this.writes - before);
    this.options.applied();
  }

  private async change(next: Wishes, changed: readonly string[]): Promise<void> {
    const kernel = this.kernel!;
    const { generation } = this;
    /** Whoever wants something else has had `run` called, and another pass follows. */
    const current = () => generation === this.generation && !this.stopped;
    const goal = goalOf(next);
    const scope = wholeScope(goal, this.journal.baseline);
    const past = this.unconfirmed;
    // What a change did that is no longer wanted is where the next one begins: it is not taken back in between.
    const asBefore = () => {
      const have = kernel.read(scope);
      return past === undefined ? have : asItWas(past.origin, have);
    };
    let origin = asBefore();
    const trial = remember(this.journal.baseline, goal, origin);
    if (past === undefined && isReached(targetOf(goal, trial, origin, origin), origin))
      return this.keep(next, goal, trial);
    const working = past?.working ?? (await workingNow(kernel, this.config!, this.options));
    if (!current()) return;
    origin = asBefore();
    const baseline = remember(this.journal.baseline, goal, origin);
    const before = touched(origin, goal, baseline);
    const text = canonical(changed.map((name) => textOf(next.get(name))));
    const interruptions = this.interruptions.change === text ? this.interruptions.count : 0;
    if (interruptions >= MAX_INTERRUPTIONS) {
      if (past !== undefined) this.undo(past.goal);
      return this.fail(changed, `the program ended ${interruptions} times before the change was confirmed`);
    }
    this.changing = changed;
    this.save({ ...this.journal, baseline, pending: { before, change: text, interruptions } });
    this.unconfirmed = { origin, working, goal };
    const writes = this.writes;
    this.news.changing(changed);
    const change = { goal, baseline, before, working, policies: new Set(next.keys()) };
    const reason = await tryOut(kernel, this.config!, change, this.options, current);
    this.changing = [];
    // A process that ends leaves the journal to the next one.
    if (!current()) return;
    if (reason === undefined) {
      this.keep(next, goal, baseline);
      return this.news.confirmed(changed, next, this.writes - writes);
    }
    this.undo(goal);
    const tried = changed.filter((name) => !isEmpty(next.get(name)) || !isEmpty(this.journal.applied.get(name)));
    this.oneByOne = tried.length > 1;
    if (this.oneByOne) {
      this.news.oneByOne(changed, reason);
      this.again = true;
    } else this.fail(tried.length === 0 ? changed : tried, reason);
  }

  private keep(next: Wishes, goal: Goal, baseline: NetworkJournal['baseline']): void {
    this.interruptions = { change: '', count: 0 };
    this.unconfirmed = undefined;
    this.save(confirmedIn(this.journal, next, this.wanted, goal, baseline));
  }

  /** Everything returns to how it was before the change. */
  private undo(goal: Goal): void {
    takeBack(this.kernel!, this.log, this.journal.pending!.before, this.journal.baseline, goal);
    this.unconfirmed = undefined;
    this.save(undoneIn(this.journal));
    this.options.applied();
  }

  private fail(changed: readonly string[], reason: string): void {
    this.save(failedIn(this.journal, changed, this.wanted, reason, wallClock()));
    this.news.failed(changed, reason);
  }

  private save(journal: NetworkJournal): void {
    this.journal = journal;
    this.store!.save(journal);
  }
}
