/** Writes ten thousand lines to standard error, which nobody may read, and says on standard output that it goes on. */
import { Sink } from '../../dist/io/sink.js';

const sink = new Sink(2, (lines) => `lost ${lines}\n`);
for (let i = 0; i < 10_000; i++) sink.write(`${i} ${'x'.repeat(50)}\n`);
setTimeout(() => {
  process.stdout.write('goes on\n');
  // With a thread that hangs in a call, the process could not end.
  if (process.argv[2] === 'end') process.exit(0);
  const patience = setInterval(() => {}, 1_000);
  sink.flush(() => clearInterval(patience));
}, 100);
