// Programs on this machine.
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/** The path of a program, searched where daemons are, too; undefined when it is not installed. */
export function which(program) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'].filter(Boolean);
  return folders
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
