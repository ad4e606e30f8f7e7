// Loaded into a daemon with --import: the longest stall of its main thread since the last SIGUSR2, on standard output.
// `longestMs` is what a peer would notice; `turnMs` is the processor time between two turns, which leaves out what a busy
// machine gave to others.
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const RESOLUTION_MS = 1;

/** Processor time of the main thread, ms. */
const cpuMs = () => Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;

if (isMainThread) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let last = cpuMs();
  let turnMs = 0;
  setInterval(() => {
    const now = cpuMs();
    turnMs = Math.max(turnMs, now - last);
    last = now;
  }, 1).unref();
  process.on('SIGUSR2', () => {
    process.stdout.write(`${JSON.stringify({ longestMs: delay.max / 1e6, turnMs })}\n`);
    delay.reset();
    last = cpuMs();
    turnMs = 0;
  });
}
