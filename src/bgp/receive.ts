/**
 * Receive policy of one session: which prefixes may be used of what the peer sends. Routes that fail stay in the
 * Adj-RIB-In with their reason. Whatever is accepted may end in the host's routing table, so nothing is by default.
 */
import { bitsOf } from '../lib/address.ts';
import { formatPrefix, type Prefix } from '../lib/prefix.ts';
import { wordOf } from '../lib/table.ts';
import { PrefixTrie } from '../lib/trie.ts';
import { type Guard, GuardFlag } from './guard.ts';

/** Why receive policy refuses a prefix, in the words of `show received` and the metrics. */
export type ReceiveReason = 'noReceivePolicy' | 'alwaysBlocked' | 'defaultRoute' | 'ownPrefix' | 'notAllowed';

/** A prefix, exactly; with `ge` or `le`, what lies inside it with a length from `ge` (its own) to `le` (the longest). */
export interface PrefixRule {
  readonly prefix: Prefix;
  readonly ge?: number;
  readonly le?: number;
}

export interface ReceivePolicy {
  /** Everything but default routes and prefixes of this node. */
  readonly all?: boolean;
  /** A rule without `ge` and `le` asks for its prefix by name: even for a default route, or for a prefix of this node. */
  readonly rules?: readonly PrefixRule[];
}

/** Words of a set of prefix lengths, 0..128. */
const WORDS = 5;

export class ReceiveFilter {
  private readonly all: boolean;
  private readonly isEmpty: boolean;
  private readonly tries = { 4: new PrefixTrie(4), 6: new PrefixTrie(6) };
  /** By entry of the tries: the lengths allowed inside it, by its own rules and by those around it. */
  private readonly lengths: Uint32Array;
  /** By entry: 1 + the length of its prefix when that was asked for by name, else 0. */
  private readonly named: Uint8Array;

  /** Throws `RangeError` unless prefix length <= ge <= le <= the family's bits. */
  constructor({ all = false, rules = [] }: ReceivePolicy) {
    this.all = all;
    this.isEmpty = !all && rules.length === 0;
    this.lengths = new Uint32Array(rules.length * WORDS);
    this.named = new Uint8Array(rules.length);
    const entries = new Map<string, number>();
    // Outer prefixes first, so that an entry begins with all that those around it allow.
    for (const rule of [...rules].sort((a, b) => a.prefix.length - b.prefix.length)) {
      const { prefix } = rule;
      const [from, to] = range(rule);
      const key = formatPrefix(prefix);
      let entry = entries.get(key);
      if (entry === undefined) {
        const around = this.tries[prefix.family].lookup(prefix);
        entry = entries.size;
        entries.set(key, entry);
        if (around >= 0) this.lengths.copyWithin(entry * WORDS, around * WORDS, (around + 1) * WORDS);
        this.tries[prefix.family].set(prefix, entry);
      }
      for (let n = from; n <= to; n++) this.lengths[entry * WORDS + (n >> 5)]! |= 1 << (n & 31);
      if (rule.ge === undefined && rule.le === undefined) this.named[entry] = 1 + prefix.length;
    }
  }

  /**
   * The first reason against a prefix, or undefined. Bits past `length` must be zero; IPv4 uses `w0` alone.
   * @param guarded what the node's guard says of it
   */
  reason(
    family: 4 | 6,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    length: number,
    guarded: number,
  ): ReceiveReason | undefined {
    if ((guarded & GuardFlag.blocked) !== 0) return 'alwaysBlocked';
    if (this.isEmpty) return 'noReceivePolicy';
    const entry = this.tries[family].longest(w0, w1, w2, w3, length);
    if (entry >= 0 && this.named[entry] === 1 + length) return undefined;
    if (length === 0) return 'defaultRoute';
    if ((guarded & GuardFlag.own) !== 0) return 'ownPrefix';
    if (this.all) return undefined;
    const allowed = entry >= 0 && ((this.lengths[entry * WORDS + (length >> 5)]! >>> (length & 31)) & 1) === 1;
    return allowed ? undefined : 'notAllowed';
  }

  /** `reason` for a prefix value. */
  judge(p: Prefix, guard: Guard): { readonly accepted: boolean; readonly reason: ReceiveReason | undefined } {
    const [w0, w1, w2, w3] = [wordOf(p, 0), wordOf(p, 1), wordOf(p, 2), wordOf(p, 3)];
    const guarded = guard.flags(p.family, w0, w1, w2, w3, p.length);
    const reason = this.reason(p.family, w0, w1, w2, w3, p.length, guarded);
    return { accepted: reason === undefined, reason };
  }
}

/** The lengths that a rule allows. Throws `RangeError`. */
function range({ prefix, ge, le }: PrefixRule): readonly [number, number] {
  const bits = bitsOf(prefix.family);
  const from = ge ?? prefix.length;
  const to = le ?? (ge === undefined ? prefix.length : bits);
  const sound = Number.isInteger(from) && Number.isInteger(to) && prefix.length <= from && from <= to && to <= bits;
  if (!sound) throw new RangeError(`${formatPrefix(prefix)} with lengths ${from} to ${to}`);
  return [from, to];
}
