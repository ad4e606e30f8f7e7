/** The fast worker as the main thread sees it: whole snapshots and lists of sessions in, reports out. */
import { LoopThread } from '../../io/loopthread.ts';
import type { Snapshot } from '../../l2/snapshot.ts';
import { type BfdOrder, type Order, packSnapshot, type Report } from './protocol.ts';

export interface FastEvents {
  report(report: Report): void;
  /** It has ended by itself. Nothing is answered any more, so the process should end too and be started again. */
  failed(error: Error): void;
}

export class FastWorker {
  private readonly thread: LoopThread<Order, Report>;

  /** Starts at once. Throws where there are no native calls (see io/native.ts). */
  constructor(events: FastEvents) {
    const entry = new URL(import.meta.url.endsWith('.ts') ? './entry.ts' : './entry.js', import.meta.url);
    this.thread = new LoopThread(entry, {
      message: (report) => events.report(report),
      failed: (error) => events.failed(error),
    });
  }

  /** Puts a snapshot in force as soon as the worker gets to it; `applied` reports that it did. */
  apply(snapshot: Snapshot): void {
    this.thread.post({ type: 'snapshot', snapshot: packSnapshot(snapshot) });
  }

  /** Makes these the BFD sessions there are: others are taken down, with the peer being told. */
  watch(sessions: readonly BfdOrder[]): void {
    this.thread.post({ type: 'bfd', sessions });
  }

  /** Stops everything, and waits for the thread's end. */
  stop(): Promise<void> {
    return this.thread.stop();
  }
}
