/** The rows of `show vrfs`: those that exist, whoever made them, and those that policies want. */
import { linkOf } from '../../vrf/baseline.ts';
import type { Goal } from '../../vrf/goal.ts';
import { OWN_ALIAS, OWN_PROTOCOL } from '../../vrf/mark.ts';
import { describeRule, sysctlName } from '../../vrf/step.ts';
import type { Glance } from './glance.ts';
import type { Network } from './network.ts';
import type { wantedVrfs } from './wishes.ts';

/** What `show vrfs` is made of. */
export interface View {
  readonly have: Glance;
  /** What is in force. */
  readonly goal: Goal;
  /** What is wanted. */
  readonly vrfs: ReturnType<typeof wantedVrfs>;
}

export function* vrfRows(network: Network) {
  const view = network.view();
  if (view === undefined) return;
  const { have, goal, vrfs: wanted } = view;
  const standings = network.standings();
  const exist = [...have.links.values()].filter(({ isVrf }) => isVrf);
  const names = [...new Set([...exist.map(({ name }) => name), ...wanted.keys()])].sort();
  for (const name of names) {
    const link = have.links.get(name);
    const table = link?.table ?? wanted.get(name)?.table ?? null;
    const interfaces = [...have.links.values()]
      .filter(({ master }) => master === name)
      .map((l) => l.name)
      .sort();
    const policies = wanted.get(name)?.policies ?? [];
    const own = standings.filter(({ policy }) => policies.includes(policy));
    // The worst of what its policies have to say.
    const worst = (['failed', 'waiting', 'confirming'] as const).find((state) => own.some((s) => s.state === state));
    const members = new Set([name, ...interfaces]);
    yield {
      name,
      table,
      interfaces,
      /** Made by waypost, or set up by a policy. */
      managed: link !== undefined && (link.alias === OWN_ALIAS || goal.links.has(name)),
      /** Those that lead here, and ours. */
      rules: have.rules
        .filter((rule) => rule.protocol === OWN_PROTOCOL || rule.l3mdev || (table !== null && rule.table === table))
        .map((rule) => ({
          family: `ipv${rule.family}`,
          rule: describeRule(rule),
          own: rule.protocol === OWN_PROTOCOL,
        })),
      sysctls: Object.fromEntries(
        [...have.sysctls]
          .filter(([path]) => members.has(linkOf(path) ?? '') || path === 'net/ipv4/tcp_l3mdev_accept')
          .map(([path, value]) => [sysctlName(path), value]),
      ),
      exists: link !== undefined,
      policies,
      state: worst ?? (policies.length > 0 ? ('applied' as const) : null),
      reason:
        own.find(({ state, reason }) => reason !== null && (worst === undefined || state === worst))?.reason ?? null,
    };
  }
}

type Yielded<G> = G extends Generator<infer Row> ? Row : never;
export type VrfRow = Yielded<ReturnType<typeof vrfRows>>;
