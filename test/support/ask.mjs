// Connects to ADDRESS PORT from SOURCE and prints what is said there.
import { connect } from 'node:net';

const [host, port, localAddress] = process.argv.slice(2);
const socket = connect({ host, port: Number(port), localAddress });
socket.setTimeout(5000, () => socket.destroy(new Error('no answer')));
socket.on('error', (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
socket.pipe(process.stdout);
