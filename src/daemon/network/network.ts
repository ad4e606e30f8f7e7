/**
 * The node's network as policies want it. A change is written to a journal, carried out, and kept once what worked
 * before works again; else everything returns to how it was, and the policy is marked as failed until it changes. A
 * process that is killed meanwhile leaves the journal, and the next one goes back before it does anything else.
 *
 * Nothing is opened or written before some policy exists, or one was in force.
 */
import type { Configuration } from '../../config/model.ts';
import { policiesHere, wishesOf } from '../../intent/network.ts';
import { bootId } from '../../io/state.ts';
import { equal } from '../../lib/diff.ts';
import type { Goal } from '../../vrf/goal.ts';
import { emptyJournal } from '../../vrf/journal.ts';
import { type Happened, News } from './news.ts';
import { type Parts, realParts } from './parts.ts';
import { lightScope } from './scope.ts';
import type { NetworkJournal } from './store.ts';
import { Transactions } from './transaction.ts';
import type { Surroundings } from './trial.ts';
import type { View } from './view.ts';
import type { Watch } from './watch.ts';
import {
  changesOf,
  choose,
  goalOf,
  isEmpty,
  type Standing,
  standingOf,
  type Wishes,
  wantedVrfs,
  withOne,
} from './wishes.ts';

export interface NetworkOptions extends Surroundings {
  readonly happened: Happened;
  readonly parts?: Parts;
}

/** Links, addresses and rules alone. */
const nothing = { sysctls: [], links: [], tables: [] };

export class Network {
  private readonly options: NetworkOptions;
  private readonly news: News;
  private readonly parts: Parts;
  private readonly empty: NetworkJournal = emptyJournal(bootId());
  /** Absent as long as nothing was ever wanted. */
  private transactions: Transactions | undefined;
  /** Where the journal is. */
  private dir = '';
  private watch: Pick<Watch, 'close'> | undefined;
  private config: Configuration | undefined;
  private wanted: Wishes = new Map();
  /** Why a policy is not in force that has not failed. */
  private waiting: ReadonlyMap<string, string> = new Map();
  /** Changes are tried one at a time, since together they failed. */
  private oneByOne = false;
  private running = false;
  private again = false;
  private stopped = false;
  /** Ends when something else is wanted than what is being changed. */
  private current = new AbortController();

  constructor(options: NetworkOptions) {
    this.options = options;
    this.news = new News(options.log, options.happened);
    this.parts = options.parts ?? realParts;
  }

  /** Changes asked of the kernel so far. */
  get writes(): number {
    return this.transactions?.kernel.writes ?? 0;
  }

  /** A configuration is in force. Resolves when the network is as it wants, or will not be. */
  async configure(config: Configuration): Promise<void> {
    const wanted = wishesOf(config);
    const same = this.config !== undefined && equal(wanted, this.wanted);
    this.config = config;
    try {
      this.move();
    } catch (error) {
      // Tried again with the next pass.
      this.news.broken(error as Error);
    }
    if (same) return;
    this.wanted = wanted;
    await this.anew();
  }

  /** Tries again what failed. */
  async retry(): Promise<void> {
    if (this.transactions?.forgive()) await this.anew();
  }

  /** What is not confirmed is taken back, and everything else stays as it is. */
  stop(): void {
    this.stopped = true;
    this.current.abort();
    this.watch?.close();
    try {
      this.transactions?.end();
    } catch (error) {
      this.news.broken(error as Error);
    }
  }

  /** What is in force of what policies want. */
  get inForce(): Goal {
    return goalOf(this.journal.applied);
  }

  /** VRFs that policies make and that are not there yet. */
  missingVrfs(): ReadonlySet<string> {
    const wanted = wantedVrfs(this.wanted);
    if (wanted.size === 0) return new Set();
    const there = this.transactions?.kernel.read(nothing).links;
    return new Set([...wanted.keys()].filter((name) => !there?.has(name)));
  }

  /** Of every policy for this node, in document order, and of those that are in force and no longer wanted. */
  standings(): readonly Standing[] {
    const { config, journal, wanted } = this;
    if (config === undefined) return [];
    const trial = this.transactions?.onTrial ?? [];
    const left = [...journal.applied.keys()].filter((name) => !wanted.has(name));
    return [...policiesHere(config).map(({ name }) => name), ...left].map((name) =>
      standingOf(name, wanted.get(name), journal, this.waiting.get(name), trial.includes(name)),
    );
  }

  /** The network as it is, whoever made it, and what is in force; undefined where this system cannot be asked. */
  view(): View | undefined {
    const goal = goalOf(this.journal.applied);
    const have = this.parts.glance(lightScope(goal, this.journal.baseline).sysctls);
    return have && { have, goal, vrfs: wantedVrfs(this.wanted) };
  }

  private get journal(): NetworkJournal {
    return this.transactions?.journal ?? this.empty;
  }

  /** What is under way is no longer what is wanted. */
  private async anew(): Promise<void> {
    this.current.abort();
    this.current = new AbortController();
    await this.run();
  }

  /** One pass at a time, and another one after it for whatever has changed meanwhile. */
  private async run(): Promise<void> {
    this.again = true;
    if (this.running) return;
    this.running = true;
    while (this.again && !this.stopped) {
      this.again = false;
      try {
        await this.pass();
        this.news.broken();
      } catch (error) {
        if (!this.stopped) this.news.broken(error as Error);
      }
    }
    this.running = false;
  }

  private async pass(): Promise<void> {
    const { config, wanted } = this;
    if (config === undefined || !this.open()) return;
    const transactions = this.transactions!;
    transactions.recover(wanted);
    const { applied } = this.journal;
    const next = this.choice(transactions);
    const changed = changesOf(applied, next);
    if (changed.length === 0) return transactions.settle();
    const alone = this.oneByOne && changed.length > 1 ? changed.slice(0, 1) : undefined;
    this.oneByOne = alone !== undefined;
    const attempt = {
      next: alone === undefined ? next : withOne(applied, next, alone[0]!),
      changed: alone ?? changed,
      wanted,
    };
    const failed = await transactions.change(config, attempt, this.current.signal);
    if (alone !== undefined || failed?.oneByOne) this.again = true;
    if (failed === undefined) return;
    this.oneByOne = failed.oneByOne;
    if (failed.oneByOne) this.news.oneByOne(attempt.changed, failed.reason);
    else transactions.fail(failed.suspects, wanted, failed.reason);
  }

  /** What is needed to do anything at all; false where nothing is to be done. */
  private open(): boolean {
    this.move();
    if (this.transactions !== undefined) return true;
    this.dir = this.config!.speaker.stateDir;
    const store = this.parts.store(this.dir);
    const journal = store.load();
    const unused = [...this.wanted.values(), ...journal.applied.values()].every(isEmpty);
    if (unused && journal.pending === undefined && journal.baseline.sysctls.size === 0) return false;
    const kernel = this.parts.kernel();
    try {
      this.watch = this.parts.watch(kernel.portId, () => void this.run());
    } catch (error) {
      kernel.close();
      throw error;
    }
    this.transactions = new Transactions({ kernel, store, journal, news: this.news, around: this.options });
    return true;
  }

  /** The state directory may be another. */
  private move(): void {
    const { stateDir } = this.config!.speaker;
    if (this.transactions === undefined || stateDir === this.dir) return;
    this.transactions.move(this.parts.store(stateDir));
    this.dir = stateDir;
  }

  private choice({ kernel, journal }: Transactions): Wishes {
    const { next, waiting } = choose(this.wanted, journal, kernel.read(nothing));
    this.waiting = waiting;
    this.news.waiting(waiting);
    return next;
  }
}
