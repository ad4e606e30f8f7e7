/**
 * The page kept up to date: one snapshot for everybody who looks, taken only while somebody does, and to each client the
 * sections that have changed. Clients are few, and one that does not read is dropped.
 */
import { monotonicMs } from '../../io/clock.ts';
import type { LiveClient } from '../../io/http.ts';
import { nextTurn } from '../../io/turn.ts';
import { documentOf } from './document.ts';
import { sections } from './sections.ts';
import type { PageView } from './view.ts';

/** Pages that are live at a time. */
export const MAX_CLIENTS = 16;
/** Octets that a client may leave unread. */
export const MAX_BACKLOG = 1024 * 1024;
/** Between two snapshots. */
const EVERY_MS = 1000;
/** A comment now and then shows that somebody is there, and finds out who is not. */
const BEAT_MS = 15_000;

interface Snapshot {
  readonly view: PageView;
  readonly rendered: ReadonlyMap<string, string>;
  readonly atMs: number;
}

export interface FeedOptions {
  readonly collect: () => Promise<PageView>;
  readonly everyMs?: number;
  /** The snapshot could not be taken. */
  readonly failed?: (error: Error) => void;
}

export class Feed {
  private readonly options: FeedOptions;
  private readonly everyMs: number;
  private readonly clients = new Set<LiveClient>();
  private latest: Snapshot | undefined;
  private under: Promise<Snapshot> | undefined;
  /** Somebody looks, or did a second ago. */
  private turning = false;
  private beatMs = 0;

  constructor(options: FeedOptions) {
    this.options = options;
    this.everyMs = options.everyMs ?? EVERY_MS;
  }

  /** The whole document. However many ask, a snapshot is taken once a second. */
  async document(): Promise<string> {
    const { view, rendered } = await this.snapshot();
    return documentOf(view, rendered);
  }

  get isFull(): boolean {
    return this.clients.size >= MAX_CLIENTS;
  }

  /** Serves a client, which gets every section at once, until it goes. */
  add(client: LiveClient): void {
    this.clients.add(client);
    client.gone(() => this.clients.delete(client));
    client.write('retry: 3000\n\n');
    if (this.latest) for (const [id, html] of this.latest.rendered) client.write(eventOf(id, html));
    if (!this.turning) void this.turn();
  }

  private snapshot(): Promise<Snapshot> {
    const { latest } = this;
    if (latest && monotonicMs() - latest.atMs < this.everyMs) return Promise.resolve(latest);
    this.under ??= this.take().finally(() => {
      this.under = undefined;
    });
    return this.under;
  }

  private async take(): Promise<Snapshot> {
    const view = await this.options.collect();
    const rendered = new Map<string, string>();
    for (const [id, render] of Object.entries(sections)) {
      rendered.set(id, render(view).text);
      await nextTurn();
    }
    const before = this.latest?.rendered;
    this.latest = { view, rendered, atMs: monotonicMs() };
    const changed = [...rendered].filter(([id, html]) => before?.get(id) !== html);
    const text = changed.map(([id, html]) => eventOf(id, html)).join('');
    if (text !== '') this.send(text);
    return this.latest;
  }

  private async turn(): Promise<void> {
    this.turning = this.clients.size > 0;
    if (!this.turning) return;
    try {
      await this.snapshot();
    } catch (error) {
      this.options.failed?.(error as Error);
    }
    const now = monotonicMs();
    if (now - this.beatMs >= BEAT_MS) {
      this.beatMs = now;
      this.send(': here\n\n');
    }
    setTimeout(() => void this.turn(), this.everyMs).unref();
  }

  private send(text: string): void {
    for (const client of [...this.clients]) {
      if (client.backlog > MAX_BACKLOG) client.drop();
      else client.write(text);
    }
  }
}

const eventOf = (id: string, html: string): string => `event: section\ndata: ${JSON.stringify({ id, html })}\n\n`;
