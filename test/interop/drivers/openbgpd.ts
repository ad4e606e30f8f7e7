/** OpenBGPD (portable): `bgpd -d` with a control socket of its own; asked and told through `bgpctl`. */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { run } from '../../support/process.ts';
import {
  type Announcement,
  normalised,
  Processes,
  parseAsPath,
  parseCommunity,
  type ReceivedRoute,
  type Router,
  type RouterOptions,
} from '../../support/router.ts';

/** The words that follow a prefix, alike in `network` of the file (in braces) and in `bgpctl network add`. */
function attributes(route: Announcement): string[] {
  return [
    ...(route.med === undefined ? [] : ['metric', `${route.med}`]),
    ...(route.localPref === undefined ? [] : ['localpref', `${route.localPref}`]),
    ...(route.communities ?? []).flatMap((c) => ['community', c]),
    ...(route.largeCommunities ?? []).flatMap((c) => ['large-community', c]),
  ];
}

/** The same in the file, where no attribute may not be an empty list. */
function settings(route: Announcement): string {
  const words = attributes(route);
  return words.length === 0 ? '' : `set { ${words.join(' ')} }`;
}

function configuration(o: RouterOptions, folder: string): string {
  const otherFamily = o.localAddress.includes(':') ? 'ipv4' : 'ipv6';
  const other = `prefix ${otherFamily === 'ipv4' ? '0.0.0.0/0' : '::/0'} prefixlen >= 0`;
  const afis = { ipv4: 'IPv4', ipv6: 'IPv6' } as const;
  return `AS ${o.localAs}
router-id ${o.routerId}
fib-update no
socket "${folder}/ctl.sock"
listen on ${o.role === 'listen' ? `${o.localAddress} port ${o.port}` : '127.0.0.1'}
connect-retry 1
nexthop qualify via default
${o.announce.map((route) => `network ${route.prefix} ${settings(route)}`).join('\n')}
neighbor ${o.peerAddress} {
  remote-as ${o.peerAs}
  # Before 8.5 a listener gets the MD5 key only of neighbours without a local address.
  ${o.role === 'dial' ? `local-address ${o.localAddress}` : ''}
  holdtime ${o.holdTimeSec}
  enforce neighbor-as no
  ${o.localAs === o.peerAs || o.ttlSecurityHops !== undefined ? '' : `multihop ${o.multihop ?? 2}`}
  ${o.ttlSecurityHops === undefined ? '' : 'ttl-security yes'}
  ${o.restartTimeSec === undefined ? '' : 'announce restart yes'}
  ${o.lines?.join('\n  ') ?? ''}
  ${(['ipv4', 'ipv6'] as const)
    .map((f) => `announce ${afis[f]} ${o.families.includes(f) ? 'unicast' : 'none'}`)
    .join('\n  ')}
  ${o.fourOctetAs === false ? 'announce as-4byte no' : ''}
  ${o.role === 'listen' ? 'passive' : `port ${o.port}`}
  ${o.password === undefined ? '' : `tcp md5sig password ${o.password}`}
}
allow from any
allow to any
# Left to itself it gives the loopback's address as next hop in the family that is not the transport's. To an external
# peer another one goes out only with multihop and no-modify.
match to any ${other} set nexthop ${o.nextHops[otherFamily]}
match to any ${other} set nexthop no-modify
`;
}

interface Route {
  readonly prefix: string;
  readonly aspath: string;
  readonly exit_nexthop: string;
  readonly origin: string;
  readonly metric: number;
  readonly localpref: number;
  readonly communities?: readonly string[];
  readonly large_communities?: readonly string[];
}

const origins: Readonly<Record<string, ReceivedRoute['origin']>> = { IGP: 'igp', EGP: 'egp', incomplete: 'incomplete' };

/** `bgpctl -j show rib detail`. */
export function parseRib(json: string): ReceivedRoute[] {
  const { rib = [] } = JSON.parse(json) as { rib?: readonly Route[] };
  return rib.map((route) => ({
    prefix: route.prefix,
    nextHop: route.exit_nexthop,
    asPath: parseAsPath(route.aspath),
    origin: origins[route.origin]!,
    med: route.metric,
    localPref: route.localpref,
    communities: (route.communities ?? []).map(parseCommunity),
    largeCommunities: route.large_communities ?? [],
  }));
}

export function openbgpd(options: RouterOptions): Router {
  const { namespace } = options;
  const folder = namespace.folder('openbgpd');
  const processes = new Processes();
  const ask = (...words: string[]) => run(['bgpctl', '-s', `${folder}/ctl.sock`, ...words]);

  return {
    name: 'openbgpd',
    absent: { med: 0, localPref: 100 },
    extendedNextHop: false,
    async start() {
      mkdirSync('/run/openbgpd', { recursive: true }); // its unprivileged processes are confined to this empty folder
      rmSync(`${folder}/ctl.sock`, { force: true });
      writeFileSync(`${folder}/bgpd.conf`, configuration(options, folder));
      chmodSync(`${folder}/bgpd.conf`, 0o600);
      processes.add(namespace.spawn(['/usr/sbin/bgpd', '-d', '-f', `${folder}/bgpd.conf`]));
      await processes.answers('bgpd', async () => (await ask('show', 'neighbor')).includes(options.peerAddress));
    },
    stop: () => processes.stop('SIGTERM'),
    kill: () => processes.stop('SIGKILL'),
    async established() {
      const { neighbors = [] } = JSON.parse(await ask('-j', 'show', 'neighbor', options.peerAddress)) as {
        neighbors?: readonly { readonly state: string }[];
      };
      return neighbors[0]?.state === 'Established';
    },
    received: async () =>
      normalised(parseRib(await ask('-j', 'show', 'rib', 'detail', 'neighbor', options.peerAddress))),
    async stale() {
      const { rib = [] } = JSON.parse(await ask('-j', 'show', 'rib', 'in', 'neighbor', options.peerAddress)) as {
        rib?: readonly (Route & { readonly stale?: boolean })[];
      };
      return rib.filter((route) => route.stale).map((route) => route.prefix);
    },
    async announce(routes) {
      for (const route of routes) await ask('network', 'add', route.prefix, ...attributes(route));
    },
    async withdraw(prefixes) {
      for (const prefix of prefixes) await ask('network', 'delete', prefix);
    },
    log: () => processes.log(),
  };
}
