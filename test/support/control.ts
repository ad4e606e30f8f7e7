/** A daemon's control socket, asked as its commands do, without the time that a command takes to start. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';

/** The body of the answer, whatever its status. Rejects when nobody answers. */
export async function control(socketPath: string, path: string, method: 'GET' | 'POST' = 'GET'): Promise<string> {
  // A connection of its own: the daemon may be another one by the next time.
  const asked = request({ socketPath, path, method, agent: false }).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return (await answer.toArray()).join('');
}
