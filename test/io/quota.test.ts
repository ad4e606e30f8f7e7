import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { processorQuota, realtimeLimit } from '../../src/io/quota.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'waypost-quota-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Control groups of this process. */
const group = /^0::(\/.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';

function limit(path: string, max: string, stat = ''): void {
  mkdirSync(join(root, path), { recursive: true });
  writeFileSync(join(root, path, 'cpu.max'), `${max}\n`);
  writeFileSync(join(root, path, 'cpu.stat'), stat);
}

it.runIf(/^0::/m.test(readFileSync('/proc/self/cgroup', 'utf8')))(
  'the least limit on the way to the root counts',
  () => {
    expect(processorQuota('self', root)).toBeUndefined();
    limit(group, 'max 100000');
    expect(processorQuota('self', root)).toBeUndefined();
    limit(group, '50000 100000', 'usage_usec 12\nnr_periods 40\nnr_throttled 7\n');
    expect(processorQuota('self', root)).toEqual({ processors: 0.5, throttled: 7 });
    if (group === '/') return;
    limit(dirname(group), '25000 100000');
    expect(processorQuota('self', root)).toEqual({ processors: 0.25, throttled: 0 });
  },
);

it('tells the limit of real-time priority of a process, and none of one that is not there', () => {
  const soft = /^Max realtime priority\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))![1];
  expect(realtimeLimit('self')).toBe(Number(soft));
  expect(realtimeLimit(2 ** 30)).toBe(0);
});
