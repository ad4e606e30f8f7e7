/**
 * ExaBGP keeps no table: its API process is told of every UPDATE as a line of JSON, and the table is rebuilt from
 * those lines here. Commands go the other way, through a file that the API process follows.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import {
  type Announcement,
  familyOf,
  normalised,
  Processes,
  type ReceivedRoute,
  type Router,
  type RouterOptions,
} from '../../support/router.ts';

function configuration(o: RouterOptions, api: string): string {
  return `process api { run ${api}; encoder json; }
neighbor ${o.peerAddress} {
  router-id ${o.routerId};
  local-address ${o.localAddress};
  local-as ${o.localAs};
  peer-as ${o.peerAs};
  hold-time ${o.holdTimeSec};
  ${o.role === 'listen' ? `passive true;\n  listen ${o.port};` : `connect ${o.port};`}
  ${o.password === undefined ? '' : `md5-password "${o.password}";`}
  ${o.fourOctetAs === false ? 'capability { asn4 disable; }' : ''}
  ${o.multihop === undefined ? '' : `outgoing-ttl ${o.multihop};`}
  ${o.lines?.join('\n  ') ?? ''}
  family { ${o.families.map((family) => `${family} unicast;`).join(' ')} }
  api { processes [ api ]; neighbor-changes; receive { parsed; update; } }
}
`;
}

function route(o: RouterOptions, r: Announcement): string {
  return [
    `route ${r.prefix} next-hop ${r.nextHop ?? o.nextHops[familyOf(r.prefix)]} origin igp`,
    ...(r.asPath === undefined ? [] : [`as-path [ ${r.asPath.join(' ')} ]`]),
    ...(r.med === undefined ? [] : [`med ${r.med}`]),
    ...(r.localPref === undefined ? [] : [`local-preference ${r.localPref}`]),
    ...(r.communities?.length ? [`community [ ${r.communities.join(' ')} ]`] : []),
    ...(r.largeCommunities?.length ? [`large-community [ ${r.largeCommunities.join(' ')} ]`] : []),
  ].join(' ');
}

type Nlri = { readonly nlri: string };

interface Line {
  readonly type: string;
  readonly neighbor?: {
    readonly state?: string;
    readonly message?: {
      readonly update?: {
        readonly attribute?: {
          readonly origin?: ReceivedRoute['origin'];
          readonly 'as-path'?: readonly number[];
          readonly 'as-set'?: readonly number[];
          readonly med?: number;
          readonly 'local-preference'?: number;
          readonly community?: readonly (readonly number[])[];
          readonly 'large-community'?: readonly (readonly number[])[];
        };
        readonly announce?: Readonly<Record<string, Readonly<Record<string, readonly Nlri[]>>>>;
        readonly withdraw?: Readonly<Record<string, readonly Nlri[]>>;
      };
    };
  };
}

/** A global next hop and the link-local one beside it (RFC 2545 §3) come as two entries for the same routes. */
function withoutLinkLocal<T>(entries: readonly [string, T][]): readonly [string, T][] {
  const global = entries.filter(([nextHop]) => !/^fe[89ab]/.test(nextHop));
  return global.length ? global : entries;
}

/** The session's state and table after the given lines. */
export function replay(lines: string): { readonly up: boolean; readonly routes: ReceivedRoute[] } {
  const table = new Map<string, ReceivedRoute>();
  let up = false;
  const whole = lines.slice(0, lines.lastIndexOf('\n') + 1);
  for (const text of whole.split('\n').filter(Boolean)) {
    const { type, neighbor } = JSON.parse(text) as Line;
    if (type === 'state') {
      up = neighbor?.state === 'up';
      if (!up) table.clear();
    }
    const update = type === 'update' ? neighbor?.message?.update : undefined;
    for (const gone of Object.values(update?.withdraw ?? {}).flat()) table.delete(gone.nlri);
    const a = update?.attribute ?? {};
    for (const byNextHop of Object.values(update?.announce ?? {}))
      for (const [nextHop, reached] of withoutLinkLocal(Object.entries(byNextHop)))
        for (const { nlri: prefix } of reached)
          table.set(prefix, {
            prefix,
            nextHop,
            asPath: [...(a['as-path'] ?? []), ...(a['as-set'] ? [a['as-set']] : [])],
            origin: a.origin!,
            med: a.med ?? null,
            localPref: a['local-preference'] ?? null,
            communities: (a.community ?? []).map((c) => c.join(':')),
            largeCommunities: (a['large-community'] ?? []).map((c) => c.join(':')),
          });
  }
  return { up, routes: normalised([...table.values()]) };
}

export function exabgp(options: RouterOptions): Router {
  const { namespace } = options;
  const folder = namespace.folder('exabgp');
  const processes = new Processes();
  let life = 0;
  const events = () => readFileSync(`${folder}/events-${life}`, 'utf8');
  const command = (line: string) => appendFileSync(`${folder}/commands-${life}`, `${line}\n`);
  const announce = async (routes: readonly Announcement[]) => {
    for (const r of routes) command(`announce ${route(options, r)}`);
  };

  return {
    name: 'exabgp',
    absent: { med: null, localPref: null },
    extendedNextHop: false,
    async start() {
      life++;
      for (const name of ['events', 'commands']) writeFileSync(`${folder}/${name}-${life}`, '');
      const api = `${folder}/api-${life}`;
      // The background `cat` needs standard input under another number: a shell gives such jobs /dev/null.
      writeFileSync(
        api,
        `#!/bin/sh\nexec 3<&0\ncat <&3 >${folder}/events-${life} &\nexec tail -n +1 -s 0.1 -f --pid=$PPID ${folder}/commands-${life}\n`,
        { mode: 0o755 },
      );
      writeFileSync(`${folder}/exabgp.conf`, configuration(options, api));
      await announce(options.announce);
      processes.add(
        namespace.spawn(['/usr/bin/python3', '/usr/sbin/exabgp', `${folder}/exabgp.conf`], {
          'exabgp.daemon.user': 'root',
          'exabgp.daemon.drop': 'false',
          'exabgp.log.destination': 'stderr',
          'exabgp.api.cli': 'false',
          'exabgp.api.ack': 'false',
          'exabgp.bgp.openwait': '60',
        }),
      );
      await processes.answers('exabgp', () => processes.log().includes('loaded new configuration'));
    },
    stop: () => processes.stop('SIGTERM'),
    kill: () => processes.stop('SIGKILL'),
    established: async () => replay(events()).up,
    received: async () => replay(events()).routes,
    stale: async () => [], // it keeps no table
    announce,
    async withdraw(prefixes) {
      for (const prefix of prefixes) command(`withdraw route ${prefix} next-hop ${options.nextHops[familyOf(prefix)]}`);
    },
    log: () => processes.log(),
  };
}
