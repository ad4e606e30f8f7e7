/** Time for everything that must not jump: milliseconds since some moment, never going back. */
export const monotonicMs = (): number => performance.now();

/** Wall-clock time for people and files, ISO 8601. */
export const wallClock = (): string => new Date().toISOString();

/** The wall-clock time of a monotonic moment: the same every time it is asked, whatever the clock was set to since. */
export const wallClockAt = (ms: number): string => new Date(performance.timeOrigin + ms).toISOString();
