/** The one fast worker of a daemon and the parts of it that use it: it runs from the first that joins to the last that leaves. */
import type { BfdOrder, Report } from './protocol.ts';
import { type FastEvents, FastWorker } from './worker.ts';

type Worker = Pick<FastWorker, 'apply' | 'watch' | 'stop'>;

export class FastShare {
  private readonly make: (events: FastEvents) => Worker;
  private readonly members = new Set<FastEvents>();
  private worker: Worker | undefined;
  private ready: Report | undefined;

  /** @param make throws where there are no native calls */
  constructor(make: (events: FastEvents) => Worker = (events) => new FastWorker(events)) {
    this.make = make;
  }

  /** Starts the worker where it does not run. Throws what that throws. Every member gets every report. */
  join(events: FastEvents): Worker {
    this.worker ??= this.start();
    const { worker, ready } = this;
    this.members.add(events);
    if (ready !== undefined) events.report(ready);
    let leave = (): void => {};
    return {
      apply(snapshot) {
        worker.apply(snapshot);
        leave = () => worker.apply({ ...snapshot, number: snapshot.number + 1, addresses: [] });
      },
      watch(sessions: readonly BfdOrder[]) {
        worker.watch(sessions);
        leave = () => worker.watch([]);
      },
      stop: async () => {
        if (!this.members.delete(events)) return;
        if (this.members.size > 0) return leave();
        this.worker = undefined;
        this.ready = undefined;
        await worker.stop();
      },
    };
  }

  private start(): Worker {
    return this.make({
      report: (report) => {
        if (report.type === 'ready') this.ready = report;
        for (const member of [...this.members]) member.report(report);
      },
      failed: (error) => {
        for (const member of [...this.members]) member.failed(error);
      },
    });
  }
}
