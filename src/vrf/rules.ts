/**
 * Policy rules by want and have: the whole wanted set goes in, and what must be added and removed comes out.
 *
 * A rule is ours when it carries our FRA_PROTOCOL. No other is ever removed, and one of somebody else that says the
 * same as a wanted one does its work: the kernel would refuse a second one.
 */
import { canonical } from '../lib/diff.ts';
import type { Op } from '../netlink/kinds.ts';
import type { Rule, RuleSpec } from '../netlink/rule.ts';

/** A rule as it is wanted. Without a priority the kernel would choose one, and none could be recognised again. */
export interface WantedRule extends Omit<RuleSpec, 'protocol' | 'flags'> {
  readonly priority: number;
}

export interface RuleDiff {
  readonly add: readonly WantedRule[];
  readonly remove: readonly Rule[];
}

/**
 * @param have every rule there is, of both families
 * @param protocol our mark (FRA_PROTOCOL, 1..255)
 */
export function diffRules(want: readonly WantedRule[], have: readonly Rule[], protocol: number): RuleDiff {
  const wanted = new Map(want.map((rule) => [ruleKey(rule), rule]));
  const there = new Set<string>();
  const remove: Rule[] = [];
  for (const rule of have) {
    const key = ruleKey(rule);
    const ours = rule.protocol === protocol;
    // Of two that are the same, one is enough.
    if (ours && (!wanted.has(key) || there.has(key))) remove.push(rule);
    else there.add(key);
  }
  return { add: [...wanted].filter(([key]) => !there.has(key)).map(([, rule]) => rule), remove };
}

/** What is to be asked of the kernel. New rules come first: a packet in between finds one of the two sets, not none. */
export const ruleOps = ({ add, remove }: RuleDiff, protocol: number): readonly Op[] => [
  ...add.map((rule): Op => ({ verb: 'add', kind: 'rule', value: { ...rule, protocol } })),
  ...remove.map(({ flags: _, ...rule }): Op => ({ verb: 'delete', kind: 'rule', value: deletable(rule) })),
];

/** A rule with l3mdev is told with table 0, which stands for none. */
function deletable({ table, ...rest }: Omit<Rule, 'flags'>): RuleSpec {
  return table === 0 ? rest : { ...rest, table };
}

/** A text that two rules share exactly when they select the same packets and do the same with them. */
export function ruleKey(rule: RuleSpec): string {
  const { protocol: _, flags, from, to, tos = 0, action = 'table', table = 0, mark, mask, ...rest } = rule;
  return canonical({
    ...rest,
    action,
    table,
    tos,
    inverted: ((flags ?? 0) & INVERT) !== 0,
    from: from === undefined || from.length === 0 ? 'all' : from,
    to: to === undefined || to.length === 0 ? 'all' : to,
    // The kernel tells the mask of every mark.
    mark: mark === undefined ? 'any' : [mark, mask ?? 0xffff_ffff],
  });
}

/** FIB_RULE_INVERT. */
const INVERT = 2;
