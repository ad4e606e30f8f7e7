/** How late things were done, as Prometheus' text: histograms whose classes were counted elsewhere. */
import { loopLateness } from '../io/loopthread.ts';
import { type LateCounts, lateBoundsMs } from '../lib/late.ts';

/** `NAME_seconds` and `NAME_max_seconds`. */
export function lateText(name: string, help: string, { counts, sumMs, maxMs }: LateCounts): string {
  let text = `# HELP ${name}_seconds ${help}\n# TYPE ${name}_seconds histogram\n`;
  let seen = 0;
  for (const [i, count] of counts.entries()) {
    seen += count;
    const bound = lateBoundsMs[i];
    text += `${name}_seconds_bucket{le="${bound === undefined ? '+Inf' : bound / 1000}"} ${seen}\n`;
  }
  text += `${name}_seconds_sum ${sumMs / 1000}\n${name}_seconds_count ${seen}\n`;
  const most = `${name}_max_seconds`;
  return `${text}# HELP ${most} The greatest lateness since the start.\n# TYPE ${most} gauge\n${most} ${maxMs / 1000}\n`;
}

/** Nothing where there is no fast worker: neither layer 2 nor BFD is used. */
export function fastLateText(late: LateCounts | undefined = loopLateness()): string {
  if (late === undefined) return '';
  const help = 'How long after something was due the thread of layer 2 and BFD woke for it.';
  return lateText('waypost_fast_thread_late', help, late);
}
