/** Evenly in [0, 1): for jitter and the like, not for keys. */
export const random = (): number => Math.random();
