/** Talks to the running daemon over its control socket. */
import { callUnix } from '../io/request.ts';
import { CliError } from './output.ts';

/** The answer's JSON. Throws `CliError` where there is no daemon, or it refuses. */
export async function ask(socket: string, method: string, path: string, body = ''): Promise<unknown> {
  let reply: { status: number; body: string };
  try {
    reply = await callUnix(socket, method, path, body);
  } catch (error) {
    throw new CliError((error as Error).message);
  }
  const value = JSON.parse(reply.body) as unknown;
  if (reply.status !== 200) throw new CliError((value as { error: string }).error);
  return value;
}
