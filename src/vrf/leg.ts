/**
 * One way of a packet through the node, as the kernel answers for it: which rule and table decided, and where it leaves.
 * The kernel tells the table and not the rule; that is the first one that the packet meets and that leads to the table.
 */
import { formatAddress } from '../lib/address.ts';
import type { NetlinkError } from '../netlink/errors.ts';
import type { Route } from '../netlink/route.ts';
import type { Rule } from '../netlink/rule.ts';
import { type Links, type Met, meets, type Packet, ruleText, tableText, vrfOf } from './match.ts';

/** Plain data, as JSON shows it. */
export interface Leg {
  readonly from: string;
  readonly to: string;
  /** Name of the interface it comes in by; null for a packet that is made here. */
  readonly input: string | null;
  readonly inputVrf: string | null;
  /** Rules that it met and that led to no route, in order. */
  readonly passed: readonly RuleView[];
  readonly decided: RuleView | null;
  readonly table: string | null;
  readonly output: string | null;
  readonly outputVrf: string | null;
  /** null: the destination is on the link, or here. */
  readonly gateway: string | null;
  /** It is for this machine itself. */
  readonly local: boolean;
  /** Why it goes nowhere, as the kernel says; null where it goes. */
  readonly error: string | null;
}

export interface RuleView {
  readonly priority: number;
  readonly text: string;
  /** Number of the table that it leads to; null for one that refuses. */
  readonly table: number | null;
  /** 157 and the like: who made it (FRA_PROTOCOL). */
  readonly protocol: number;
}

export type Answer = { readonly route: Route } | { readonly error: Pick<NetlinkError, 'code'> };

const refusals = new Set(['unreachable', 'blackhole', 'prohibit']);

export function legOf(packet: Packet, answer: Answer, rules: readonly Rule[], links: Links): Leg {
  const met = meets(packet, rules, links);
  const view = ({ rule, table }: Met): RuleView => ({
    priority: rule.priority,
    text: ruleText(rule, links),
    table: table ?? null,
    protocol: rule.protocol,
  });
  const nameOf = (index: number | undefined) => links.get(index ?? 0)?.name ?? null;
  const base = {
    from: formatAddress(packet.source),
    to: formatAddress(packet.destination),
    input: nameOf(packet.input),
    inputVrf: vrfOf(packet.input ?? packet.output, links)?.name ?? null,
  };
  if ('error' in answer)
    return {
      ...base,
      passed: met.map(view),
      ...{ decided: null, table: null, output: null, outputVrf: null, gateway: null, local: false },
      error: answer.error.code,
    };
  const { route } = answer;
  const at = met.findIndex(({ table }) => table === route.table);
  const [hop] = route.hops;
  const local = route.type === 'local';
  const refused = typeof route.type === 'string' && refusals.has(route.type);
  return {
    ...base,
    passed: met.slice(0, Math.max(0, at)).map(view),
    decided: at < 0 ? null : view(met[at]!),
    table: tableText(route.table, links),
    output: local || refused ? null : nameOf(hop?.link),
    outputVrf: local || refused ? null : (vrfOf(hop?.link, links)?.name ?? null),
    gateway: hop?.gateway === undefined ? null : formatAddress(hop.gateway),
    local,
    error: refused ? String(route.type) : null,
  };
}
