/** Talks to the running daemon over its control socket. */
import { callUnix, linesUnix } from '../io/request.ts';
import { CliError } from './output.ts';
import { Rows } from './rows.ts';

/** The answer's JSON. Throws `CliError` where there is no daemon, or it refuses. */
export async function ask(socket: string, method: string, path: string, body = ''): Promise<unknown> {
  const { status, body: text } = await told(callUnix(socket, method, path, body));
  return jsonOf(socket, status, text);
}

/** The rows of an answer that is a list, however long. Throws as `ask`. */
export async function askRows(socket: string, path: string): Promise<Rows> {
  const { status, lines } = await told(linesUnix(socket, 'GET', path));
  if (status !== 200 || !lines[0]?.startsWith('[')) {
    jsonOf(socket, status, lines.join('\n'));
    throw notOurs(socket);
  }
  return Rows.of(lines);
}

async function told<Answer>(answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer;
  } catch (error) {
    throw new CliError((error as Error).message);
  }
}

function jsonOf(socket: string, status: number, text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw notOurs(socket);
  }
  if (status !== 200) throw new CliError((value as { error?: string } | null)?.error ?? `status ${status}`);
  return value;
}

const notOurs = (socket: string): CliError => new CliError(`what answers on ${socket} is not waypost`);
