/** BIRD 2: `bird -f` with a control socket; its table is read from `birdc show route all`. */
import { writeFileSync } from 'node:fs';
import {
  type Announcement,
  type Family,
  familyOf,
  normalised,
  Processes,
  parseAsPath,
  type ReceivedRoute,
  type Router,
  type RouterOptions,
  refuseTwoOctetAs,
} from '../../support/router.ts';

/** What the router originates, and the filters that give each route its attributes on export: BIRD drops an older MED. */
function originated(announced: Iterable<Announcement>): string {
  const routes = [...announced];
  return (['ipv4', 'ipv6'] as const)
    .map((family) => {
      const own = routes.filter((route) => familyOf(route.prefix) === family);
      return `protocol static originated_${family} {
  ${family};
${own.map((route) => `  route ${route.prefix} blackhole;`).join('\n')}
}
filter export_${family} {
${own.map((route) => `  if net = ${route.prefix} then { ${attributes(route)} accept; }`).join('\n')}
  reject;
}
`;
    })
    .join('');
}

function attributes(route: Announcement): string {
  return [
    'bgp_origin = ORIGIN_IGP;',
    ...(route.med === undefined ? [] : [`bgp_med = ${route.med};`]),
    ...(route.localPref === undefined ? [] : [`bgp_local_pref = ${route.localPref};`]),
    ...(route.communities ?? []).map((c) => `bgp_community.add((${c.replaceAll(':', ',')}));`),
    ...(route.largeCommunities ?? []).map((c) => `bgp_large_community.add((${c.replaceAll(':', ',')}));`),
  ].join(' ');
}

function configuration(o: RouterOptions, folder: string): string {
  const channel = (family: Family) =>
    `  ${family} { import all; export filter export_${family}; next hop address ${o.nextHops[family]}; };`;
  return `log stderr all;
router id ${o.routerId};
protocol device {}
protocol direct { ipv4; ipv6; }
include "${folder}/originated.conf";
protocol bgp peer {
  local ${o.localAddress}${o.role === 'listen' ? ` port ${o.port}` : ''} as ${o.localAs};
  neighbor ${o.peerAddress}${o.role === 'dial' ? ` port ${o.port}` : ''} as ${o.peerAs};
  hold time ${o.holdTimeSec};
  connect delay time 0;
  connect retry time 1;
  error wait time 1, 2;
  ${o.role === 'listen' ? 'passive on;' : ''}
  ${o.password === undefined ? '' : `password "${o.password}";`}
  ${o.multihop === undefined ? '' : `multihop ${o.multihop};`}
  ${o.ttlSecurityHops === undefined ? '' : 'ttl security on;'}
  ${o.restartTimeSec === undefined ? '' : `graceful restart on; graceful restart time ${o.restartTimeSec};`}
  ${o.lines?.join('\n  ') ?? ''}
${o.families.map(channel).join('\n')}
}
`;
}

const word = (block: string, name: string) => new RegExp(`^\\tBGP\\.${name}: (.*)$`, 'm').exec(block)?.[1];
const number = (block: string, name: string) => {
  const text = word(block, name);
  return text === undefined ? null : Number(text);
};
/** `(65001,1) (65001,2)` as `65001:1`, `65001:2`. */
const tuples = (text = '') => [...text.matchAll(/\(([^)]*)\)/g)].map((m) => m[1]!.replaceAll(/,\s*/g, ':'));

/** `birdc show route all`: a line per route that starts with its prefix, attributes below it, indented by a tab. */
export function parseRoutes(text: string): ReceivedRoute[] {
  const blocks = text.split(/^(?=[0-9a-f:.]+\/\d+\s)/m).slice(1);
  return normalised(
    blocks.map((block) => ({
      prefix: /^\S+/.exec(block)![0],
      nextHop: (word(block, 'next_hop') ?? '').split(' ')[0]!,
      asPath: parseAsPath(word(block, 'as_path') ?? ''),
      origin: (word(block, 'origin') ?? '').toLowerCase() as ReceivedRoute['origin'],
      med: number(block, 'med'),
      localPref: number(block, 'local_pref'),
      communities: tuples(word(block, 'community')),
      largeCommunities: tuples(word(block, 'large_community')),
    })),
  );
}

export function bird(options: RouterOptions): Router {
  refuseTwoOctetAs(options, 'bird'); // it can, but then takes no peer with a four-octet AS
  const { namespace } = options;
  const folder = namespace.folder('bird');
  const processes = new Processes();
  const announced = new Map<string, Announcement>();
  /** After its first start it is told that it restarts. */
  let started = false;
  const control = (...words: string[]) => namespace.run(['birdc', '-s', `${folder}/ctl`, ...words]);
  const write = () => writeFileSync(`${folder}/originated.conf`, originated(announced.values()));
  const reconfigure = async () => {
    write();
    const answer = await control('configure');
    if (!/Reconfigur/.test(answer)) throw new Error(`bird: ${answer}`);
  };

  return {
    name: 'bird',
    absent: { med: null, localPref: 100 },
    extendedNextHop: false,
    async start() {
      announced.clear();
      for (const route of options.announce) announced.set(route.prefix, route);
      write();
      writeFileSync(`${folder}/bird.conf`, configuration(options, folder));
      const recover = options.restartTimeSec === undefined || !started ? [] : ['-R'];
      started = true;
      processes.add(namespace.spawn(['bird', '-f', ...recover, '-c', `${folder}/bird.conf`, '-s', `${folder}/ctl`]));
      await processes.answers('bird', async () => (await control('show', 'status')).includes('Daemon is up'));
    },
    stop: () => processes.stop('SIGTERM'),
    kill: () => processes.stop('SIGKILL'),
    established: async () => /^peer\s+BGP\s.*\sEstablished/m.test(await control('show', 'protocols', 'peer')),
    received: async () => parseRoutes(await control('show', 'route', 'all', 'protocol', 'peer')),
    async stale() {
      // It marks no single route: what it says holds until the End-of-RIB of the last family.
      const restarting = (await control('show', 'protocols', 'all', 'peer')).includes(
        'Neighbor graceful restart active',
      );
      return restarting
        ? parseRoutes(await control('show', 'route', 'all', 'protocol', 'peer')).map((r) => r.prefix)
        : [];
    },
    async announce(routes) {
      for (const route of routes) announced.set(route.prefix, route);
      await reconfigure();
    },
    async withdraw(prefixes) {
      for (const prefix of prefixes) announced.delete(prefix);
      await reconfigure();
    },
    log: () => processes.log(),
  };
}
