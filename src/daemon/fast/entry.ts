/**
 * Entry of the fast worker's thread: ARP, neighbour discovery and their timers in one loop, which waits for sockets, for
 * the next due time and for the main thread, and for nothing else.
 */
import { monotonicMs } from '../../io/clock.ts';
import { loopEnd } from '../../io/loopthread.ts';
import { Poller } from '../../io/poller.ts';
import { Realtime } from '../../io/realtime.ts';
import { FastLoop, kernelNetwork } from './loop.ts';
import type { Order, Report } from './protocol.ts';

/** `process.exit` waits for the end of a native call: this long at most, ms. */
const LONGEST_WAIT_MS = 250;

const end = loopEnd<Order, Report>();
const poller = new Poller();
const loop = new FastLoop(kernelNetwork(poller, monotonicMs), (report) => end.post(report));
poller.watch(end.waker.fd, () => {
  end.waker.clear();
  // Only the last one counts: each is whole.
  let latest: Order | undefined;
  for (let order = end.receive(); order !== undefined; order = end.receive()) latest = order;
  if (latest !== undefined) loop.take(latest);
});

const realtime = new Realtime(monotonicMs());
end.post({ type: 'ready', realtime: realtime.problem ?? true });
while (!end.stopping()) {
  const startMs = monotonicMs();
  const due = loop.nextDueMs();
  const wokenMs = poller.wait(due === undefined ? LONGEST_WAIT_MS : Math.min(LONGEST_WAIT_MS, due - startMs));
  loop.tick();
  realtime.worked(wokenMs, monotonicMs());
}
loop.close();
