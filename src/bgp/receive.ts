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
  /** What it matches is refused. */
  readonly deny?: boolean;
}

export interface ReceivePolicy {
  /** Everything but default routes and prefixes of this node. */
  readonly all?: boolean;
  /**
   * The first rule that matches decides; what none matches is refused. One without `ge` and `le` asks for its prefix by
   * name: even for a default route, or for a prefix of this node.
   */
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
    const own = new Map<string, number[]>();
    for (const [i, { prefix }] of rules.entries()) {
      const key = formatPrefix(prefix);
      own.set(key, [...(own.get(key) ?? []), i]);
    }
    /** By entry: the rules about its prefix and those around it, in their order. */
    const applied: (readonly number[])[] = [];
    // Outer prefixes first.
    for (const [, mine] of [...own].sort(([, a], [, b]) => rules[a[0]!]!.prefix.length - rules[b[0]!]!.prefix.length)) {
      const { prefix } = rules[mine[0]!]!;
      const trie = this.tries[prefix.family];
      const around = trie.lookup(prefix);
      const all = around < 0 ? mine : [...applied[around]!, ...mine].sort((a, b) => a - b);
      const entry = applied.push(all) - 1;
      trie.set(prefix, entry);
      // The last rule first: those before it have the last word.
      for (const i of all.toReversed()) this.apply(rules[i]!, entry, prefix);
    }
  }

  private apply(rule: PrefixRule, entry: number, { length }: Prefix): void {
    const [from, to] = range(rule);
    for (let n = from; n <= to; n++) {
      const word = entry * WORDS + (n >> 5);
      if (rule.deny) this.lengths[word]! &= ~(1 << (n & 31));
      else this.lengths[word]! |= 1 << (n & 31);
    }
    const byName = rule.ge === undefined && rule.le === undefined && rule.prefix.length === length;
    if (rule.deny && from <= length && length <= to) this.named[entry] = 0;
    else if (byName && !rule.deny) this.named[entry] = 1 + length;
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
