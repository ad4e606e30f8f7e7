/** What a session that is up cannot tell its peer, and why: `show peers`, `explain` and `peer` say it alike. */
import type { AddressFamily } from '../bgp/const.ts';
import type { Session } from '../bgp/session.ts';

export interface Unsent {
  readonly family: AddressFamily;
  /** Prefixes of ours. */
  readonly prefixes: number;
  readonly reason: keyof typeof details;
  readonly detail: string;
}

const details = {
  familyNotNegotiated: 'the peer takes no routes of the family',
  noNextHop: 'this node has no address of the family there that could be their next hop',
  messageTooLong: 'no message holds them with their attributes',
} as const;

/** Nothing while the session is not up. */
export function* unsentOf({ state, agreement, out }: Session): Generator<Unsent, void> {
  if (state !== 'Established' || agreement === undefined) return;
  for (const family of ['ipv4', 'ipv6'] as const) {
    const { held } = out.counts(family);
    if (held === 0) continue;
    const tell = (prefixes: number, reason: Unsent['reason']): Unsent => ({
      ...{ family, prefixes, reason },
      detail: details[reason],
    });
    if (!agreement.context.families.includes(family)) {
      yield tell(held, 'familyNotNegotiated');
      continue;
    }
    const long = out.oversized.filter((prefix) => `ipv${prefix.family}` === family).length;
    if (long > 0) yield tell(long, 'messageTooLong');
    if (held > long) yield tell(held - long, 'noNextHop');
  }
}
