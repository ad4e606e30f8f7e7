/** The other end of the control API. */
import { type IncomingMessage, request } from 'node:http';
import { Splitter } from '../lib/splitter.ts';
import { knock } from './knock.ts';

/** One request over a unix socket. Rejects with a message for the operator: nobody listens, or the answer breaks off. */
export async function callUnix(
  socketPath: string,
  method: string,
  path: string,
  body = '',
): Promise<{ status: number; body: string }> {
  const { status, lines } = await linesUnix(socketPath, method, path, body);
  return { status, body: lines.map((line) => `${line}\n`).join('') };
}

/** As `callUnix`; a long answer is held line by line, since a string has its limit (half a gigabyte). */
export async function linesUnix(
  socketPath: string,
  method: string,
  path: string,
  body = '',
): Promise<{ status: number; lines: string[] }> {
  const res = await answerOf(socketPath, method, path, body);
  const decoder = new TextDecoder();
  const splitter = new Splitter();
  const lines: string[] = [];
  try {
    for await (const piece of res as AsyncIterable<Buffer>)
      for (const line of splitter.push(decoder.decode(piece, { stream: true }))) lines.push(line);
  } catch {
    throw new Error(`the daemon on ${socketPath} went away while it answered`);
  }
  if (splitter.rest !== '') lines.push(splitter.rest);
  return { status: res.statusCode ?? 0, lines };
}

const answerOf = (socketPath: string, method: string, path: string, body: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const req = request({ socketPath, method, path }, resolve);
    req.on('error', (error: NodeJS.ErrnoException) => reject(new Error(textOf(socketPath, error))));
    req.end(body);
  });

function textOf(socketPath: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT' || code === 'ECONNREFUSED')
    return `no daemon answers on ${socketPath}: is \`waypost run\` up? (--control names another socket)`;
  if (code === 'EACCES') return `${socketPath}: permission denied: become root or a member of the socket's group`;
  if (code === 'ECONNRESET') return `the daemon on ${socketPath} went away before it answered`;
  return `${socketPath}: ${message}`;
}

/** Whether somebody listens on a unix socket; also where only others may talk to them. */
export async function isAnswered(path: string): Promise<boolean> {
  const refusal = await knock(path);
  return refusal?.code !== 'ENOENT' && refusal?.code !== 'ECONNREFUSED';
}
