// Runs in a namespace of its own: `node discovery.mjs INTERFACE…` prints what Discovery tells, a JSON line each, and
// whoever calls port 179. Lines on standard input: `watch NAME`, `unwatch NAME`, `descriptors` to have them counted, and
// `close`, after which the process must end by itself: nothing may be left that keeps it alive.
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { Discovery } from '../../dist/daemon/unnumbered.js';
import { formatAddress } from '../../dist/lib/address.js';

const tell = (event, name, detail) => console.log(JSON.stringify({ event, interface: name, ...detail }));
const discovery = new Discovery({
  found: (name, address, local) =>
    tell('found', name, { address: formatAddress(address), local: formatAddress(local) }),
  lost: (name, reason) => tell('lost', name, { reason }),
  problem: (name, text) => tell('problem', name, { text }),
});
for (const name of process.argv.slice(2)) discovery.watch(name);

const server = createServer((socket) => {
  const [address, name] = socket.remoteAddress.split('%');
  tell('called', name, { address });
  socket.on('error', () => {});
  socket.destroy();
}).listen(179, '::');

const input = createInterface({ input: process.stdin }).on('line', (line) => {
  const [verb, ...names] = line.split(' ');
  if (verb === 'descriptors') return tell(verb, undefined, { count: readdirSync('/proc/self/fd').length });
  discovery[verb](...names);
  if (verb !== 'close') return;
  server.close();
  input.close();
  process.stdin.destroy();
});
