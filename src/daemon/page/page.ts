/** The status page's two addresses: the document, and the events that keep it up to date. */
import type { Reply } from '../../io/http.ts';
import type { Daemon } from '../daemon.ts';
import { collect } from './collect.ts';
import { POLICY } from './document.ts';
import { Feed } from './feed.ts';

const headers: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
};

export class Page {
  private readonly feed: Feed;

  /** @param failed a snapshot could not be taken */
  constructor(daemon: Daemon, failed: (error: Error) => void) {
    this.feed = new Feed({ collect: () => collect(daemon), failed });
  }

  async document(): Promise<Reply> {
    const body = await this.feed.document();
    return {
      status: 200,
      type: 'text/html; charset=utf-8',
      body,
      headers: { ...headers, 'content-security-policy': POLICY },
    };
  }

  events(): Reply {
    const { feed } = this;
    if (feed.isFull) return { status: 503, type: 'text/plain', body: 'too many pages are open\n', headers };
    return { status: 200, type: 'text/event-stream', body: '', headers, live: (client) => feed.add(client) };
  }
}
