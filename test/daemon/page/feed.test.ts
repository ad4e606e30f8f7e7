/** The page over HTTP: what a daemon shows of itself, live, to a few clients, and to none that does not read. */
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { publicHandler } from '../../../src/daemon/control.ts';
import { Feed, MAX_BACKLOG, MAX_CLIENTS } from '../../../src/daemon/page/feed.ts';
import type { PageView } from '../../../src/daemon/page/view.ts';
import { type HttpServer, type LiveClient, serveTcp } from '../../../src/io/http.ts';
import {
  advertisementDocument,
  peerDocument,
  poolDocument,
  Router,
  Site,
  serviceDocument,
  soon,
} from '../../support/daemon.ts';
import { sample } from './sample.ts';

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function served(site: Site): Promise<HttpServer & { readonly url: string }> {
  const server = await serveTcp('127.0.0.1', 0, publicHandler(site.daemon));
  ends.push(() => server.close());
  return { ...server, url: `http://127.0.0.1:${server.port}` };
}

/** Reads events until it is stopped. */
function listen(url: string) {
  const stop = new AbortController();
  ends.push(() => stop.abort());
  const heard = { text: '', status: 0, ended: false, stop: () => stop.abort() };
  void (async () => {
    try {
      const reply = await fetch(`${url}/events`, { signal: stop.signal });
      heard.status = reply.status;
      for await (const piece of reply.body!) heard.text += new TextDecoder().decode(piece);
    } catch {
      // It was stopped, or dropped.
    }
    heard.ended = true;
  })();
  return heard;
}

test('a session that comes up is on the page, and reaches who looks at it; its password does not', async () => {
  const site = new Site();
  ends.push(() => site.stop());
  const router = await new Router().start();
  ends.push(() => router.stop());
  site.folder.put(
    'pool.yaml',
    `${poolDocument('main', ['198.51.100.0/30'])}---\n${advertisementDocument('all', 'main')}`,
  );
  for (const name of ['a', 'b', 'c', 'd', 'e']) site.folder.put(`${name}.yaml`, serviceDocument(name));
  await site.start();
  const { url } = await served(site);
  const before = await fetch(url);
  expect(before.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(before.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(before.headers.get('x-content-type-options')).toBe('nosniff');
  const text = await before.text();
  expect(text).toContain('No peer is configured');
  // The Service that got no address comes before those that did.
  expect(text.indexOf('noIPAllocated')).toBeGreaterThan(0);
  expect(text.indexOf('default/e')).toBeLessThan(text.indexOf('default/a'));

  const heard = listen(url);
  await soon('the first events', () => heard.text.includes('event: section'));
  expect(heard.status).toBe(200);
  const closed = { ...router, address: '127.0.0.1', port: 1 } as unknown as Router;
  const secret = peerDocument('locked', closed, { password: 'a-very-secret-word', peerAddress: '127.0.0.9' });
  site.folder.put('peer.yaml', `${peerDocument('tor', router)}---\n${secret}`);
  await soon('the session on the page', () => /\\"badge ok\\">[^{]{0,60}Established/.test(heard.text));
  const after = await (await fetch(url)).text();
  expect(after).toContain('tor');
  expect(after).toContain('locked');
  for (const shown of [after, heard.text]) expect(shown).not.toContain('a-very-secret-word');
  expect((await fetch(url, { method: 'HEAD' })).status).toBe(200);
  expect((await fetch(url, { method: 'POST' })).status).toBe(405);
  expect((await fetch(`${url}/events`, { method: 'HEAD' })).status).toBe(200);
});

test('only so many look at a time, and the next has a place when one has left', async () => {
  const site = new Site();
  ends.push(() => site.stop());
  await site.start();
  const { url } = await served(site);
  const all = Array.from({ length: MAX_CLIENTS }, () => listen(url));
  await soon('everybody is served', () => all.every(({ text }) => text.includes('event: section')));
  expect((await fetch(`${url}/events`)).status).toBe(503);
  expect((await fetch(url)).status).toBe(200);
  all[0]!.stop();
  await soon('a place', async () => {
    const next = listen(url);
    await soon('an answer', () => next.status !== 0);
    return next.status === 200;
  });
});

test('a snapshot that cannot be taken is told of, once', async () => {
  const site = new Site();
  ends.push(() => site.stop());
  await site.start();
  const { url } = await served(site);
  Object.assign(site.daemon.chronicle.tally, {
    rows: () => {
      throw new Error('planted');
    },
  });
  const client = listen(url);
  const told = () => site.messages('the status page cannot be kept up to date: planted');
  await soon('an error', () => told().length > 0);
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(told()).toHaveLength(1);
  expect(client.ended).toBe(false);
  expect(await (await fetch(url)).json()).toEqual({ error: 'planted' });
});

/** A client in memory. */
class Fake implements LiveClient {
  readonly heard: string[] = [];
  backlog = 0;
  isDropped = false;
  private left: () => void = () => {};
  write(text: string): void {
    this.heard.push(text);
  }
  drop(): void {
    this.isDropped = true;
    this.left();
  }
  gone(then: () => void): void {
    this.left = then;
  }
}

test('one snapshot for all, none when nobody looks, and nothing is sent where nothing changed', async () => {
  let taken = 0;
  let view: PageView = sample();
  const collect = async () => {
    taken++;
    return view;
  };
  const feed = new Feed({ collect, everyMs: 20 });
  await Promise.all([feed.document(), feed.document(), feed.document()]);
  expect(taken).toBe(1);
  const [a, b] = [new Fake(), new Fake()];
  feed.add(a);
  feed.add(b);
  const sections = (client: Fake) => client.heard.join('').match(/event: section/g)?.length ?? 0;
  const first = sections(a);
  expect(first).toBeGreaterThan(5);
  await soon('a few rounds', () => taken > 4);
  expect([sections(a), sections(b)]).toEqual([first, first]);
  view = sample({ drain: 'withdrawn' });
  await soon('the change', () => a.heard.join('').includes('drained'));
  // What shows the drain: the summary alone, while there is nothing to draw.
  expect([sections(a), sections(b)]).toEqual([first + 1, first + 1]);
  for (const client of [a, b]) client.drop();
  await new Promise((resolve) => setTimeout(resolve, 60));
  const idle = taken;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(taken).toBe(idle);
});

test('a client that does not read is dropped, and the others are served', async () => {
  let round = 0;
  const feed = new Feed({ collect: async () => sample({ node: `node-${++round}`, drain: `${round}` }), everyMs: 10 });
  const [slow, quick] = [new Fake(), new Fake()];
  feed.add(slow);
  feed.add(quick);
  slow.backlog = MAX_BACKLOG + 1;
  await soon('the slow one is dropped', () => slow.isDropped);
  const heard = quick.heard.length;
  await soon('the other goes on', () => quick.heard.length > heard || quick.heard.length > 3);
  expect(quick.isDropped).toBe(false);
  quick.drop();
});

test('what a socket does not take is its backlog', async () => {
  let client: LiveClient | undefined;
  const server = await serveTcp('127.0.0.1', 0, () => ({
    ...{ status: 200, type: 'text/event-stream', body: '' },
    live: (one) => {
      client = one;
    },
  }));
  ends.push(() => server.close());
  const socket = connect(server.port, '127.0.0.1');
  ends.push(() => void socket.destroy());
  socket.pause();
  socket.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await soon('the request', () => client !== undefined);
  let gone = false;
  client!.gone(() => {
    gone = true;
  });
  // More than the buffers of both ends.
  for (let i = 0; i < 64; i++) client!.write('x'.repeat(1024 * 1024));
  expect(client!.backlog).toBeGreaterThan(MAX_BACKLOG);
  client!.drop();
  await soon('it is gone', () => gone);
});
