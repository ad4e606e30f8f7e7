/** The other end of the control API. */
import { existsSync } from 'node:fs';
import { request } from 'node:http';

/** One request over a unix socket. Rejects where nobody listens. */
export function callUnix(
  socketPath: string,
  method: string,
  path: string,
  body = '',
): Promise<{ status: number; body: string }> {
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
    req.end(body);
  });
}

/** Somebody listens, or did before he died, on a unix socket. */
export const socketExists = (path: string): boolean => existsSync(path);
