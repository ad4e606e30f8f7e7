/** FRR: zebra and bgpd with sockets of their own; everything is asked and told through `vtysh`. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { run } from '../../support/process.ts';
import {
  type Announcement,
  type Family,
  familyOf,
  normalised,
  Processes,
  parseCommunity,
  type ReceivedRoute,
  type Router,
  type RouterOptions,
  refuseTwoOctetAs,
} from '../../support/router.ts';

const routeMap = (prefix: string) => `ORIGINATE-${prefix.replaceAll(/[/:.]/g, '_')}`;

/** The configuration lines that originate a route, valid in a file and typed at `vtysh`. */
function originate(localAs: number, route: Announcement): string[] {
  const name = routeMap(route.prefix);
  return [
    `no route-map ${name}`,
    `route-map ${name} permit 10`,
    ...(route.med === undefined ? [] : [`set metric ${route.med}`]),
    ...(route.localPref === undefined ? [] : [`set local-preference ${route.localPref}`]),
    ...(route.communities?.length ? [`set community ${route.communities.join(' ')}`] : []),
    ...(route.largeCommunities?.length ? [`set large-community ${route.largeCommunities.join(' ')}`] : []),
    'exit',
    ...network(localAs, route.prefix, `network ${route.prefix} route-map ${name}`),
  ];
}

const network = (localAs: number, prefix: string, line: string) => [
  `router bgp ${localAs}`,
  `address-family ${familyOf(prefix)} unicast`,
  line,
  'exit-address-family',
  'exit',
];

function configuration(o: RouterOptions): string {
  const peer = `neighbor ${o.interface ?? o.peerAddress}`;
  const keepaliveSec = Math.max(1, Math.floor(o.holdTimeSec / 3));
  return [
    `router bgp ${o.localAs}`,
    `bgp router-id ${o.routerId}`,
    'no bgp ebgp-requires-policy',
    'no bgp network import-check',
    'no bgp default ipv4-unicast',
    ...(o.interface === undefined
      ? [`${peer} remote-as ${o.peerAs}`, `${peer} update-source ${o.localAddress}`]
      : [`${peer} interface remote-as external`]),
    `${peer} timers ${keepaliveSec} ${o.holdTimeSec}`,
    `${peer} timers connect 1`,
    ...(o.role === 'listen' ? [`${peer} passive`] : [`${peer} port ${o.port}`]),
    ...(o.password === undefined ? [] : [`${peer} password ${o.password}`]),
    ...(o.ttlSecurityHops === undefined ? [] : [`${peer} ttl-security hops ${o.ttlSecurityHops}`]),
    ...(o.multihop === undefined ? [] : [`${peer} ebgp-multihop ${o.multihop}`]),
    ...(o.restartTimeSec === undefined
      ? []
      : [
          'bgp graceful-restart',
          `bgp graceful-restart restart-time ${o.restartTimeSec}`,
          'bgp graceful-restart preserve-fw-state',
        ]),
    ...(o.lines ?? []).map((line) => `${peer} ${line}`),
    ...o.families.flatMap((family) => [
      `address-family ${family} unicast`,
      `${peer} activate`,
      ...(o.filter ? [`${peer} route-map ${o.filter.name} in`] : []),
      'exit-address-family',
    ]),
    'exit',
    ...(o.filter?.lines ?? []),
    ...o.announce.flatMap((route) => originate(o.localAs, route)),
    '',
  ].join('\n');
}

/** One path of `show bgp FAMILY unicast json detail`; the first element beside the paths describes the prefix. */
interface Path {
  readonly aspath?: { readonly segments: readonly { readonly type: string; readonly list: readonly number[] }[] };
  readonly origin?: string;
  readonly metric?: number;
  readonly locPrf?: number;
  readonly community?: { readonly string: string };
  readonly largeCommunity?: { readonly list: readonly string[] };
  readonly extendedCommunity?: { readonly string: string };
  readonly nexthops?: readonly { readonly ip: string; readonly scope?: string }[];
  readonly peer?: { readonly peerId: string };
  readonly stale?: boolean;
}

const origins: Readonly<Record<string, ReceivedRoute['origin']>> = { IGP: 'igp', EGP: 'egp', incomplete: 'incomplete' };

/** The routes of one family's table that came from `peerAddress`. */
export function parseTable(json: string, peerAddress: string): ReceivedRoute[] {
  const table = JSON.parse(json) as { routes?: Record<string, readonly Path[]> };
  return Object.entries(table.routes ?? {}).flatMap(([prefix, paths]) =>
    paths
      .filter((path) => path.peer?.peerId === peerAddress)
      .map((path) => ({
        prefix,
        nextHop: (path.nexthops?.find((hop) => hop.scope !== 'link-local') ?? path.nexthops?.[0])?.ip ?? '',
        asPath: (path.aspath?.segments ?? []).flatMap<number | readonly number[]>((s) =>
          s.type === 'as-set' ? [s.list] : s.list,
        ),
        origin: origins[path.origin ?? '']!,
        med: path.metric ?? null,
        localPref: path.locPrf ?? null,
        communities: (path.community?.string ?? '').split(' ').filter(Boolean).map(parseCommunity),
        largeCommunities: path.largeCommunity?.list ?? [],
        ...(path.extendedCommunity && { extendedCommunities: path.extendedCommunity.string }),
      })),
  );
}

export function frr(options: RouterOptions): Router {
  refuseTwoOctetAs(options, 'frr');
  const { namespace } = options;
  const peer = options.interface ?? options.peerAddress;
  const folder = namespace.folder('frr');
  const processes = new Processes();
  const vtysh = (...lines: string[]) =>
    run(['vtysh', '--vty_socket', `${folder}/vty`, ...lines.flatMap((line) => ['-c', line])]);
  const configure = async (lines: readonly string[]) => {
    const answer = await vtysh('configure terminal', ...lines);
    if (answer.includes('%')) throw new Error(`frr: ${answer}`);
  };
  const daemon = (name: string, ...flags: string[]) =>
    processes.add(
      // biome-ignore format: one command line
      namespace.spawn([
        `/usr/lib/frr/${name}`, '-f', `${folder}/${name}.conf`, '-i', `${folder}/${name}.pid`, '--log', 'stdout',
        '-z', `${folder}/zebra.sock`, '--vty_socket', `${folder}/vty`, '-P', '0', ...flags,
      ]),
    );

  return {
    name: 'frr',
    absent: { med: null, localPref: null },
    extendedNextHop: false,
    async start() {
      rmSync(`${folder}/zebra.sock`, { force: true });
      mkdirSync(`${folder}/vty`, { recursive: true });
      writeFileSync(`${folder}/zebra.conf`, 'hostname zebra\n');
      writeFileSync(`${folder}/bgpd.conf`, configuration(options));
      await run(['chown', '-R', 'frr:frr', folder]);
      daemon('zebra');
      await processes.answers('zebra', () => vtysh('show version'));
      const address = options.interface === undefined ? ['-l', options.localAddress] : [];
      if (options.role === 'listen') daemon('bgpd', '-p', `${options.port}`, ...address);
      else daemon('bgpd', '-p', '0');
      await processes.answers('bgpd', async () => (await vtysh('show bgp summary json')).startsWith('{'));
    },
    stop: () => processes.stop('SIGTERM'),
    kill: () => processes.stop('SIGKILL'),
    async established() {
      const neighbors = JSON.parse(await vtysh(`show bgp neighbors ${peer} json`)) as Record<
        string,
        { readonly bgpState?: string }
      >;
      return neighbors[peer]?.bgpState === 'Established';
    },
    async received() {
      const table = async (family: Family) =>
        parseTable(await vtysh(`show bgp ${family} unicast json detail`), options.peerAddress);
      return normalised((await Promise.all(options.families.map(table))).flat());
    },
    async stale() {
      const table = async (family: Family) => {
        const { routes = {} } = JSON.parse(await vtysh(`show bgp ${family} unicast json detail`)) as {
          routes?: Record<string, readonly Path[]>;
        };
        return Object.entries(routes).filter(([, paths]) => paths.some((p) => p.stale));
      };
      return (await Promise.all(options.families.map(table))).flat().map(([prefix]) => prefix);
    },
    announce: (routes) => configure(routes.flatMap((route) => originate(options.localAs, route))),
    withdraw: (prefixes) =>
      configure(prefixes.flatMap((prefix) => network(options.localAs, prefix, `no network ${prefix}`))),
    log: () => processes.log(),
  };
}
