/**
 * What tables hash with. Peers choose the prefixes and attributes that they send: one who knew which of them collide could
 * make each take longer than the one before.
 */
let current = 0;

/** Tables that are made from now on hash with this number, 0..4294967295, which nobody outside knows. */
export function seedTables(seed: number): void {
  current = seed;
}

/** For a table that is being made. */
export const tableSeed = (): number => current;
