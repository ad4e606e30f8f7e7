/** Next-hop objects that the kernel has dropped: what is to be put back, and what cannot be yet. */
import { canonical } from '../lib/diff.ts';
import { Protocol } from '../netlink/const.ts';
import { staticProtocols } from './goal.ts';
import type { LinkState, NextHopState, Snapshot } from './state.ts';
import type { Step } from './step.ts';
import type { Target } from './target.ts';

/** Those that somebody set for good and that leave by one of these links, and groups in which such are. */
export function nextHopsBy(all: readonly NextHopState[], isLink: (device: string) => boolean): NextHopState[] {
  const set = all.filter(({ protocol = 0 }) => protocol === Protocol.unspec || staticProtocols.includes(protocol));
  const single = new Set(set.flatMap(({ id, device }) => (device !== undefined && isLink(device) ? id : [])));
  return set.filter(({ id, group = [] }) => single.has(id) || group.some((member) => single.has(member.id)));
}

/** The kernel forgets those by links that change VRFs, and takes them out of their groups. */
export function nextHopSteps(target: Target, have: Snapshot): Step[] {
  const there = new Set((have.nextHops ?? []).map(({ id }) => id));
  // A group comes once all is there that it is made of.
  const ready = lost(target, have).filter(
    ({ device, group = [] }) =>
      (device === undefined || canCarry(have.links.get(device))) && group.every(({ id }) => there.has(id)),
  );
  return ready.map((nextHop): Step => ({ do: there.has(nextHop.id) ? 'replaceNextHop' : 'addNextHop', nextHop }));
}

/** Those that wait for the carrier of their link. */
export const darkNextHops = (target: Target, have: Snapshot): NextHopState[] =>
  lost(target, have).filter(({ device }) => have.links.get(device ?? '')?.dark);

/** Not there; or a group without some of its members. Anything else with the same number is somebody's. */
function lost(target: Target, have: Snapshot): NextHopState[] {
  const there = new Map((have.nextHops ?? []).map((nextHop) => [nextHop.id, nextHop]));
  return target.nextHops.filter((wanted) => {
    const is = there.get(wanted.id);
    if (is === undefined) return true;
    const members = is.group?.map(canonical);
    const all = new Set(wanted.group?.map(canonical));
    return members !== undefined && members.length < all.size && members.every((member) => all.has(member));
  });
}

/** The kernel takes no next hop by a link without a carrier, which may need seconds to come back. */
const canCarry = (link: LinkState | undefined): boolean => link?.up === true && !link.dark;
