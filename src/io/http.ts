/** HTTP over TCP or a unix socket: the control API, metrics, health and the status page. */
import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, resolve } from 'node:path';
import { monotonicMs } from './clock.ts';
import { foreignRequest } from './foreign.ts';
import { knock } from './knock.ts';
import { folderTurn } from './lock.ts';
import { nativeProblem } from './native.ts';
import { nextTurn, SLICE_MS } from './turn.ts';
import { listenerPid, unixAddress } from './unix.ts';

export interface Reply {
  readonly status: number;
  readonly type: string;
  /** A long body comes in pieces: none is made before the one in front of it has left. */
  readonly body: string | Iterable<string>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of the body: takes over a reply that goes on for as long as the client stays. */
  readonly live?: (client: LiveClient) => void;
}

/** Somebody who reads on. */
export interface LiveClient {
  write(text: string): void;
  /** Octets written that have not left. */
  readonly backlog: number;
  /** Ends it, whatever has not left. */
  drop(): void;
  /** To be called once, when it has gone for whatever reason. */
  gone(then: () => void): void;
}

/** `body` reads what was sent along; it rejects where that is too long. */
export type Handler = (method: string, url: URL, body: () => Promise<string>) => Reply | Promise<Reply>;

export const json = (value: unknown, status = 200): Reply => ({
  status,
  type: 'application/json',
  body: `${JSON.stringify(value)}\n`,
});

/** A JSON array, row by row; undefined is no row, and lets others run between those that are searched for. */
export const jsonRows = (rows: Iterable<unknown>): Reply => ({
  status: 200,
  type: 'application/json',
  body: arrayText(rows),
});

function* arrayText(rows: Iterable<unknown>): Generator<string> {
  let text = '[';
  let first = true;
  let until = monotonicMs() + SLICE_MS;
  let looked = 0;
  for (const row of rows) {
    if (row !== undefined) {
      text += `${first ? '' : ',\n'}${JSON.stringify(row)}`;
      first = false;
    }
    if (++looked % 64 !== 0 || monotonicMs() < until) continue;
    yield text;
    text = '';
    until = monotonicMs() + SLICE_MS;
  }
  yield `${text}]\n`;
}

export interface HttpServer {
  readonly port: number;
  close(): void;
}

/** Callers at a time: they share the process's descriptors with sessions, which must not run out of them. */
export const MAX_CALLERS = 256;
/** How long a caller may take to say what it wants, ms. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
/** How long a stranger may take no octet of what it gets, ms. */
const STALL_MS = 60_000;

function newServer(handler: Handler, refuse: (req: IncomingMessage) => string | undefined = () => undefined): Server {
  const limits = {
    headersTimeout: HEADERS_MS,
    requestTimeout: REQUEST_MS,
    connectionsCheckingInterval: HEADERS_MS / 2,
  };
  const server = createServer(limits, (req, res) => void answer(req, res, handler, refuse(req)));
  server.maxConnections = MAX_CALLERS;
  return server;
}

/**
 * Serves on an address and port, but not to pages of other sites (see foreign.ts). Rejects with a message for the operator.
 */
export async function serveTcp(host: string, port: number, handler: Handler): Promise<HttpServer> {
  const server = newServer(handler, foreignRequest);
  server.timeout = STALL_MS;
  try {
    await listening(server, { host, port });
  } catch (error) {
    const other = withoutIpv6(host, error as NodeJS.ErrnoException);
    if (other !== undefined) return serveTcp(other, port, handler);
    const where = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    throw listenError(error as NodeJS.ErrnoException, `${where} (--http)`, {
      EADDRINUSE: `it is in use (ss -ltnp 'sport = :${port}' names the program); give --http another one, or off`,
      EACCES:
        'permission denied: a port below 1024 is for root, or needs CAP_NET_BIND_SERVICE; give --http another one, or off',
    });
  }
  return { port: (server.address() as AddressInfo).port, close: () => end(server) };
}

/** What "every address" is where the kernel has no IPv6 (`ipv6.disable=1`); undefined: something else was wrong. */
export const withoutIpv6 = (host: string, { code }: { readonly code?: string | undefined }): string | undefined =>
  host === '::' && code === 'EAFNOSUPPORT' ? '0.0.0.0' : undefined;

/** Octets of `sun_path` without its end (unix(7)). */
const MAX_SOCKET_PATH = 107;

/**
 * Serves on a unix socket (mode 0660, group `waypost` where there is one). A socket that a dead process left is
 * replaced. Rejects with a message for the operator, also where a live one answers.
 */
export async function serveUnix(path: string, handler: Handler): Promise<HttpServer> {
  const server = newServer(handler);
  try {
    // Longer ones are cut silently: the socket would be somewhere else.
    if (Buffer.byteLength(path) > MAX_SOCKET_PATH) throw new Error('the path is too long for a socket');
    mkdirSync(dirname(path), { recursive: true });
    // Two that find the socket of a dead process at once must not both take it away.
    const turn = await folderTurn(dirname(path));
    try {
      await clear(path);
      await listening(server, { path });
    } finally {
      turn.release();
    }
    chmodSync(path, 0o660);
  } catch (error) {
    const remedy = 'or give --control another path';
    const denied = `permission denied: become root or a user that may write to ${dirname(path)}, ${remedy}`;
    throw listenError(error as NodeJS.ErrnoException, path, {
      EACCES: denied,
      EPERM: denied,
      EROFS: `the file system is read-only: mount something else at ${dirname(path)}, ${remedy}`,
    });
  }
  const gid = groupId('waypost');
  try {
    if (gid !== undefined) chownSync(path, -1, gid);
  } catch {
    // Only root and the group's own members can give it away; the socket then stays with our own group.
  }
  return { port: 0, close: () => end(server) };
}

/** Removes a socket that nobody answers on, and nothing else. */
async function clear(path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) throw new Error('it exists and is no socket');
  const refusal = await knock(path);
  if (refusal === undefined) {
    const pid = pidAt(path);
    const [who, how] = pid ? [` (process ${pid})`, ` (kill ${pid})`] : ['', ''];
    throw new Error(`another daemon answers there${who}; stop it${how} or give --control another path`);
  }
  if (refusal.code !== 'ECONNREFUSED') throw refusal;
  unlinkSync(path);
}

/** Which process listens there, where that can be told. */
function pidAt(path: string): number | undefined {
  const address = nativeProblem() === undefined ? unixAddress(resolve(path)) : undefined;
  return address && listenerPid(address);
}

function groupId(name: string): number | undefined {
  try {
    const line = readFileSync('/etc/group', 'utf8')
      .split('\n')
      .find((l) => l.startsWith(`${name}:`));
    return line === undefined ? undefined : Number(line.split(':')[2]);
  } catch {
    return undefined;
  }
}

function end(server: Server): void {
  server.close();
  server.closeAllConnections();
}

function listening(server: Server, where: { path: string } | { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    // Once it listens: a caller that could not be let in (no descriptor is left) calls again.
    server.on('error', reject);
    server.listen(where, () => resolve());
  });
}

/** @param more reasons, by code, beside those that are the same everywhere */
function listenError(error: NodeJS.ErrnoException, where: string, more: Readonly<Record<string, string>>): Error {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'it is in use',
    EADDRNOTAVAIL: 'the address is not on this host',
    ...more,
  };
  return new Error(`cannot listen on ${where}: ${reasons[error.code ?? ''] ?? error.message}`);
}

async function answer(
  req: IncomingMessage,
  res: ServerResponse,
  handler: Handler,
  refusal: string | undefined,
): Promise<void> {
  try {
    if (refusal !== undefined) return await send(res, json({ error: refusal }, 403));
    const [target, base] = [req.url ?? '/', 'http://localhost'];
    if (!URL.canParse(target, base)) return await send(res, json({ error: 'not a URL' }, 400));
    await send(res, await handler(req.method ?? 'GET', new URL(target, base), () => bodyOf(req)));
  } catch (error) {
    if (res.headersSent) res.destroy(error as Error);
    else await send(res, json({ error: (error as Error).message }, 500));
  }
}

/** Octets of a request's body. */
const MAX_BODY = 1024 * 1024;

async function bodyOf(req: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of req as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > MAX_BODY) throw new Error(`a body of more than ${MAX_BODY} octets`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

async function send(res: ServerResponse, reply: Reply): Promise<void> {
  res.writeHead(reply.status, { 'content-type': reply.type, ...reply.headers });
  if (reply.live !== undefined && res.req.method === 'GET') {
    res.setTimeout(0);
    res.flushHeaders();
    reply.live(liveClient(res));
    return;
  }
  if (typeof reply.body === 'string') {
    res.end(reply.body);
    return;
  }
  let wake = () => {};
  for (const event of ['drain', 'close']) res.on(event, () => wake());
  for (const piece of reply.body) {
    if (res.destroyed) return;
    if (res.write(piece)) await nextTurn();
    else
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  }
  res.end();
}

const liveClient = (res: ServerResponse): LiveClient => ({
  write: (text) => void res.write(text),
  get backlog() {
    return res.writableLength;
  },
  drop: () => void res.destroy(),
  gone: (then) => void res.once('close', then),
});
