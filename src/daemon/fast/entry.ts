/**
 * Entry of the fast worker's thread: BFD, ARP, neighbour discovery and their timers in one loop, which waits for sockets,
 * for the next due time and for the main thread, and for nothing else.
 */
import { monotonicMs } from '../../io/clock.ts';
import { loopEnd } from '../../io/loopthread.ts';
import { Poller } from '../../io/poller.ts';
import { Realtime } from '../../io/realtime.ts';
import { BfdLoop, kernelBfd } from './bfd.ts';
import { FastLoop, kernelNetwork } from './loop.ts';
import type { Order, Report } from './protocol.ts';
import { Rehearsal } from './rehearsal.ts';

/** `process.exit` waits for the end of a native call: this long at most, ms. */
const LONGEST_WAIT_MS = 250;

const end = loopEnd<Order, Report>();
const poller = new Poller();
const bfd = new BfdLoop(kernelBfd(poller, monotonicMs), (report) => end.post(report));
const loop = new FastLoop(kernelNetwork(poller, monotonicMs), (report) => end.post(report));
/** From the first address on. */
let rehearsal: Rehearsal | undefined;
poller.watch(end.waker.fd, { ready: takeOrders });

function takeOrders(): void {
  end.waker.clear();
  // Only the last one of a type counts: each is whole.
  let snapshot: Extract<Order, { type: 'snapshot' }> | undefined;
  let sessions: Extract<Order, { type: 'bfd' }> | undefined;
  for (let order = end.receive(); order !== undefined; order = end.receive())
    if (order.type === 'bfd') sessions = order;
    else snapshot = order;
  if (sessions !== undefined) bfd.take(sessions.sessions);
  if (snapshot === undefined) return;
  loop.take(snapshot);
  if (loop.announces) rehearsal ??= new Rehearsal(poller, monotonicMs, () => turn(0));
}

/** @returns when the wait was over */
function turn(longestMs: number): number {
  const due = Math.min(
    bfd.nextDueMs() ?? Number.POSITIVE_INFINITY,
    loop.nextDueMs() ?? Number.POSITIVE_INFINITY,
    rehearsal?.dueMs ?? Number.POSITIVE_INFINITY,
  );
  const fromMs = monotonicMs();
  const untilMs = Math.min(fromMs + longestMs, due);
  const wokenMs = poller.wait(untilMs - fromMs);
  if (longestMs > 0 && wokenMs >= untilMs) end.lateness.add(wokenMs - untilMs);
  bfd.tick();
  loop.tick();
  rehearsal?.tick(monotonicMs());
  return wokenMs;
}

const realtime = new Realtime(monotonicMs());
end.post({ type: 'ready', realtime: realtime.problem ?? true });
while (!end.stopping()) realtime.worked(turn(LONGEST_WAIT_MS), monotonicMs());
bfd.close();
loop.close();
rehearsal?.close();
poller.close();
