/**
 * Changes of the node's network as transactions: the journal says what will be changed and how it was, then the kernel is
 * changed, and the end is written down, whichever it is. One at a time.
 */
import type { Configuration } from '../../config/model.ts';
import { wallClock } from '../../io/clock.ts';
import { canonical, equal } from '../../lib/diff.ts';
import { type Baseline, remember } from '../../vrf/baseline.ts';
import type { Goal } from '../../vrf/goal.ts';
import { asItWas } from '../../vrf/origin.ts';
import type { Snapshot } from '../../vrf/state.ts';
import { targetOf } from '../../vrf/target.ts';
import { isReached, reach } from './apply.ts';
import type { Working } from './confirm.ts';
import type { Kernel } from './kernel.ts';
import type { News } from './news.ts';
import { confirmedIn, failedIn, undoneIn } from './outcome.ts';
import { lightScope, touched, wholeScope } from './scope.ts';
import type { NetworkJournal, Store } from './store.ts';
import { type Surroundings, takeBack, tryOut, workingNow } from './trial.ts';
import { goalOf, isEmpty, textOf, type Wishes } from './wishes.ts';

/** A change that is neither confirmed nor taken back: how it was before, and what worked. */
interface Unconfirmed {
  readonly origin: Snapshot;
  readonly working: Working;
  readonly goal: Goal;
}

/** What is to be changed. */
export interface Attempt {
  /** What is to be in force then. */
  readonly next: Wishes;
  /** Names of what of it is not in force now. */
  readonly changed: readonly string[];
  /** All that is wanted. */
  readonly wanted: Wishes;
}

/** A change was taken back. */
export interface TakenBack {
  readonly reason: string;
  /** Names of those that it may be because of. */
  readonly suspects: readonly string[];
  /** They are to be tried one by one: it may be because of one of them alone. */
  readonly oneByOne: boolean;
}

export interface TransactionParts {
  readonly kernel: Kernel;
  readonly store: Store;
  readonly journal: NetworkJournal;
  readonly news: News;
  readonly around: Surroundings;
}

/** A change that so often ended with the process is not tried again. */
const MAX_INTERRUPTIONS = 3;

export class Transactions {
  readonly kernel: Kernel;
  private store: Store;
  private readonly news: News;
  private readonly around: Surroundings;
  private current: NetworkJournal;
  private unconfirmed: Unconfirmed | undefined;
  private trying: readonly string[] = [];
  private interruptions = { change: '', count: 0 };

  constructor({ kernel, store, journal, news, around }: TransactionParts) {
    this.kernel = kernel;
    this.store = store;
    this.current = journal;
    this.news = news;
    this.around = around;
  }

  /** As it is on disk. */
  get journal(): NetworkJournal {
    return this.current;
  }

  /** Names of what is on trial. */
  get onTrial(): readonly string[] {
    return this.trying;
  }

  /** The journal is in this store from now on, where whoever starts next will look for it. Throws when that cannot be. */
  move(store: Store): void {
    store.save(this.current);
    this.store.remove();
    this.store = store;
  }

  /** What a killed process was at is taken back. */
  recover(wanted: Wishes): void {
    const { pending, baseline } = this.journal;
    if (pending === undefined || this.unconfirmed !== undefined) return;
    const count = pending.interruptions + 1;
    this.news.interrupted(count);
    takeBack(this.kernel, this.around.log, pending.before, baseline, goalOf(wanted));
    this.interruptions = { change: pending.change, count };
    this.save(undoneIn(this.journal));
  }

  /** Nothing but what is in force is wanted: what somebody else undid is done again. */
  settle(): void {
    const { kernel } = this;
    this.giveUp();
    const goal = goalOf(this.journal.applied);
    const target = (now: Snapshot) => targetOf(goal, this.journal.baseline, now);
    const have = kernel.read(lightScope(goal, this.journal.baseline));
    if (isReached(target(have), have)) return this.news.problems([]);
    // What came after the change is remembered as it came.
    const baseline = remember(this.journal.baseline, goal, kernel.read(wholeScope(goal, this.journal.baseline)));
    if (!equal(baseline, this.journal.baseline)) this.save({ ...this.journal, baseline });
    const before = kernel.writes;
    const problems = reach(kernel, wholeScope(goal, baseline), target, () => true);
    this.news.problems(problems);
    if (kernel.writes > before && problems.length === 0) this.news.putRight(kernel.writes - before);
    this.around.applied();
  }

  /**
   * @param signal ends when something else is wanted: what was changed stays, for the next change to go on from
   * @returns undefined when it is kept, and when it was given up
   */
  async change(
    config: Configuration,
    { next, changed, wanted }: Attempt,
    signal: AbortSignal,
  ): Promise<TakenBack | undefined> {
    const { kernel } = this;
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
    const keep = (known: Baseline) => {
      this.save(confirmedIn(this.journal, next, wanted, goal, known));
      this.unconfirmed = undefined;
      this.interruptions = { change: '', count: 0 };
    };
    if (past === undefined && isReached(targetOf(goal, trial, origin, origin), origin)) {
      keep(trial);
      return undefined;
    }
    const working = past?.working ?? (await workingNow(kernel, config, this.around));
    if (signal.aborted) return undefined;
    origin = asBefore();
    const baseline = remember(this.journal.baseline, goal, origin);
    const before = touched(origin, goal, baseline);
    const text = canonical(changed.map((name) => textOf(next.get(name))));
    const interruptions = this.interruptions.change === text ? this.interruptions.count : 0;
    if (interruptions >= MAX_INTERRUPTIONS) {
      this.giveUp();
      const reason = `the program ended ${interruptions} times before the change was confirmed`;
      return { reason, suspects: changed, oneByOne: false };
    }
    this.save({ ...this.journal, baseline, pending: { before, change: text, interruptions } });
    this.unconfirmed = { origin, working, goal };
    const writes = kernel.writes;
    this.news.changing(changed);
    this.trying = changed;
    const change = { goal, baseline, before, working, policies: new Set(next.keys()) };
    const reason = await tryOut(kernel, config, change, this.around, signal);
    this.trying = [];
    if (signal.aborted) return undefined;
    if (reason === undefined) {
      keep(baseline);
      this.news.confirmed(changed, next, kernel.writes - writes);
      return undefined;
    }
    this.giveUp();
    const meant = changed.filter((name) => !isEmpty(next.get(name)) || !isEmpty(this.journal.applied.get(name)));
    return { reason, suspects: meant.length === 0 ? changed : meant, oneByOne: meant.length > 1 };
  }

  /** Everything returns to how it was before the change that is not confirmed, if there is one. */
  giveUp(): void {
    if (this.unconfirmed === undefined) return;
    this.undo();
    this.around.applied();
  }

  /** As `giveUp`, of a process that ends: nobody is told. */
  end(): void {
    try {
      if (this.unconfirmed !== undefined) this.undo();
    } finally {
      this.kernel.close();
    }
  }

  /** These are not tried again until they change. */
  fail(names: readonly string[], wanted: Wishes, reason: string): void {
    this.save(failedIn(this.journal, names, wanted, reason, wallClock()));
    this.news.failed(names, reason);
  }

  /** What failed may be tried again. @returns whether anything had */
  forgive(): boolean {
    if (this.journal.failed.size === 0) return false;
    this.current = { ...this.journal, failed: new Map() };
    return true;
  }

  private undo(): void {
    const { pending, baseline } = this.journal;
    takeBack(this.kernel, this.around.log, pending!.before, baseline, this.unconfirmed!.goal);
    this.save(undoneIn(this.journal));
    this.unconfirmed = undefined;
  }

  private save(journal: NetworkJournal): void {
    this.store.save(journal);
    this.current = journal;
  }
}
