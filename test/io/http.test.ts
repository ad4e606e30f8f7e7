/** The servers and the client under it: sockets, long answers, answers that break off. */
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Handler,
  type HttpServer,
  json,
  jsonRows,
  MAX_CALLERS,
  serveTcp,
  serveUnix,
  withoutIpv6,
} from '../../src/io/http.ts';
import { callUnix, isAnswered } from '../../src/io/request.ts';
import { Folder } from '../support/daemon.ts';

let folder: Folder;
const servers: HttpServer[] = [];
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  folder.dispose();
});

const unix = async (handler: Handler, name = 's'): Promise<string> => {
  servers.push(await serveUnix(folder.file(name), handler));
  return folder.file(name);
};

test('method, path and query arrive; folders of the socket are made', async () => {
  const socket = await unix((method, url) => json([method, url.pathname, url.searchParams.get('q')]), 'a/b/s');
  expect(await callUnix(socket, 'GET', '/x/y?q=1%202')).toEqual({ status: 200, body: '["GET","/x/y","1 2"]\n' });
  expect(await callUnix(socket, 'POST', '/')).toEqual({ status: 200, body: '["POST","/",null]\n' });
});

test('rows: none, one, many, and those that are left out', async () => {
  const many = Array.from({ length: 20_000 }, (_, i) => ({ i, text: 'ü'.repeat(i % 50) }));
  const cases: Record<string, readonly unknown[]> = {
    none: [],
    one: [1],
    gaps: [undefined, 1, undefined, undefined, 'two', undefined],
    many,
  };
  const socket = await unix((_, { pathname }) => jsonRows(cases[pathname.slice(1)]!));
  for (const [name, values] of Object.entries(cases))
    expect(JSON.parse((await callUnix(socket, 'GET', `/${name}`)).body)).toEqual(values.filter((v) => v !== undefined));
});

test('a long answer is made at the pace of its reader, and others are served meanwhile', async () => {
  let made = 0;
  const socket = await unix((_, { pathname }) =>
    pathname === '/quick'
      ? json('quick')
      : {
          status: 200,
          type: 'text/plain',
          body: (function* () {
            for (; made < 1000; made++) yield 'x'.repeat(65_536);
          })(),
        },
  );
  const reader = connect(socket);
  reader.write('GET /long HTTP/1.1\r\nHost: x\r\n\r\n');
  await new Promise((resolve) => reader.once('data', resolve));
  reader.pause();
  expect((await callUnix(socket, 'GET', '/quick')).body).toBe('"quick"\n');
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(made).toBeLessThan(200);
  reader.destroy();
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(made).toBeLessThan(200);
});

test('a search through much that finds little lets others run', async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const socket = await unix(() =>
    jsonRows(
      (function* () {
        for (let i = 0; i < 500_000; i++) yield Math.sqrt(i) < 0 ? i : undefined;
      })(),
    ),
  );
  expect((await callUnix(socket, 'GET', '/')).body).toBe('[]\n');
  clearInterval(timer);
  expect(turns).toBeGreaterThan(0);
});

test('a handler that throws answers 500; one that throws in the middle breaks off, and the server lives', async () => {
  const socket = await unix((_, { pathname }) => {
    if (pathname === '/at-once') throw new Error('no');
    if (pathname === '/later') return Promise.reject(new Error('not now'));
    return {
      status: 200,
      type: 'text/plain',
      body: (function* () {
        yield 'some';
        throw new Error('broken');
      })(),
    };
  });
  expect(await callUnix(socket, 'GET', '/at-once')).toEqual({ status: 500, body: '{"error":"no"}\n' });
  expect(await callUnix(socket, 'GET', '/later')).toEqual({ status: 500, body: '{"error":"not now"}\n' });
  await expect(callUnix(socket, 'GET', '/middle')).rejects.toThrow();
  expect((await callUnix(socket, 'GET', '/at-once')).status).toBe(500);
});

test('a target that is no URL', async () => {
  const socket = await unix(() => json('never'));
  expect((await callUnix(socket, 'GET', '//')).status).toBe(400);
});

test('TCP: any port, the port in use, an address of somebody else', async () => {
  const server = await serveTcp('127.0.0.1', 0, () => json('here'));
  servers.push(server);
  expect(await (await fetch(`http://127.0.0.1:${server.port}/`)).json()).toBe('here');
  await expect(serveTcp('127.0.0.1', server.port, () => json(''))).rejects.toThrow(
    `cannot listen on 127.0.0.1:${server.port} (--http): it is in use`,
  );
  await expect(serveTcp('192.0.2.1', 0, () => json(''))).rejects.toThrow('the address is not on this host');
});

test('every address is every IPv4 address where there is no IPv6, and an address that was asked for is no other', () => {
  expect(withoutIpv6('::', { code: 'EAFNOSUPPORT' })).toBe('0.0.0.0');
  expect(withoutIpv6('::', { code: 'EADDRINUSE' })).toBeUndefined();
  expect(withoutIpv6('::1', { code: 'EAFNOSUPPORT' })).toBeUndefined();
});

test('a reader that takes a long answer bit by bit leaves nothing behind in the server', async () => {
  const warnings: string[] = [];
  const warned = (warning: Error) => warnings.push(warning.message);
  process.on('warning', warned);
  const octets = 300 * 65_536;
  const socket = await unix(() => ({
    status: 200,
    type: 'text/plain',
    body: (function* () {
      for (let i = 0; i < 300; i++) yield 'x'.repeat(65_536);
    })(),
  }));
  const reader = connect(socket);
  reader.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  let length = 0;
  reader.on('data', (chunk: Buffer) => {
    length += chunk.length;
    reader.pause();
    setImmediate(() => reader.resume());
  });
  await new Promise((resolve) => reader.once('close', resolve));
  process.off('warning', warned);
  expect(length).toBeGreaterThan(octets);
  expect(warnings).toEqual([]);
});

describe('callers over TCP', () => {
  let port: number;
  const sockets: Socket[] = [];
  beforeEach(async () => {
    const server = await serveTcp('127.0.0.1', 0, () => json('here'));
    servers.push(server);
    port = server.port;
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  /** The status of a request with these lines in its head. */
  const status = (...head: readonly string[]): Promise<number> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      sockets.push(socket);
      let text = '';
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      socket.once('error', reject);
      socket.once('close', () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0)));
      socket.write(`${['GET / HTTP/1.1', ...head, 'Connection: close'].join('\r\n')}\r\n\r\n`);
    });

  test.each([
    ['127.0.0.1', 200],
    ['127.0.0.1:7472', 200],
    ['[::1]:7472', 200],
    ['localhost:7472', 200],
    ['LOCALHOST', 200],
    ['waypost.localhost', 200],
    ['rebound.example:7472', 403],
    ['127.0.0.1.example', 403],
    ['localhost.example', 403],
  ])('asked for as %s over loopback: %i', async (host, expected) => {
    expect(await status(`Host: ${host}`)).toBe(expected);
  });

  test('a page of another site gets nothing, a link from there leads here', async () => {
    const host = 'Host: 127.0.0.1';
    expect(await status(host, 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors')).toBe(403);
    expect(await status(host, 'Sec-Fetch-Site: same-site', 'Sec-Fetch-Mode: cors')).toBe(403);
    expect(await status(host, 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate')).toBe(200);
    expect(await status(host, 'Sec-Fetch-Site: same-origin', 'Sec-Fetch-Mode: cors')).toBe(200);
    expect(await status(host, 'Sec-Fetch-Site: none', 'Sec-Fetch-Mode: navigate')).toBe(200);
  });

  test('what is no request, and a head that does not end', async () => {
    expect(await status()).toBe(400);
    expect(await status('Host: x', `X: ${'y'.repeat(20_000)}`)).toBe(431);
    expect(await status('Host: 127.0.0.1')).toBe(200);
  });

  test('are only so many at a time, and one more has a place when they have left', async () => {
    for (let i = 0; i < MAX_CALLERS; i++) {
      const socket = connect(port, '127.0.0.1').on('error', () => {});
      sockets.push(socket);
      await new Promise((resolve) => socket.once('connect', resolve));
    }
    await expect.poll(() => status('Host: 127.0.0.1').catch(() => 0), { timeout: 30_000 }).toBe(0);
    for (const socket of sockets.splice(0)) socket.destroy();
    await expect.poll(() => status('Host: 127.0.0.1').catch(() => 0), { timeout: 30_000 }).toBe(200);
  });
});

describe('no daemon', () => {
  test('nothing there, a dead socket, a file', async () => {
    await expect(callUnix(folder.file('none'), 'GET', '/')).rejects.toThrow(/no daemon answers on .*--control/);
    writeFileSync(folder.file('file'), '');
    await expect(callUnix(folder.file('file'), 'GET', '/')).rejects.toThrow(/no daemon answers/);
  });

  test('whether somebody answers: not a dead socket, nor a file', async () => {
    expect(await isAnswered(folder.file('none'))).toBe(false);
    writeFileSync(folder.file('file'), '');
    expect(await isAnswered(folder.file('file'))).toBe(false);
    const socket = await unix(() => json('here'));
    expect(await isAnswered(socket)).toBe(true);
    // What a crash leaves, as Node removes a socket that it closes.
    renameSync(socket, folder.file('moved'));
    servers.pop()!.close();
    expect(await isAnswered(folder.file('moved'))).toBe(false);
  });

  test('one that goes away before it answers, or in the middle', async () => {
    const { createServer } = await import('node:net');
    for (const [answer, message] of [
      ['', /went away before it answered/],
      ['HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[', /went away while it answered/],
    ] as const) {
      const server = createServer((socket) => {
        socket.once('data', () => socket.end(answer));
      });
      const path = folder.file(`gone-${answer.length}`);
      await new Promise<void>((resolve) => server.listen(path, resolve));
      await expect(callUnix(path, 'GET', '/')).rejects.toThrow(message);
      server.close();
    }
  });

  test('a socket that cannot be made', async () => {
    await expect(unix(() => json(''), 'x'.repeat(120))).rejects.toThrow(/cannot listen on .*too long/);
    writeFileSync(folder.file('file'), '');
    await expect(unix(() => json(''), 'file/s')).rejects.toThrow(/cannot listen on .*file\/s/);
    mkdirSync(folder.file('folder'));
    await expect(unix(() => json(''), 'folder')).rejects.toThrow(/it exists and is no socket/);
  });
});

test('closing ends what is under way and removes the socket', async () => {
  const socket = await unix(() => new Promise(() => {}));
  const waiting = callUnix(socket, 'GET', '/').catch((error: Error) => error);
  await new Promise((resolve) => setTimeout(resolve, 50));
  servers.pop()!.close();
  expect(await waiting).toBeInstanceOf(Error);
  expect(existsSync(socket)).toBe(false);
});
