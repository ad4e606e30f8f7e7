/**
 * What of this machine would keep documents from having their effect: everything is looked at, and nothing changed. Routers
 * are asked too, where no daemon has sessions with them.
 */
import type { PeerSettings } from '../../bgp/settings.ts';
import type { NodePeers } from '../../intent/peers.ts';
import { nativeProblem } from '../../io/native.ts';
import { capabilitiesOf } from '../../io/privileges.ts';
import { holderOf, openSockets, programsHere, unixInode } from '../../io/programs.ts';
import { processorQuota, realtimeLimit } from '../../io/quota.ts';
import { readSysctl } from '../../io/sysctl.ts';
import { formatPrefix } from '../../lib/prefix.ts';
import type { Outlook } from '../outlook.ts';
import { vrfUses } from '../symmetry.ts';
import { addressFindings } from './addresses.ts';
import { areas, type Finding, findingsOf } from './finding.ts';
import { Kernel } from './kernel.ts';
import { layer2Findings } from './layer2.ts';
import { type Grants, machineFindings } from './machine.ts';
import { isReachable, type PeerFacts, peerFindings, skippedFinding } from './peers.ts';
import { connectedTo, type Neighbours, programFindings } from './programs.ts';
import { type Outcome, trySession } from './trial.ts';
import { type Use, useOf } from './use.ts';
import { vrfFindings } from './vrfs.ts';

/** A daemon that runs on this machine, as its control socket has it. */
export interface RunningDaemon {
  readonly socket: string;
  readonly sessions: readonly SessionRow[];
}

/** A row of `show peers`. */
export interface SessionRow {
  readonly name: string;
  readonly address: string;
  readonly state: string;
  readonly uptimeSec: number;
  readonly lastError: string;
}

export interface DoctorOptions {
  readonly daemon: RunningDaemon | undefined;
  /** Routers are called. */
  readonly tries: boolean;
}

/** In the order of `areas`. Throws `SystemError` where the kernel cannot be asked at all. */
export async function examine({ config, peers, services }: Outlook, options: DoctorOptions): Promise<Finding[]> {
  const { daemon } = options;
  const inode = daemon && unixInode(daemon.socket);
  const pid = inode === undefined ? undefined : holderOf(inode)?.pid;
  const use = useOf(config, peers);
  const around: Neighbours = {
    programs: programsHere().filter((program) => program.pid !== pid),
    tcp: openSockets('tcp'),
    udp: openSockets('udp'),
    daemon: pid,
    isRunning: daemon !== undefined,
    holder: holderOf,
  };
  const decisions = [...services.decisions.values()];
  const found = [
    ...machineFindings(use, daemon === undefined || pid !== undefined ? grantsOf(pid ?? 'self') : undefined),
    ...(daemon === undefined && use.changesNetwork ? [notYet] : []),
    ...programFindings(use, config.speaker.listen.addresses, around),
  ];
  if (nativeProblem() !== undefined) return found;
  const kernel = new Kernel();
  try {
    found.push(
      ...(await peersFindings(peers, kernel, around, use, options)),
      ...layer2Findings(decisions, kernel.layer2(config)),
      ...addressFindings(decisions, await kernel.delivery(config)),
      ...vrfFindings(vrfUses(config).values(), (vrf) => kernel.vrf(vrf)),
    );
  } finally {
    kernel.close();
  }
  return areas.flatMap((area) => found.filter((finding) => finding.area === area));
}

const notYet = findingsOf('machine').note(
  null,
  'documents change the network of this node, and no daemon has done that yet: what follows is as it is now',
);

function grantsOf(pid: number | 'self'): Grants {
  return {
    who: pid === 'self' ? 'this user' : 'the daemon',
    capabilities: capabilitiesOf(pid),
    realtimeLimit: realtimeLimit(pid),
    quota: processorQuota(pid),
    nativeProblem: nativeProblem(),
    unprivilegedPort: Number(readSysctl('net', 'ipv4', 'ip_unprivileged_port_start') ?? 1024),
  };
}

async function peersFindings(
  { peers, unnumbered, ranges, skipped }: NodePeers,
  kernel: Kernel,
  around: Neighbours,
  use: Use,
  { daemon, tries }: DoctorOptions,
): Promise<Finding[]> {
  const of = async (settings: PeerFacts['settings']): Promise<Finding[]> => {
    const session = daemon?.sessions.find(({ name }) => name === settings.name);
    const { address } = settings;
    const facts = {
      settings,
      session,
      way: address && kernel.way(address, settings, use.listenPort),
      sourceIsHere: settings.sourceAddress === undefined || kernel.has(settings.sourceAddress),
      vrfIsHere: settings.vrf === undefined || kernel.linkNamed(settings.vrf) !== undefined,
      isToCome: daemon === undefined && use.changesNetwork,
      taken: session === undefined && address ? connectedTo(address, settings.port, around) : undefined,
    };
    const ahead = peerFindings({ ...facts, trial: undefined });
    const isTried = tries && daemon === undefined && address !== undefined && facts.taken === undefined;
    if (!isTried || settings.passive || !isReachable(facts)) return ahead;
    const trial: Outcome = await trySession({ ...settings, address } as PeerSettings);
    return peerFindings({ ...facts, trial });
  };
  return [
    ...(await Promise.all([...peers, ...unnumbered].map(({ settings }) => of(settings)))).flat(),
    ...skipped.map(skippedFinding),
    ...ranges.map(({ prefix }) => findingsOf('peers').note(formatPrefix(prefix), 'whoever is in it may call')),
  ];
}
