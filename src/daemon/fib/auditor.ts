/**
 * Reads all routes of the kernel, or all of ours, in slices: soon after somebody asked for it, and later each time while
 * that happens again and again.
 */
import { monotonicMs } from '../../io/clock.ts';
import { SystemError } from '../../io/native.ts';
import { SLICE_MS } from '../../io/turn.ts';
import { Waiters } from '../../io/waiters.ts';
import type { Client } from '../../netlink/client.ts';
import { NetlinkError } from '../../netlink/errors.ts';
import type { Link } from '../../netlink/link.ts';
import type { Route, RouteFilter } from '../../netlink/route.ts';

/** Routes of everybody, and links too; or those with our protocol. */
export type Extent = 'all' | 'ours';

export interface AuditorEvents {
  filter(extent: Extent): RouteFilter;
  begun(extent: Extent): void;
  link(link: Link): void;
  route(extent: Extent, route: Route): void;
  /** `complete`: nothing is missing. Otherwise it is read again. */
  ended(extent: Extent, complete: boolean): void;
  /** `problem` has come, or gone. */
  problem(problem: string | undefined): void;
}

/** Between the wish for an audit and its beginning: longer each time while wishes follow each other. */
const FIRST_WAIT_MS = 20;
const MAX_WAIT_MS = 10_000;
/** After so long without an audit the wait is short again. */
const QUIET_MS = 20_000;
/** Now and then what is there changes while it is read. So many that fail in a row are no accident; they take half a second. */
const FAILURES_TOLD = 5;

export class Auditor {
  /** Audits that were made, and those among them that have to be made again. */
  made = 0;
  incomplete = 0;
  /** Of those since one was complete; and why the last one was not. */
  private failures = 0;
  private failure: string | undefined;
  private readonly client: Client;
  private readonly events: AuditorEvents;
  private wanted: Extent | undefined;
  private pages: Generator<Route[], void, undefined> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private waitMs = FIRST_WAIT_MS;
  private endedAt = Number.NEGATIVE_INFINITY;
  private hurried = false;
  private stopped = false;
  private readonly idlers = new Waiters();

  constructor(client: Client, events: AuditorEvents) {
    this.client = client;
    this.events = events;
  }

  /** Something may be other than is known. */
  want(extent: Extent): void {
    if (this.stopped) return;
    if (this.wanted !== 'all') this.wanted = extent;
    if (this.pages !== undefined || this.timer !== undefined) return;
    if (this.hurried || monotonicMs() - this.endedAt > QUIET_MS) this.waitMs = FIRST_WAIT_MS;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.begin();
    }, this.waitMs);
    this.waitMs = Math.min(MAX_WAIT_MS, 2 * this.waitMs);
  }

  /** An audit has begun, and not ended. */
  get isReading(): boolean {
    return this.pages !== undefined;
  }

  /** Why audits fail again and again; undefined while they do not. */
  get problem(): string | undefined {
    return this.failures < FAILURES_TOLD ? undefined : this.failure;
  }

  /** It is the end: audits that are wanted wait no longer. Resolves when none is wanted any more, or after this time. */
  async settled(timeoutMs: number): Promise<void> {
    this.hurried = true;
    const { wanted } = this;
    if (this.timer !== undefined) {
      clearTimeout(this.timer);
      this.timer = undefined;
      this.want(wanted!);
    } else if (this.pages === undefined) return;
    await this.idlers.wait(timeoutMs);
  }

  /** The socket may be closed then. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.pages = undefined;
    this.wanted = undefined;
  }

  private begin(): void {
    const extent = this.wanted!;
    this.wanted = undefined;
    this.made++;
    this.events.begun(extent);
    const end = (failure?: string) => {
      const complete = failure === undefined;
      this.pages = undefined;
      this.endedAt = monotonicMs();
      if (!complete) this.incomplete++;
      this.remember(failure);
      this.events.ended(extent, complete);
      if (!complete) this.want(extent);
      else if (this.wanted !== undefined) this.want(this.wanted);
      if (this.timer === undefined) this.idlers.end(true);
    };
    try {
      if (extent === 'all') for (const link of this.client.dump('link', {})) this.events.link(link);
      this.pages = this.client.pages('route', this.events.filter(extent));
    } catch (error) {
      return end(reasonOf(error));
    }
    const slice = () => {
      if (this.pages === undefined) return;
      try {
        const until = monotonicMs() + SLICE_MS;
        while (monotonicMs() < until) {
          const page = this.pages.next();
          if (page.done) return end();
          for (const route of page.value) this.events.route(extent, route);
        }
      } catch (error) {
        return end(reasonOf(error));
      }
      setImmediate(slice);
    };
    slice();
  }

  private remember(failure: string | undefined): void {
    const { problem } = this;
    this.failures = failure === undefined ? 0 : this.failures + 1;
    this.failure = failure;
    if ((problem === undefined) !== (this.problem === undefined)) this.events.problem(this.problem);
  }
}

/** EINTR: it changed meanwhile; ENOBUFS, ENOMEM: an answer was lost. What else is thrown is not ours to catch. */
function reasonOf(error: unknown): string {
  if (error instanceof NetlinkError || error instanceof SystemError) return error.message;
  throw error;
}
