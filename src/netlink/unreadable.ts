/**
 * Objects of which the kernel tells something that cannot be read here: each is counted and passed over, and somebody is
 * told of it, once for each reason. Whoever reads the kernel meets the same ones, so there is one list for all of a process.
 */
import { TruncatedError, toHex } from '../lib/bytes.ts';
import { MalformedError } from './errors.ts';
import type { Kind } from './kinds.ts';

export interface PassedOver {
  readonly kind: Kind;
  /** What is wrong with it: the attribute, and why. */
  readonly reason: string;
  /** The message behind its header, hexadecimal; of a long one the beginning. */
  readonly octets: string;
}

/** Reasons that are told apart: lengths are in them, which may be any. */
const MAX_REASONS = 64;
const MAX_OCTETS = 512;

export class Unreadable {
  /** Messages that were passed over. */
  private readonly passed = new Map<Kind, number>();
  /** The first for each reason. */
  private readonly firsts = new Map<string, PassedOver>();
  private readonly listeners = new Set<(first: PassedOver) => void>();

  get counts(): ReadonlyMap<Kind, number> {
    return this.passed;
  }

  /** Tells of the first object for each reason, of those that came before too. Ends with what it returns. */
  listen(told: (first: PassedOver) => void): () => void {
    this.listeners.add(told);
    for (const first of this.firsts.values()) told(first);
    return () => void this.listeners.delete(told);
  }

  /** An object could not be read. Throws what is no error of reading. */
  pass(kind: Kind, error: unknown, body: Uint8Array): void {
    if (!isUnreadable(error)) throw error;
    this.passed.set(kind, (this.passed.get(kind) ?? 0) + 1);
    const key = `${kind} ${error.message}`;
    if (this.firsts.has(key) || this.firsts.size >= MAX_REASONS) return;
    const first = { kind, reason: error.message, octets: toHex(body.subarray(0, MAX_OCTETS)) };
    this.firsts.set(key, first);
    for (const told of this.listeners) told(first);
  }
}

/** Of this process. */
export const unreadable = new Unreadable();

export const isUnreadable = (error: unknown): error is MalformedError | TruncatedError =>
  error instanceof MalformedError || error instanceof TruncatedError;
