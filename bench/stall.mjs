// Loaded into a daemon with --import: the longest stall of its main thread since the last SIGUSR2, on standard output.
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 1;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();
process.on('SIGUSR2', () => {
  process.stdout.write(`${JSON.stringify({ longestMs: delay.max / 1e6 })}\n`);
  delay.reset();
});
