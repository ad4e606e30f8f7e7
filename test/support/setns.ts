/** Doing things in another network namespace without another process: sockets stay in the one they were made in. */
import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';

const setns = koffi.load(null).func('int setns(int fd, int type)') as (fd: number, type: number) => number;
const CLONE_NEWNET = 0x4000_0000;

/** Runs `work`, which must not wait for anything, with this thread in a namespace of `ip netns`. Needs root. */
export function inNamespace<T>(name: string, work: () => T): T {
  const home = openSync('/proc/self/ns/net', 'r');
  const there = openSync(`/run/netns/${name}`, 'r');
  const enter = (fd: number) => {
    if (setns(fd, CLONE_NEWNET) !== 0) throw new Error(`setns: errno ${koffi.errno()}`);
  };
  try {
    enter(there);
    try {
      return work();
    } finally {
      enter(home);
    }
  } finally {
    closeSync(there);
    closeSync(home);
  }
}
