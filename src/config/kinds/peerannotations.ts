/** Annotations of a BGPPeer, `waypost.dev/NAME`: what a session can do here that MetalLB has no field for. */
import { annotationPath, choice, flag, readAnnotations, seconds, whole, words } from '../annotation.ts';
import { isInternal } from '../asn.ts';
import { checkDeviceName } from '../device.ts';
import type { Meta, Peer, PeerAsn } from '../model.ts';
import type { Findings } from '../problem.ts';

/** What FRR announces where a document only turns graceful restart on, seconds. */
export const restartTimeSec = 120;

export const annotations = {
  'source-interface': words(
    'the name of an interface',
    "Connect from this interface's address of the peer's family, which differs from node to node. Not with sourceAddress.",
  ),
  passive: flag('Never connect: wait for the peer to connect.'),
  'ttl-security-hops': whole(1, 254, 'GTSM (RFC 5082): how many hops away the peer may be. Not with ebgpMultiHop.'),
  'max-prefixes': whole(1, 0xffff_ffff, 'Prefixes of all families that the peer may send; beyond, the session ends.'),
  'max-prefixes-warn-only': flag('Only warn at max-prefixes.'),
  'max-prefixes-restart': seconds(1, 86_400, 'How long after max-prefixes ended the session to connect again.'),
  'max-as-path': whole(1, 1000, 'Longest AS path taken from the peer, in hops.'),
  'enforce-first-as': flag("Whether the peer's own AS must come first in its AS paths."),
  'refuse-martians': flag('Whether to refuse martian prefixes and next hops (reserved, loopback, multicast).'),
  role: choice(
    { provider: 'provider', rs: 'routeServer', 'rs-client': 'routeServerClient', customer: 'customer', peer: 'peer' },
    'Our role towards the eBGP peer (RFC 9234).',
  ),
  'strict-role': flag('Refuse a peer that sends no role. Needs role.'),
  'add-path-receive': flag('Take several paths for a prefix from the peer (RFC 7911).'),
  'bfd-strict': flag('The BGP session waits until BFD is up. Needs bfdProfile.'),
  'restart-time': seconds(1, 4095, 'How long the peer waits for us to restart. Needs enableGracefulRestart.'),
} as const;

type OwnFields = Pick<
  Peer,
  | 'sourceInterface'
  | 'restartTimeSec'
  | 'passive'
  | 'ttlSecurityHops'
  | 'addPathReceive'
  | 'role'
  | 'strictRole'
  | 'bfdStrict'
  | 'limits'
>;

/** Fields of the spec that annotations exclude, or have no effect without. */
interface Spec {
  readonly myASN: number;
  readonly sourceAddress?: string | undefined;
  readonly interface?: string | undefined;
  readonly ebgpMultiHop?: boolean | undefined;
  readonly bfdProfile?: string | undefined;
  readonly enableGracefulRestart?: boolean | undefined;
}

/** What annotations say, and what goes with it. */
export function readOwn(spec: Spec, peerAsn: PeerAsn, meta: Meta, findings: Findings): OwnFields {
  const own = readAnnotations(annotations, meta.annotations, findings);
  const refuse = (name: keyof typeof annotations, message: string) => findings.error(annotationPath(name), message);
  const { role } = own;
  const source = own['source-interface'];
  if (source !== undefined) checkDeviceName(source, annotationPath('source-interface'), findings);
  if (source !== undefined && spec.sourceAddress) refuse('source-interface', 'excludes sourceAddress');
  if (source !== undefined && spec.interface)
    refuse('source-interface', 'an unnumbered session uses the addresses of its own interface');
  const hops = own['ttl-security-hops'];
  const maxPrefixes = own['max-prefixes'];
  const warnOnly = own['max-prefixes-warn-only'];
  const restartSec = own['max-prefixes-restart'];
  if (hops !== undefined && spec.ebgpMultiHop) refuse('ttl-security-hops', 'excludes ebgpMultiHop');
  for (const name of ['max-prefixes-warn-only', 'max-prefixes-restart'] as const)
    if (own[name] && maxPrefixes === undefined) refuse(name, 'has no effect without max-prefixes');
  if (warnOnly && restartSec !== undefined) refuse('max-prefixes-restart', 'excludes max-prefixes-warn-only');
  if (role !== undefined && isInternal(spec.myASN, peerAsn)) refuse('role', 'a role is for eBGP peers');
  if (own['strict-role'] && role === undefined) refuse('strict-role', 'has no effect without role');
  if (own['bfd-strict'] && !spec.bfdProfile) refuse('bfd-strict', 'has no effect without bfdProfile');
  if (own['restart-time'] !== undefined && !spec.enableGracefulRestart)
    refuse('restart-time', 'has no effect without enableGracefulRestart');
  const limits: Peer['limits'] = {
    ...(maxPrefixes !== undefined && { maxPrefixes }),
    ...(warnOnly !== undefined && { warnOnly }),
    ...(restartSec !== undefined && { restartSec }),
    ...(own['max-as-path'] !== undefined && { maxAsPath: own['max-as-path'] }),
    ...(own['enforce-first-as'] !== undefined && { enforceFirstAs: own['enforce-first-as'] }),
    ...(own['refuse-martians'] !== undefined && { refuseMartians: own['refuse-martians'] }),
  };
  return {
    ...(source !== undefined && { sourceInterface: source }),
    ...(spec.enableGracefulRestart && { restartTimeSec: own['restart-time'] ?? restartTimeSec }),
    passive: own.passive ?? false,
    ...(hops !== undefined && { ttlSecurityHops: hops }),
    addPathReceive: own['add-path-receive'] ?? false,
    ...(role && { role }),
    strictRole: own['strict-role'] ?? false,
    ...(own['bfd-strict'] && { bfdStrict: true }),
    limits,
  };
}
