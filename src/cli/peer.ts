/** `waypost peer`: one session with a router from the command line, as a lab tool. Prints every event as it happens. */
import { Command } from 'commander';
import type { PathAttributes } from '../bgp/path.ts';
import type { PeerSettings } from '../bgp/settings.ts';
import { AdHocSession, type PeerEvent } from '../daemon/adhoc.ts';
import { routeText } from '../daemon/routes.ts';
import { settleCapabilities } from '../io/privileges.ts';
import { complain, onInterrupt, readLines } from '../io/process.ts';
import { type Address, formatAddress, toU32 } from '../lib/address.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../lib/prefix.ts';
import {
  addressOption,
  asnOption,
  communityOption,
  endpointOption,
  familiesOption,
  type Host,
  hostOption,
  largeCommunityOption,
  numberOption,
  prefixOption,
  repeatable,
} from './options.ts';
import { CliError, EXIT, printLine } from './output.ts';

interface Options {
  localAs?: number;
  peerAs?: number;
  port: number;
  source?: Address;
  routerId?: Address;
  holdTime: number;
  passive?: boolean;
  multihop?: boolean;
  password?: string;
  ttlSecurity?: number;
  vrf?: string;
  listen?: { address: Address; port: number };
  family: readonly ('ipv4' | 'ipv6')[];
  nextHop?: Address;
  announce?: readonly (Prefix | '-')[];
  community?: readonly number[];
  largeCommunity?: readonly (readonly [number, number, number])[];
  localPref?: number;
  med?: number;
  duration?: number;
  json?: boolean;
}

const u32 = numberOption(0, 4294967295);

export function command(): Command {
  return new Command()
    .description(
      'One session with a router, without a file. Prints every event, including received routes. Ctrl-C ends it with a Cease.',
    )
    .argument('<address>', 'address of the peer; a link-local one with its interface, as fe80::1%eth0', hostOption)
    .option('--local-as <asn>', 'our AS number (required)', asnOption)
    .option('--peer-as <asn>', "the peer's AS number (default: ours, iBGP)", asnOption)
    .option('--port <port>', 'TCP port of the peer', numberOption(1, 65535), 179)
    .option('--source <address>', 'our address of the session (default: the system chooses)', addressOption)
    .option('--router-id <address>', 'our BGP identifier (default: the highest IPv4 address)', addressOption)
    .option('--hold-time <seconds>', 'hold time to propose: 0, or 3 to 65535', numberOption(0, 65535), 90)
    .option('--passive', 'never connect: wait for the peer (needs --listen)')
    .option('--multihop', 'the peer may be more than one hop away')
    .option('--listen <addr:port>', 'accept the connection of the peer here', endpointOption)
    .option('--family <list>', 'address families', familiesOption, ['ipv4', 'ipv6'] as const)
    .option('--next-hop <address>', 'next hop of announced routes (default: our address)', addressOption)
    .option(
      '--announce <prefix>',
      'announce this prefix; may be repeated. "-" reads lines "+ PREFIX" and "- PREFIX" from standard input',
      repeatable((text) => (text === '-' ? text : prefixOption(text))),
    )
    .option('--community <a:b>', 'attach to announced routes; may be repeated', repeatable(communityOption))
    .option('--large-community <a:b:c>', 'the same; may be repeated', repeatable(largeCommunityOption))
    .option('--local-pref <n>', 'LOCAL_PREF of announced routes, iBGP only', u32)
    .option('--med <n>', 'MULTI_EXIT_DISC of announced routes', u32)
    .option('--password <key>', 'TCP-MD5 key (RFC 2385), 1 to 80 octets; other users may see it in the process list')
    .option('--ttl-security <hops>', 'GTSM (RFC 5082): the peer is at most this many hops away', numberOption(1, 254))
    .option('--vrf <name>', 'VRF of the session')
    .option('--duration <seconds>', 'end after this time, 24 days at most', numberOption(1, 86_400 * 24))
    .option('--json', 'print events as lines of JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  waypost peer 192.0.2.1 --local-as 64512 --peer-as 64513 --announce 203.0.113.0/24\n' +
        "  echo '+ 203.0.113.200/32' | waypost peer 192.0.2.1 --local-as 64512 --announce - --json\n",
    )
    .action((peer: Host, options: Options) => run(peer, options));
}

async function run(host: Host, given: Options): Promise<void> {
  settleCapabilities();
  const { address } = host;
  const { localAs } = given;
  if (localAs === undefined) throw usage('--local-as ASN is required: the AS number of this end');
  const options = { ...given, localAs };
  if (options.holdTime === 1 || options.holdTime === 2)
    throw usage('--hold-time must be 0, or at least 3 (RFC 4271 §4.2)');
  if (options.passive && !options.listen) throw usage('--passive needs --listen ADDR:PORT, where the peer can connect');
  if (options.ttlSecurity !== undefined && options.multihop)
    throw usage('--ttl-security and --multihop exclude each other: choose one');
  const octets = options.password === undefined ? 1 : new TextEncoder().encode(options.password).length;
  if (octets < 1 || octets > 80) throw usage('--password must have 1 to 80 octets');
  if (options.routerId?.family === 6) throw usage('--router-id must be an IPv4 address (RFC 4271 §4.2)');
  if (options.source && options.source.family !== address.family)
    throw usage(`--source ${formatAddress(options.source)} and the peer are of different families`);
  const obstacle = (p: Prefix) => obstacleOf(p, address, options);
  for (const p of options.announce ?? []) {
    const problem = p === '-' ? undefined : obstacle(p);
    if (problem !== undefined) throw usage(problem);
  }
  if (options.localPref !== undefined && options.peerAs !== undefined && options.peerAs !== localAs)
    complain('--local-pref is not told to a peer in another AS (RFC 4271 §5.1.5)');
  const session = new AdHocSession(settingsOf(host, options), options.json ? printEvent : printText);
  const attributes = attributesOf(options);
  for (const p of options.announce ?? []) if (p !== '-') session.announce(p, attributes);
  let timer: NodeJS.Timeout | undefined;
  const finished = new Promise<void>((resolve) => {
    onInterrupt(resolve);
    if (options.duration !== undefined) timer = setTimeout(resolve, options.duration * 1000);
  });
  try {
    await session.start(options.listen);
  } catch (error) {
    await session.stop();
    throw new CliError((error as Error).message);
  }
  const endLines = options.announce?.includes('-')
    ? readLines((line) => takeLine(session, line, attributes, obstacle))
    : undefined;
  await finished;
  clearTimeout(timer);
  endLines?.();
  const reason = session.lastError || 'no answer'; // before it becomes "stopped"
  await session.stop();
  if (!session.everEstablished) throw new CliError(`never Established: ${reason}`);
}

const usage = (message: string): CliError => new CliError(message, EXIT.usage);

function settingsOf(
  { address, interface: link }: Host,
  options: Options & { localAs: number },
): Omit<PeerSettings, 'routerId'> & { routerId?: number } {
  const { source, routerId } = options;
  return {
    name: formatAddress(address),
    address,
    ...(link !== undefined && { interface: link }),
    port: options.port,
    ...(source && { sourceAddress: source }),
    localAsn: options.localAs,
    peerAsn: options.peerAs ?? options.localAs,
    ...(routerId && { routerId: toU32(routerId.bytes) }),
    holdTimeSec: options.holdTime,
    families: options.family,
    passive: options.passive ?? false,
    multihop: options.multihop ?? false,
    ...(options.password !== undefined && { password: options.password }),
    ...(options.ttlSecurity !== undefined && { ttlSecurityHops: options.ttlSecurity }),
    ...(options.vrf !== undefined && { vrf: options.vrf }),
  };
}

function attributesOf(o: Options): PathAttributes {
  return {
    origin: 'igp',
    asPath: [],
    ...(o.nextHop && { nextHop: o.nextHop }),
    ...(o.localPref !== undefined && { localPref: o.localPref }),
    ...(o.med !== undefined && { med: o.med }),
    ...(o.community && { communities: o.community }),
    ...(o.largeCommunity && { largeCommunities: o.largeCommunity }),
  };
}

/** Why a prefix could not be announced on any session with these options. */
function obstacleOf(p: Prefix, peer: Address, { family, nextHop }: Options): string | undefined {
  const text = formatPrefix(p);
  if (!family.includes(`ipv${p.family}`)) return `${text} is not of --family ${family.join(',')}`;
  // IPv4 prefixes may have an IPv6 next hop (RFC 8950), which is agreed on over IPv6.
  const fits = nextHop === undefined || nextHop.family === p.family || (p.family === 4 && peer.family === 6);
  return fits ? undefined : `${text} cannot have --next-hop ${formatAddress(nextHop)}: it is of the other family`;
}

function takeLine(
  session: AdHocSession,
  line: string,
  attributes: PathAttributes,
  obstacle: (prefix: Prefix) => string | undefined,
): void {
  const m = /^\s*([+-])\s*(\S+)\s*$/.exec(line);
  const p = m && parsePrefix(m[2]!);
  if (!p) {
    if (line.trim()) complain(`expected "+ PREFIX" or "- PREFIX": ${line}`);
    return;
  }
  if (m[1] === '-') return session.withdraw(p);
  const problem = obstacle(p);
  if (problem === undefined) session.announce(p, attributes);
  else complain(problem);
}

const printEvent = (event: PeerEvent): void => printLine(JSON.stringify(event));

function printText(event: PeerEvent): void {
  const time = event.time.slice(11, 23);
  switch (event.event) {
    case 'state':
      return printLine(`${time} ${event.from} → ${event.to}${event.reason ? `: ${event.reason}` : ''}`);
    case 'established':
      return printLine(
        `${time} session with ${event.routerId} (AS ${event.peerAsn}): ${event.families.join(', ')}, hold time ${event.holdTimeSec} s`,
      );
    case 'announce':
      return printLine(`${time} + ${event.prefix}  ${routeText(event)}`);
    case 'withdraw':
      return printLine(`${time} - ${event.prefix}`);
    case 'endOfRib':
      return printLine(`${time} End-of-RIB ${event.family}`);
    case 'fault':
      return printLine(`${time} ! ${event.attribute}: ${event.reason} (${event.action})`);
    case 'unsent':
      return printLine(`${time} ! ${event.prefixes} ${event.family} prefixes are not announced: ${event.detail}`);
    case 'stranger':
      return printLine(`${time} ! connection from ${event.address}, which is not the peer: refused`);
  }
}
