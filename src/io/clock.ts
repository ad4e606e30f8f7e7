/** Time for everything that must not jump: milliseconds since some moment, never going back. */
export const monotonicMs = (): number => performance.now();

/** Wall-clock time for people and files, ISO 8601. */
export const wallClock = (): string => new Date().toISOString();

/** When the clock that does not jump began, as far as the wall clock knew when it was last looked at, ms since 1970. */
let origin = performance.timeOrigin;
/** The wall clock is adjusted all the time, by less; by more where it was set, or the machine was asleep, ms. */
const ADJUSTED_MS = 1_000;

/**
 * The wall-clock time of a monotonic moment, by the wall clock of now: a node that starts with a wrong one has right times
 * once it is set. Else it is the same every time it is asked.
 */
export function wallClockAt(ms: number): string {
  const now = Date.now() - performance.now();
  if (Math.abs(now - origin) > ADJUSTED_MS) origin = now;
  return new Date(origin + ms).toISOString();
}
