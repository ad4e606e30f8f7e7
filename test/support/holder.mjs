/** Takes something for itself and says what came of it, as JSON, until it is killed: `folder PATH` or `name NAME`. */
import { lockFolder, lockName } from '../../dist/io/lock.js';

const [what, which] = process.argv.slice(2);
const { release, ...holder } = what === 'folder' ? lockFolder(which) : lockName(which);
process.stdout.write(`${JSON.stringify({ pid: process.pid, has: release !== undefined, holder })}\n`);
setInterval(() => {}, 1_000);
