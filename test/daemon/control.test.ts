/** The two HTTP interfaces: who may do what where, and that a listener that cannot be had is told clearly. */
import { chmodSync, existsSync, lstatSync, renameSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { controlHandler, publicHandler, subjects } from '../../src/daemon/control.ts';
import { json, type Reply, serveUnix } from '../../src/io/http.ts';
import { callUnix } from '../../src/io/request.ts';
import { peerDocument, poolDocument, Router, Site, serviceDocument, soon } from '../support/daemon.ts';

let site: Site;
beforeEach(() => {
  site = new Site({ control: true });
  site.folder.put('pool.yaml', poolDocument('main', ['198.51.100.0/24']));
});
afterEach(() => site.stop());

const body = (reply: Reply): string => (typeof reply.body === 'string' ? reply.body : [...reply.body].join(''));
const listening = (server: Server, where: object): Promise<void> =>
  new Promise((resolve) => server.listen(where, () => resolve()));

test('the control socket is for root and its group', async () => {
  await site.start();
  expect(lstatSync(site.control).mode & 0o777).toBe(0o660);
  expect(lstatSync(site.control).isSocket()).toBe(true);
  await site.daemon.stop();
  expect(existsSync(site.control)).toBe(false);
});

test('a socket that a dead daemon left is replaced', async () => {
  const dead = createServer();
  await listening(dead, { path: `${site.control}.x` });
  // Node removes a socket that it closes: what a crash leaves is made by renaming it first.
  renameSync(`${site.control}.x`, site.control);
  await new Promise((resolve) => dead.close(resolve));
  expect(lstatSync(site.control).isSocket()).toBe(true);
  await site.start();
  expect((await callUnix(site.control, 'GET', '/show/peers')).status).toBe(200);
});

test('of many daemons that find the socket of a dead one at once, one takes its place, and stays', async () => {
  const dead = createServer();
  await listening(dead, { path: `${site.control}.x` });
  renameSync(`${site.control}.x`, site.control);
  await new Promise((resolve) => dead.close(resolve));
  const serve = () => serveUnix(site.control, () => json({}));
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, serve));
  const won = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []));
  expect(won).toHaveLength(1);
  expect((await callUnix(site.control, 'GET', '/')).status).toBe(200);
  won[0]!.close();
});

test('a socket that another daemon answers on stays its own', async () => {
  await site.start();
  const rival = new Site({ control: site.control });
  await expect(rival.daemon.start()).rejects.toThrow(
    `another daemon answers there (process ${process.pid}); stop it (kill ${process.pid}) or give --control another path`,
  );
  expect((await callUnix(site.control, 'GET', '/show/peers')).status).toBe(200);
  await rival.stop();
  expect((await callUnix(site.control, 'GET', '/show/peers')).status).toBe(200);
});

test('a file that is no socket is never removed', async () => {
  writeFileSync(site.control, 'precious');
  chmodSync(site.control, 0o600);
  await expect(site.start()).rejects.toThrow(`cannot listen on ${site.control}: it exists and is no socket`);
  expect(existsSync(site.control)).toBe(true);
});

test('the port of the BGP listener, and of the metrics, may be in use', async () => {
  const taken = createServer();
  await listening(taken, { host: '127.0.0.1', port: 0 });
  const { port } = taken.address() as { port: number };
  await expect(site.start({ listen: { addresses: ['127.0.0.1'], port } })).rejects.toThrow(
    `cannot listen on 127.0.0.1:${port}`,
  );
  const other = new Site({ http: port });
  await expect(other.daemon.start()).rejects.toThrow(`cannot listen on 127.0.0.1:${port} (--http): it is in use`);
  await other.stop();
  taken.close();
});

test('a listener that cannot be had at a reload is an error in the log, and the rest applies', async () => {
  const taken = createServer();
  await listening(taken, { host: '127.0.0.1', port: 0 });
  const { port } = taken.address() as { port: number };
  const router = await new Router().start();
  try {
    await site.start();
    site.folder.put('peer.yaml', peerDocument('router', router));
    await site.accepts(() => site.speaker({ listen: { addresses: ['127.0.0.1'], port } }));
    await router.knows();
    await soon('the error', () => site.messages(`cannot listen on 127.0.0.1:${port}`).length > 0);
    expect(site.messages(`cannot listen on 127.0.0.1:${port}`)).toEqual([expect.objectContaining({ level: 50 })]);
  } finally {
    taken.close();
    await router.stop();
  }
});

test('the daemon takes calls where the Speaker listens', async () => {
  const { port } = await new Promise<{ port: number }>((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address() as { port: number };
      probe.close(() => resolve(address));
    });
  });
  await site.start({ listen: { addresses: ['127.0.0.1'], port } });
  // Somebody who is no peer is turned away before any state is built.
  const socket = connect(port, '127.0.0.1');
  await new Promise((resolve) => socket.once('close', resolve));
  expect(site.messages('no peer')).toHaveLength(1);
});

describe('requests', () => {
  test('the public side reads, and no more', async () => {
    const handler = publicHandler(site.daemon);
    const get = async (path: string, method = 'GET'): Promise<Reply> =>
      await handler(method, new URL(path, 'http://localhost'), async () => '');
    expect((await get('/healthz')).status).toBe(200);
    expect(await get('/readyz')).toMatchObject({ status: 503, body: 'no configuration is in force yet\n' });
    await site.start();
    expect((await get('/readyz')).status).toBe(200);
    expect(body(await get('/metrics'))).toContain('metallb_k8s_client_config_loaded_bool 1');
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
      for (const path of ['/metrics', '/reload', '/healthz']) expect((await get(path, method)).status).toBe(405);
    for (const path of ['/reload', '/show/peers', '/show/config', '/events/x', '/metrics/x', '/../etc/passwd'])
      expect((await get(path)).status).toBe(404);
  });

  test('before there is a configuration everything has an answer', async () => {
    const handler = controlHandler(site.daemon);
    const status = async (path: string, method = 'GET'): Promise<number> => {
      const reply = await handler(method, new URL(path, 'http://localhost'), async () => '{}');
      expect(body(reply)).toMatch(/^[[{]/);
      return reply.status;
    };
    for (const subject of subjects) expect([subject, await status(`/show/${subject}`)]).toEqual([subject, 200]);
    for (const part of ['assignments', 'sessions', 'routes', 'kernel']) expect(await status(`/plan/${part}`)).toBe(200);
    expect(await status('/plan/ground')).toBe(503);
    expect(await status('/plan/passwords', 'POST')).toBe(200);
    for (const path of ['/drain', '/undrain']) expect(await status(path, 'POST')).toBe(503);
    for (const path of ['/explain?subject=a', '/walk?client=192.0.2.1&service=a']) expect(await status(path)).toBe(404);
  });

  test('the control side shows, and reloads by POST alone', async () => {
    await site.start();
    const handler = controlHandler(site.daemon);
    const ask = async (path: string, method = 'GET'): Promise<Reply> =>
      await handler(method, new URL(path, 'http://localhost'), async () => '');
    for (const subject of ['peers', 'advertised', 'received', 'routes', 'services', 'config'])
      expect((await ask(`/show/${subject}`)).status).toBe(200);
    expect((await ask('/show/nothing')).status).toBe(404);
    expect((await ask('/show/peers', 'POST')).status).toBe(404);
    expect((await ask('/reload')).status).toBe(405);
    expect(body(await ask('/show/received?prefix=what'))).toContain('not a prefix: what');
    expect((await ask('/show/received?prefix=what')).status).toBe(400);
    expect((await ask('/show/received?family=ipx')).status).toBe(400);
    expect(body(await ask('/show/config?peer=x'))).toContain('show config has no filter peer');
    const wrong = await handler('POST', new URL('/plan/passwords', 'http://localhost'), async () => 'nonsense');
    expect(wrong.status).toBe(400);
    expect(await ask('/drain')).toMatchObject({ status: 405, headers: { allow: 'POST' } });
    site.folder.put('web.yaml', serviceDocument('web'));
    expect(JSON.parse(body(await ask('/reload', 'POST')))).toEqual({ valid: true, diagnostics: [] });
    expect(body(await ask('/show/services'))).toContain('default/web');
    site.folder.put('bad.yaml', 'kind: [\n');
    const refused = JSON.parse(body(await ask('/reload', 'POST'))) as { valid: boolean; diagnostics: string[] };
    expect(refused.valid).toBe(false);
    expect(refused.diagnostics[0]).toMatch(/bad\.yaml:\d+:\d+: error: /);
  });
});
