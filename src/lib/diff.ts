import { toHex } from './bytes.ts';

/** What must be done to turn one keyed collection into another. Every reconciler starts here. */
export interface Diff<K, V> {
  readonly added: readonly (readonly [K, V])[];
  /** Key, old value, new value. */
  readonly changed: readonly (readonly [K, V, V])[];
  readonly removed: readonly (readonly [K, V])[];
}

/** Compares what is there (`have`) with what should be (`want`), in the order of their keys' insertion. */
export function diff<K, V>(
  have: ReadonlyMap<K, V>,
  want: ReadonlyMap<K, V>,
  same: (a: V, b: V) => boolean = Object.is,
): Diff<K, V> {
  const added: [K, V][] = [];
  const changed: [K, V, V][] = [];
  const removed: [K, V][] = [];
  for (const [key, value] of want) {
    const old = have.get(key);
    if (old === undefined && !have.has(key)) added.push([key, value]);
    else if (!same(old as V, value)) changed.push([key, old as V, value]);
  }
  for (const [key, value] of have) if (!want.has(key)) removed.push([key, value]);
  return { added, changed, removed };
}

/**
 * Deep equality of plain data (objects, arrays, Maps, Sets, typed arrays, primitives). Key order does not count; the
 * keys of a Map and the members of a Set are compared by identity.
 */
export function equal(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Map) {
    const other = b as Map<unknown, unknown>;
    if (a.size !== other.size) return false;
    for (const [key, value] of a) if (!other.has(key) || !equal(value, other.get(key))) return false;
    return true;
  }
  if (a instanceof Set) {
    const other = b as Set<unknown>;
    return a.size === other.size && [...a].every((value) => other.has(value));
  }
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  const [x, y] = [a, b] as [Record<string, unknown>, Record<string, unknown>];
  return keys.every((key) => Object.hasOwn(y, key) && equal(x[key], y[key]));
}

/**
 * A text that two values share exactly when they are `equal`: a key for interning plain data (objects, arrays, typed
 * arrays, primitives; no Map, Set or function). Only that a Buffer counts as the Uint8Array it is.
 */
export function canonical(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (value instanceof Uint8Array) return `u8(${toHex(value)})`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${Array.prototype.join.call(value)})`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join()}}`;
}
