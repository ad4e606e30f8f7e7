/** Prefixes that a node takes from nobody, whatever the policy of a session: one for all sessions. */
import type { Family } from '../lib/address.ts';
import { formatPrefix, type Prefix } from '../lib/prefix.ts';
import { PrefixTrie } from '../lib/trie.ts';
import { martianPrefixes } from './import.ts';

/** What a prefix lies in. */
export const GuardFlag = {
  /** What the operator never wants: no rule of a session helps. */
  blocked: 1,
  /** This node's own. */
  own: 2,
  /** What belongs on no wire; only sessions that refuse martians mind. */
  martian: 4,
} as const;

/** Words and length as `Guard.flags` has them. */
export type Announces = (family: Family, w0: number, w1: number, w2: number, w3: number, length: number) => boolean;

export interface GuardSettings {
  /** Refused with everything inside them. */
  readonly alwaysBlock?: readonly Prefix[];
  /** The subnets of this node's links: refused with everything inside them, unless asked for by name. */
  readonly own?: readonly Prefix[];
  /** Whether this node announces exactly this prefix, which is then its own. */
  readonly announces?: Announces;
}

export class Guard {
  private readonly announces: Announces | undefined;
  private readonly tries = { 4: new PrefixTrie(4), 6: new PrefixTrie(6) };

  constructor({ alwaysBlock = [], own = [], announces }: GuardSettings = {}) {
    this.announces = announces;
    const flags = new Map<string, { prefix: Prefix; flags: number }>();
    const mark = (flag: number) => (prefix: Prefix) => {
      const key = formatPrefix(prefix);
      flags.set(key, { prefix, flags: flag | (flags.get(key)?.flags ?? 0) });
    };
    alwaysBlock.forEach(mark(GuardFlag.blocked));
    own.forEach(mark(GuardFlag.own));
    martianPrefixes.forEach(mark(GuardFlag.martian));
    // Outer prefixes first: what holds for them holds inside.
    for (const { prefix, flags: mine } of [...flags.values()].sort((a, b) => a.prefix.length - b.prefix.length)) {
      const trie = this.tries[prefix.family];
      trie.set(prefix, mine | Math.max(0, trie.lookup(prefix)));
    }
  }

  /** Bits of `GuardFlag`. Bits of the address past `length` must be zero; IPv4 uses `w0` alone. */
  flags(family: Family, w0: number, w1: number, w2: number, w3: number, length: number): number {
    const inside = Math.max(0, this.tries[family].longest(w0, w1, w2, w3, length));
    return this.announces?.(family, w0, w1, w2, w3, length) ? inside | GuardFlag.own : inside;
  }
}
