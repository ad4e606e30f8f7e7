/** How late things were done, as Prometheus' text. */
import { loopLateness } from '../io/loopthread.ts';
import { type LateCounts, lateBoundsMs } from '../lib/late.ts';
import { histogramText } from './histogram.ts';

const boundsSec = lateBoundsMs.map((ms) => ms / 1000);

/** `NAME_seconds` and `NAME_max_seconds`. */
export function lateText(name: string, help: string, { counts, sumMs, maxMs }: LateCounts): string {
  const text = histogramText(`${name}_seconds`, help, boundsSec, counts, sumMs / 1000);
  const most = `${name}_max_seconds`;
  return `${text}# HELP ${most} The greatest lateness since the start.\n# TYPE ${most} gauge\n${most} ${maxMs / 1000}\n`;
}

/** Nothing where there is no fast worker: neither layer 2 nor BFD is used. */
export function fastLateText(late: LateCounts | undefined = loopLateness()): string {
  if (late === undefined) return '';
  const help = 'How long after something was due the thread of layer 2 and BFD woke for it.';
  return lateText('waypost_fast_thread_late', help, late);
}
