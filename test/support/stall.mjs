// Loaded into a process before its program (`node --import`): how long its event loop was held up at most, written to
// the file that STALL_FILE names when SIGUSR2 asks for it, in milliseconds. Asking starts a new period.
// `maxMs` is what a peer would notice; `maxCpuMs` is what the process worked between two turns, which leaves out the
// time that a busy machine gave to others.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const RESOLUTION_MS = 2;

/** Processor time of the main thread, ms. */
const cpuMs = () => Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;

if (isMainThread) {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  let last = cpuMs();
  let maxCpuMs = 0;
  const look = () => {
    const now = cpuMs();
    maxCpuMs = Math.max(maxCpuMs, now - last);
    last = now;
  };
  setInterval(look, 1).unref();
  process.on('SIGUSR2', () => {
    const { STALL_FILE: file } = process.env;
    const maxMs = Math.max(0, delays.max / 1e6 - RESOLUTION_MS);
    writeFileSync(`${file}.new`, JSON.stringify({ maxMs, maxCpuMs }));
    renameSync(`${file}.new`, file);
    delays.reset();
    last = cpuMs();
    maxCpuMs = 0;
  });
}
