/** HTTP over TCP or a unix socket, both ends: the control API, metrics and health. */
import { chmodSync, chownSync, mkdirSync, readFileSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

export interface Reply {
  readonly status: number;
  readonly type: string;
  /** A long body comes in pieces: none is made before the one in front of it has left. */
  readonly body: string | Iterable<string>;
}

export type Handler = (method: string, url: URL) => Reply | Promise<Reply>;

export const json = (value: unknown, status = 200): Reply => ({
  status,
  type: 'application/json',
  body: `${JSON.stringify(value)}\n`,
});

/** A JSON array, row by row. */
export const jsonRows = (rows: Iterable<unknown>): Reply => ({
  status: 200,
  type: 'application/json',
  body: arrayText(rows),
});

function* arrayText(rows: Iterable<unknown>): Generator<string> {
  let text = '[';
  let first = true;
  for (const row of rows) {
    text += `${first ? '' : ',\n'}${JSON.stringify(row)}`;
    first = false;
    if (text.length < 65536) continue;
    yield text;
    text = '';
  }
  yield `${text}]\n`;
}

export interface HttpServer {
  readonly port: number;
  close(): void;
}

/** Serves on an address and port. Rejects with a message for the operator. */
export async function serveTcp(host: string, port: number, handler: Handler): Promise<HttpServer> {
  const server = createServer((req, res) => void answer(req, res, handler));
  await listening(server, { host, port }, `${host}:${port}`);
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : port, close: () => end(server) };
}

/**
 * Serves on a unix socket (mode 0660, group `waypost` where there is one). A socket that a dead process left is
 * replaced; rejects where a live one answers.
 */
export async function serveUnix(path: string, handler: Handler): Promise<HttpServer> {
  mkdirSync(dirname(path), { recursive: true });
  if (await answers(path)) throw new Error(`another daemon answers on ${path}; stop it or give --control another path`);
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const server = createServer((req, res) => void answer(req, res, handler));
  await listening(server, { path }, path);
  chmodSync(path, 0o660);
  const gid = groupId('waypost');
  if (gid !== undefined) chownSync(path, -1, gid);
  return { port: 0, close: () => end(server) };
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

function listening(
  server: Server,
  where: { path: string } | { host: string; port: number },
  name: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE' ? 'it is in use' : error.code === 'EACCES' ? 'permission denied' : error.message;
      reject(new Error(`cannot listen on ${name}: ${why}`));
    });
    server.listen(where, () => resolve());
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function answer(req: IncomingMessage, res: ServerResponse, handler: Handler): Promise<void> {
  let reply: Reply;
  try {
    reply = await handler(req.method ?? 'GET', new URL(req.url ?? '/', 'http://localhost'));
  } catch (error) {
    reply = json({ error: (error as Error).message }, 500);
  }
  res.writeHead(reply.status, { 'content-type': reply.type });
  if (typeof reply.body === 'string') {
    res.end(reply.body);
    return;
  }
  for (const piece of reply.body) {
    if (res.destroyed) return;
    if (res.write(piece)) await nextTurn();
    else await Promise.race([once(res, 'drain'), once(res, 'close')]);
  }
  res.end();
}

const once = (res: ServerResponse, event: string): Promise<void> =>
  new Promise((resolve) => res.once(event, () => resolve()));

/** One request over a unix socket. Rejects where nobody listens. */
export function callUnix(socketPath: string, method: string, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const req = request({ socketPath, method, path }, (res) => {
      const pieces: Buffer[] = [];
      res.on('data', (piece: Buffer) => pieces.push(piece));
      res.on('end', () => resolve({ status: res.statusCode ?? 0, body: Buffer.concat(pieces).toString() }));
      res.on('error', reject);
    });
    req.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED')
        reject(
          new Error(`no daemon answers on ${socketPath}: is \`waypost run\` up? (--control names another socket)`),
        );
      else if (error.code === 'EACCES')
        reject(new Error(`${socketPath}: permission denied: become root or a member of the socket's group`));
      else reject(error);
    });
    req.end();
  });
}
