/** Evenly in [0, 1): for jitter, not for secrets. */
export const random = (): number => Math.random();
