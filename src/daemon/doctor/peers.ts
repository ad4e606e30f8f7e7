/** Whether the routers of this node's sessions can be reached, and what became of the session with each. */
import { isInternal, isSingleHop, type PeerSettings } from '../../bgp/settings.ts';
import { symptomOf, symptoms } from '../../intent/explain/symptom.ts';
import type { SkippedPeer } from '../../intent/peers.ts';
import { formatAddress } from '../../lib/address.ts';
import { type Finding, findingsOf } from './finding.ts';
import type { Outcome } from './trial.ts';

export interface PeerFacts {
  readonly settings: Omit<PeerSettings, 'address'> & Partial<Pick<PeerSettings, 'address'>>;
  /** What `show peers` of the daemon says. */
  readonly session: { readonly state: string; readonly uptimeSec: number; readonly lastError: string } | undefined;
  readonly trial: Outcome | undefined;
  /** The program that has a connection with the peer at the moment. */
  readonly taken: string | undefined;
  readonly way: WayFound | undefined;
  /** Its source address is on an interface here. */
  readonly sourceIsHere: boolean;
  /** The VRF is there. */
  readonly vrfIsHere: boolean;
  /** What is not there may come: the daemon has yet to change the network of this node. */
  readonly isToCome: boolean;
}

/** How the kernel would send a packet to the peer. */
export interface WayFound {
  /** Why nowhere: ENETUNREACH … */
  readonly error?: string;
  /** It is for this machine itself, as with a router on the same host; and for the port where peers may call. */
  readonly isLocal: boolean;
  readonly isOurs: boolean;
  readonly interface: string | undefined;
  /** Set up and with a carrier. */
  readonly isRunning: boolean;
  readonly gateway: string | undefined;
  /** rp_filter of the interface is strict. */
  readonly isStrict: boolean;
  /** The interfaces of the default route that the table has; none where there is no such route. */
  readonly defaults: readonly string[];
}

const { ok, note, warning, problem } = findingsOf('peers');

export function peerFindings(facts: PeerFacts): Finding[] {
  const found = [...wayFindings(facts), sessionFinding(facts)].filter((finding) => finding !== undefined);
  // What keeps packets from the router says more than that nobody answers.
  const [first] = found;
  const explained = first?.verdict === 'problem' && facts.session?.state !== 'Established';
  return explained ? [first] : found;
}

export const skippedFinding = ({ document, reason, detail }: SkippedPeer): Finding =>
  note(document.name, `no session here: ${detail} [${reason}]`);

/** Nothing is known to keep packets from the peer. */
export const isReachable = (facts: Omit<PeerFacts, 'trial'>): boolean =>
  facts.vrfIsHere && facts.sourceIsHere && !wayFindings(facts).some(({ verdict }) => verdict === 'problem');

function wayFindings({ settings, way, sourceIsHere, vrfIsHere, isToCome }: Omit<PeerFacts, 'trial'>): Finding[] {
  const { name, address, vrf, sourceAddress } = settings;
  if (isToCome && !(vrfIsHere && sourceIsHere))
    return [note(name, 'not tried: the daemon has yet to make its VRF, or to give this node its source address')];
  if (vrf !== undefined && !vrfIsHere)
    return [problem(name, `there is no VRF ${vrf}`, `a NodeNetworkConfigurationPolicy that makes it, or ip link add`)];
  if (sourceAddress !== undefined && !sourceIsHere) {
    const text = formatAddress(sourceAddress);
    return [problem(name, `its source address ${text} is on no interface`, `give this node ${text}, or correct it`)];
  }
  if (way === undefined || address === undefined) return [];
  const text = formatAddress(address);
  if (way.error !== undefined)
    return [problem(name, `no route to ${text}: ${way.error}`, 'correct its address, or the routes of this node')];
  if (way.isLocal && way.isOurs)
    return [problem(name, `${text} is an address of this node, where it listens itself`, 'the address of the router')];
  if (way.isLocal) return [];
  const device = way.interface ?? 'an unknown interface';
  if (!way.isRunning) return [problem(name, `${device} is down, or has no carrier`, `ip link set ${device} up`)];
  const { gateway } = way;
  if (gateway !== undefined && isNear(settings))
    return [
      problem(
        name,
        `${text} is behind ${gateway}, and packets are sent one hop far`,
        settings.ttlSecurityHops === undefined
          ? 'ebgpMultiHop: true, or the address of a router on the link'
          : 'more hops of ttl-security, or the address of a router on the link',
      ),
    ];
  const { defaults } = way;
  if (!way.isStrict || defaults.length === 0 || defaults.includes(device)) return [];
  return [
    warning(
      name,
      `rp_filter of ${device} is strict, and the default route leaves by ${defaults.join(', ')}: what clients send by this router is dropped`,
      `net.ipv4.conf.${device}.rp_filter = 2, and net.ipv4.conf.all.rp_filter not 1; or a VRF (docs/symmetric.md)`,
    ),
  ];
}

/** Its packets pass no router. */
const isNear = (settings: PeerFacts['settings']): boolean =>
  isSingleHop(settings as PeerSettings) && (settings.ttlSecurityHops === 1 || !isInternal(settings));

function sessionFinding({ settings, session, trial, taken }: PeerFacts): Finding | undefined {
  const { name, passive, address } = settings;
  if (session?.state === 'Established') return ok(name, `Established for ${session.uptimeSec} s`);
  if (session !== undefined) {
    if (passive && session.lastError === '') return note(name, `${session.state}: it is to call`);
    return problemOf(name, `${session.state}: ${session.lastError || 'nothing has failed yet'}`, session.lastError);
  }
  if (taken !== undefined)
    return note(name, `not tried: ${taken} has a connection with it`, 'one of the two speakers at a time');
  if (address === undefined) return note(name, 'not tried: it is yet to be found on its link');
  if (trial === undefined) return passive ? note(name, 'not tried: it is to call') : undefined;
  const { error, tookMs } = trial;
  if (error === undefined) return ok(name, `takes the session, after ${Math.max(1, Math.round(tookMs))} ms`);
  return problemOf(name, error, error);
}

function problemOf(name: string, text: string, lastError: string): Finding {
  return problem(name, text, symptoms[symptomOf(lastError)].remedy);
}
