// Answers each TCP connection on all addresses of PORT with what it is: `NAME ADDRESS`, the caller's address as seen here.
import { createServer } from 'node:net';

const [name, port] = process.argv.slice(2);
createServer((socket) => {
  socket.on('error', () => {});
  socket.end(`${name} ${socket.remoteAddress.replace('::ffff:', '')}\n`);
}).listen({ port: Number(port), host: '::' }, () => console.log('ready'));
