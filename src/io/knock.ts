/** Whether somebody opens behind a unix socket. */
import { connect } from 'node:net';

/** Undefined when somebody does; else why not: ENOENT, ECONNREFUSED for a socket that was left behind, EACCES … */
export const knock = (path: string): Promise<NodeJS.ErrnoException | undefined> =>
  new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', resolve);
  });
