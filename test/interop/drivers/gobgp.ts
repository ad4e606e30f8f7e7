/** GoBGP: `gobgpd`, asked and told through the `gobgp` command. Its table of received routes is adj-in, as they came. */
import { writeFileSync } from 'node:fs';
import {
  type Announcement,
  type Family,
  familyOf,
  normalised,
  Processes,
  type ReceivedRoute,
  type Router,
  type RouterOptions,
  refuseTwoOctetAs,
} from '../../support/router.ts';

function configuration(o: RouterOptions): string {
  return `[global.config]
as = ${o.localAs}
router-id = "${o.routerId}"
port = ${o.role === 'listen' ? o.port : -1}
local-address-list = ["${o.localAddress}"]
[[neighbors]]
[neighbors.config]
neighbor-address = "${o.peerAddress}"
peer-as = ${o.peerAs}
${o.password === undefined ? '' : `auth-password = "${o.password}"`}
[neighbors.transport.config]
local-address = "${o.localAddress}"
${o.role === 'listen' ? 'passive-mode = true' : `remote-port = ${o.port}`}
[neighbors.timers.config]
connect-retry = 1
hold-time = ${o.holdTimeSec}
keepalive-interval = ${Math.max(1, Math.floor(o.holdTimeSec / 3))}
idle-hold-time-after-reset = 1
${o.ttlSecurityHops === undefined ? '' : `[neighbors.ttl-security.config]\nenabled = true\nttl-min = ${256 - o.ttlSecurityHops}`}
${o.multihop === undefined ? '' : `[neighbors.ebgp-multihop.config]\nenabled = true\nmultihop-ttl = ${o.multihop}`}
[neighbors.graceful-restart.config]
enabled = ${o.restartTimeSec !== undefined}
restart-time = ${o.restartTimeSec ?? 1}
notification-enabled = true
${o.lines?.join('\n') ?? ''}
${o.families
  .map(
    (family) =>
      `[[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\nafi-safi-name = "${family}-unicast"\n[neighbors.afi-safis.mp-graceful-restart.config]\nenabled = ${o.restartTimeSec !== undefined}`,
  )
  .join('\n')}
`;
}

/** A path attribute in the API's JSON, told by its type code. */
interface Attribute {
  readonly type: number;
  readonly value?: unknown;
  readonly as_paths?: readonly { readonly segment_type: number; readonly asns: readonly number[] }[];
  readonly nexthop?: string;
  readonly metric?: number;
  readonly communities?: readonly number[];
}

interface Path {
  readonly stale?: boolean;
  readonly attrs: readonly Attribute[];
}

interface LargeCommunity {
  readonly ASN: number;
  readonly LocalData1: number;
  readonly LocalData2: number;
}

const asSet = 1;
const origins: readonly ReceivedRoute['origin'][] = ['igp', 'egp', 'incomplete'];

/** `gobgp neighbor ADDRESS adj-in -j`. */
export function parseAdjIn(json: string): ReceivedRoute[] {
  const table = JSON.parse(json) as Record<string, readonly Path[]>;
  return Object.entries(table).flatMap(([prefix, paths]) =>
    paths.map(({ attrs }) => {
      const attribute = (type: number) => attrs.find((a) => a.type === type);
      const number = (type: number) => (attribute(type)?.value as number | undefined) ?? null;
      return {
        prefix,
        nextHop: (attribute(3) ?? attribute(14))?.nexthop ?? '',
        asPath: (attribute(2)?.as_paths ?? []).flatMap<number | readonly number[]>((s) =>
          s.segment_type === asSet ? [s.asns] : s.asns,
        ),
        origin: origins[number(1) ?? -1]!,
        med: attribute(4)?.metric ?? number(4),
        localPref: number(5),
        communities: (attribute(8)?.communities ?? []).map((c) => `${c >>> 16}:${c & 0xffff}`),
        largeCommunities: ((attribute(32)?.value as readonly LargeCommunity[] | undefined) ?? []).map(
          (c) => `${c.ASN}:${c.LocalData1}:${c.LocalData2}`,
        ),
      };
    }),
  );
}

export function gobgp(options: RouterOptions): Router {
  refuseTwoOctetAs(options, 'gobgp');
  const { namespace } = options;
  const folder = namespace.folder('gobgp');
  const processes = new Processes();
  const ask = (...words: string[]) => namespace.run(['gobgp', ...words]);
  /** What it keeps of the peer; it does not show any without a session, unless that restarts. */
  const adjIn = async (family: Family) => {
    const { code, stdout, stderr } = await namespace.outcome([
      'gobgp',
      'neighbor',
      options.peerAddress,
      'adj-in',
      '-a',
      family,
      '-j',
    ]);
    if (code === 0) return stdout;
    if (/session is not established/.test(stdout + stderr)) return '{}';
    throw new Error(`gobgp: ${stdout}${stderr}`);
  };
  const announce = async (routes: readonly Announcement[]) => {
    for (const route of routes) {
      const family = familyOf(route.prefix);
      await ask(
        ...['global', 'rib', 'add', '-a', family, route.prefix, 'origin', 'igp'],
        ...['nexthop', options.nextHops[family]],
        ...(route.med === undefined ? [] : ['med', `${route.med}`]),
        ...(route.localPref === undefined ? [] : ['local-pref', `${route.localPref}`]),
        ...(route.communities?.length ? ['community', route.communities.join(',')] : []),
        ...(route.largeCommunities?.length ? ['large-community', route.largeCommunities.join(',')] : []),
      );
    }
  };

  return {
    name: 'gobgp',
    absent: { med: null, localPref: null },
    extendedNextHop: true,
    async start() {
      writeFileSync(`${folder}/gobgpd.toml`, configuration(options));
      const flags = ['--api-hosts', '127.0.0.1:50051', '-l', 'debug', '--log-plain', '--pprof-disable'];
      processes.add(namespace.spawn(['gobgpd', '-f', `${folder}/gobgpd.toml`, ...flags]));
      await processes.answers('gobgpd', async () => (await ask('neighbor')).includes(options.peerAddress));
      await announce(options.announce);
    },
    stop: () => processes.stop('SIGTERM'),
    kill: () => processes.stop('SIGKILL'),
    async established() {
      const neighbor = JSON.parse(await ask('neighbor', options.peerAddress, '-j')) as {
        readonly state: { readonly session_state?: number };
      };
      return neighbor.state.session_state === 6;
    },
    async received() {
      const table = async (family: Family) => parseAdjIn(await adjIn(family));
      return normalised((await Promise.all(options.families.map(table))).flat());
    },
    async stale() {
      const table = async (family: Family) => {
        const paths = JSON.parse(await adjIn(family));
        return Object.entries(paths as Record<string, readonly Path[]>).filter(([, of]) => of.some((p) => p.stale));
      };
      return (await Promise.all(options.families.map(table))).flat().map(([prefix]) => prefix);
    },
    announce,
    async withdraw(prefixes) {
      for (const prefix of prefixes) await ask('global', 'rib', 'del', '-a', familyOf(prefix), prefix);
    },
    log: () => processes.log(),
  };
}
