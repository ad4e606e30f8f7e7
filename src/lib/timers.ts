/**
 * Timers as data: named due times beside the state they belong to. Restarting a hold timer is one store, a fake
 * clock is a number, and a timer that must not run simply has no due time. Times are milliseconds on any monotonic
 * clock.
 */

/** Due time by name; absent or undefined when the timer does not run. */
export type Timers<Name extends string> = { readonly [K in Name]?: number | undefined };

/** The timer that fires next, or undefined when none runs. Ties go to the name that was armed first. */
export function nextDue<Name extends string>(timers: Timers<Name>): { name: Name; at: number } | undefined {
  let best: { name: Name; at: number } | undefined;
  for (const name in timers) {
    const at = timers[name];
    if (at !== undefined && (best === undefined || at < best.at)) best = { name, at };
  }
  return best;
}

/** The timers with `name` due at `at`, or stopped when `at` is undefined. */
export function arm<Name extends string>(timers: Timers<Name>, name: Name, at: number | undefined): Timers<Name> {
  const { [name]: _, ...rest } = timers as Record<Name, number>;
  return (at === undefined ? rest : { ...rest, [name]: at }) as Timers<Name>;
}

/**
 * A time shortened by up to 25 %, evenly (RFC 4271 §10: a factor from 0.75 to 1.0), so that peers fall out of step.
 * @param random in [0, 1)
 */
export const jitter = (ms: number, random: number): number => Math.round(ms * (0.75 + 0.25 * random));
