/** What the system grants a process beside its capabilities: processor time, real-time priority. */
import { dirname, join } from 'node:path';
import { textOf } from './text.ts';

export interface ProcessorQuota {
  /** The least of its control groups' limits, in processors. */
  readonly processors: number;
  /** How often the group with that limit was stopped since it was made, because the time was used up. */
  readonly throttled: number;
}

/** Undefined: there is no limit, or none that can be seen. Control groups of version 2 (cgroup-v2.rst, "CPU"). */
export function processorQuota(pid: number | 'self', root = '/sys/fs/cgroup'): ProcessorQuota | undefined {
  const group = /^0::(\/.*)$/m.exec(read(`/proc/${pid}/cgroup`))?.[1];
  if (group === undefined) return undefined;
  let least: ProcessorQuota | undefined;
  for (let path = group; ; path = dirname(path)) {
    const limit = /^(\d+) (\d+)$/m.exec(read(join(root, path, 'cpu.max')));
    if (limit !== null) {
      const processors = Number(limit[1]) / Number(limit[2]);
      const throttled = Number(/^nr_throttled (\d+)$/m.exec(read(join(root, path, 'cpu.stat')))?.[1] ?? 0);
      if (least === undefined || processors < least.processors) least = { processors, throttled };
    }
    if (path === '/') return least;
  }
}

/** The highest real-time priority that a process may take without CAP_SYS_NICE, 0..99 (RLIMIT_RTPRIO). */
export function realtimeLimit(pid: number | 'self'): number {
  const soft = /^Max realtime priority\s+(\S+)/m.exec(read(`/proc/${pid}/limits`))?.[1] ?? '0';
  return soft === 'unlimited' ? 99 : Number(soft);
}

const read = (path: string): string => textOf(path) ?? '';
