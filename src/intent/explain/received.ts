/** What became of the routes that peers sent for a prefix: which is used, and whether the kernel has it. */
import type { Chain, Meaning, Source, Step } from './chain.ts';
import type { InstalledFacts, KernelReason, ReceivedFacts, ReceivedReason } from './facts.ts';
import { installedStep, obstacleOf, unreadStep } from './installed.ts';

/** Why a received route is not used: against the rules, not wanted, worse than another, or not taken by the kernel. */
export const receivedReasons: Readonly<Record<ReceivedReason | KernelReason, Meaning>> = {
  asLoop: { says: 'Our own AS is in its path.', remedy: 'Nothing: the route has already passed through this AS.' },
  firstAs: {
    says: 'The first AS of its path is not that of the peer.',
    remedy: 'For a route server, set waypost.dev/role to rs-client, or turn waypost.dev/enforce-first-as off.',
  },
  asPathTooLong: { says: 'Its AS path is longer than allowed.', remedy: 'Raise waypost.dev/max-as-path.' },
  originatorLoop: { says: 'This node is its originator.', remedy: 'Nothing: a route reflector has sent it back.' },
  clusterLoop: { says: 'It has passed through our cluster.', remedy: 'Nothing: a route reflector has sent it back.' },
  nextHopSelf: { says: 'Its next hop is an address of this node.', remedy: 'Have the router set another next hop.' },
  martianNextHop: {
    says: 'Its next hop is a martian: no host on a network can have it.',
    remedy: 'Have the router set another next hop.',
  },
  martianPrefix: {
    says: 'The prefix is a martian: it is not for use on a network.',
    remedy: 'Set waypost.dev/refuse-martians to "false", if the route is intended.',
  },
  routeLeak: {
    says: 'It carries an OTC attribute that the role of the peer forbids (RFC 9234).',
    remedy: 'Correct the roles.',
  },
  noReceivePolicy: {
    says: 'No policy accepts routes from the peer.',
    remedy: 'Allow prefixes in toReceive of an FRRConfiguration.',
  },
  alwaysBlocked: { says: 'The prefix is blocked on this node.', remedy: 'Remove it from alwaysBlock.' },
  defaultRoute: { says: 'It is a default route, which must be allowed by name.', remedy: 'Allow it by name.' },
  ownPrefix: {
    says: 'This node announces the prefix, or has it on a link.',
    remedy: 'Allow it by name, if that is intended.',
  },
  notAllowed: { says: 'No rule of toReceive allows it.', remedy: 'Extend toReceive.' },
  notAccepted: { says: 'Receive policy refuses it.', remedy: 'Extend toReceive.' },
  nextHopUnreachable: {
    says: 'This node has no route to its next hop.',
    remedy: 'Add a route there, or bring the link up.',
  },
  nextHopOffLink: {
    says: 'Its next hop is on no link of this node, though the peer is one hop away (RFC 4271).',
    remedy: 'Have the router name itself as the next hop, or set ebgpMultiHop for the peer.',
  },
  longLivedStale: {
    says: 'It is kept from before a restart of its peer, as a last resort (RFC 9494).',
    remedy: 'Nothing.',
  },
  lowerLocalPref: { says: 'Another has a higher local preference.', remedy: 'Raise its local preference.' },
  longerAsPath: { says: 'Another has a shorter AS path.', remedy: 'Nothing, unless the path is prepended.' },
  higherOrigin: { says: 'Another has a better origin.', remedy: 'Nothing.' },
  higherMed: { says: 'Another from the same AS has a lower MED.', remedy: 'Lower its MED.' },
  internal: { says: 'Another was learned by eBGP, which is preferred.', remedy: 'Nothing.' },
  higherIgpMetric: { says: 'Another has a nearer next hop.', remedy: 'Nothing.' },
  higherRouterId: { says: 'It is as good; the lower router ID decides.', remedy: 'Nothing.' },
  longerClusterList: { says: 'Another has passed fewer reflectors.', remedy: 'Nothing.' },
  higherPeerAddress: { says: 'It is as good; the lower address of the peer decides.', remedy: 'Nothing.' },
  higherPathId: { says: 'It is as good; the lower path ID decides.', remedy: 'Nothing.' },
  kernelConflict: {
    says: 'Another program has a route of this prefix and metric in the kernel, which stays.',
    remedy: 'Remove that route, or set another kernel.metric.',
  },
  kernelRefused: {
    says: 'The kernel refuses it; it is tried again at growing intervals, and when links or routes change.',
    remedy: 'See the error in waypost show routes.',
  },
  kernelUnread: {
    says: "The kernel's routes cannot be read, so that no way to a next hop is known, and none is installed.",
    remedy: 'See the error that the log gives; it is tried again, every ten seconds at the latest.',
  },
};

const isKnown = (word: string): word is keyof typeof receivedReasons => Object.hasOwn(receivedReasons, word);

const placeOf = ({ vrf, prefix }: Pick<ReceivedFacts, 'vrf' | 'prefix'>): string =>
  vrf === '' ? prefix : `${prefix} in VRF ${vrf}`;

/**
 * One chain for each prefix in each VRF, in the order given.
 * @param unread why the kernel's routes cannot be read
 * @param sourcesOf where it is written that a peer's route is not used, by the reason
 */
export function explainReceived(
  routes: readonly ReceivedFacts[] = [],
  installed: readonly InstalledFacts[] = [],
  unread?: string,
  sourcesOf: (peer: string, reason: string) => readonly Source[] = () => [],
): Chain[] {
  const prefixes = new Map<string, ReceivedFacts[]>();
  for (const route of routes) {
    const place = placeOf(route);
    prefixes.set(place, [...(prefixes.get(place) ?? []), route]);
  }
  return [...prefixes].map(([place, all]) => {
    const best = all.find((route) => route.best);
    const there = installed.filter((route) => placeOf(route) === place && route.importedFrom === undefined);
    const { prefix, vrf } = all[0]!;
    const imported = installed.filter((route) => route.prefix === prefix && route.importedFrom === vrf);
    const refused = all.find((route) => route.reason !== null)?.reason ?? null;
    // What is reached, and where, is known from what was read.
    const blind = unread !== undefined && (best ? there.length === 0 : refused === 'nextHopUnreachable');
    const obstacle = blind
      ? 'kernelUnread'
      : best
        ? there.map(obstacleOf).find((word) => word !== undefined)
        : refused !== null && isKnown(refused)
          ? refused
          : undefined;
    const suffix = obstacle ? `: ${obstacle}` : '';
    return {
      title: `Received ${place}`,
      ok: best !== undefined && obstacle === undefined,
      verdict: best
        ? `used from ${best.peer}${obstacle ? ', but not in the kernel' : ''}${suffix}`
        : `not used${suffix}`,
      reason: obstacle ?? null,
      says: obstacle === undefined ? null : receivedReasons[obstacle].says,
      remedy: obstacle === undefined ? null : receivedReasons[obstacle].remedy,
      steps: [
        ...all.map((route) => stepOf(route, sourcesOf)),
        ...(blind ? [unreadStep(unread)] : []),
        ...[...there, ...imported].map(installedStep),
      ],
    };
  });
}

function stepOf(
  { peer, nextHop, asPath, best, accepted, reason, stale }: ReceivedFacts,
  sourcesOf: (peer: string, reason: string) => readonly Source[],
): Step {
  const path =
    asPath.length > 0 ? `, AS path ${asPath.map((a) => (Array.isArray(a) ? `{${a.join()}}` : a)).join(' ')}` : '';
  const known = reason !== null && isKnown(reason) ? `: ${receivedReasons[reason].says}` : '';
  const outcome = best
    ? 'the best'
    : reason === null
      ? accepted
        ? 'beside the best'
        : 'not used'
      : `${reason}${known}`;
  return {
    question: `Is the route from ${peer} used?`,
    answer: best ? 'yes' : accepted ? 'note' : 'no',
    detail: `via ${nextHop ?? '-'}${path}${stale ? ', stale' : ''}: ${outcome}`,
    reason: best ? null : reason,
    sources: best || reason === null ? [] : sourcesOf(peer, reason),
  };
}
