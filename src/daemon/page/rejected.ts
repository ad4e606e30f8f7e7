/** How many routes of each peer may not be used, by reason. */
import { monotonicMs } from '../../io/clock.ts';
import { nextTurn, SLICE_MS } from '../../io/turn.ts';
import type { Peer } from '../peer.ts';
import type { Speaker } from '../speaker.ts';
import type { RejectedShown } from './view.ts';

/** Routes looked at for one page. */
const MAX_LOOKED = 100_000;
/** Lines of the table. */
const MAX_LINES = 100;
const families = ['ipv4', 'ipv6'] as const;

/** Peers by name, and the most frequent reason first. Past a hundred thousand routes it counts no further. */
export async function rejectedOf(speaker: Speaker): Promise<RejectedShown[]> {
  const lines: RejectedShown[] = [];
  let until = monotonicMs() + SLICE_MS;
  let looked = 0;
  for (const peer of [...speaker.all.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (families.every((family) => peer.counts(family).received === peer.counts(family).accepted)) continue;
    const counts = new Map<string, number>();
    for (const reason of reasonsOf(peer)) {
      if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
      if (++looked >= MAX_LOOKED) break;
      if (looked % 256 !== 0 || monotonicMs() < until) continue;
      await nextTurn();
      until = monotonicMs() + SLICE_MS;
    }
    const atLeast = looked >= MAX_LOOKED;
    for (const [reason, routes] of [...counts].sort(([, a], [, b]) => b - a))
      lines.push({ peer: peer.name, reason, routes, atLeast });
    if (atLeast || lines.length >= MAX_LINES) break;
  }
  return lines.slice(0, MAX_LINES);
}

function* reasonsOf(peer: Peer): Generator<string | undefined> {
  const { rib, intake } = peer.instance;
  for (const family of families) {
    const table = rib[family];
    for (const route of rib.forPeer(peer.slot, family))
      yield intake.admission.reason(peer.slot, family, table.attributesOf(route), table.prefixOf(route));
  }
}
