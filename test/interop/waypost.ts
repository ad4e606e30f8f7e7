/**
 * waypost as the interop tests drive it, through nothing but its command line: `waypost peer` with its JSON lines, and
 * `waypost run` on documents with `waypost show`. Both behind one interface, so that every router meets both.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { control } from '../support/control.ts';
import type { Namespace } from '../support/netns.ts';
import { type Daemon, waitFor } from '../support/process.ts';
import { type Announcement, familyOf, normalised, type ReceivedRoute } from '../support/router.ts';

const program = ['node', fileURLToPath(new URL('../../bin/waypost', import.meta.url))];

export interface WaypostOptions {
  readonly namespace: Namespace;
  readonly localAs: number;
  readonly peerAs: number;
  readonly routerId: string;
  readonly localAddress: string;
  readonly peerAddress: string;
  readonly role: 'dial' | 'listen';
  readonly port: number;
  readonly holdTimeSec: number;
  /** More words for the command line of `waypost peer`. */
  readonly flags?: readonly string[];
  /** Attributes of everything it originates. */
  readonly attributes: Required<Omit<Announcement, 'prefix' | 'med' | 'asPath' | 'nextHop'>> & {
    readonly med?: number;
  };
}

export interface Waypost {
  start(prefixes: readonly string[]): Promise<void>;
  /** As an operator ends it: routes are withdrawn and the peer is told. Gives the exit status. */
  stop(): Promise<number | null>;
  kill(): Promise<void>;
  established(): Promise<boolean>;
  received(): Promise<ReceivedRoute[]>;
  /** How many routes `received` would give, cheaply: asked again and again while a test waits. */
  count(): Promise<number>;
  /** What it says it has sent; undefined where the command does not tell. */
  advertised(): Promise<ReceivedRoute[] | undefined>;
  announce(prefixes: readonly string[]): Promise<void>;
  withdraw(prefixes: readonly string[]): Promise<void>;
  log(): string;
}

interface PeerEvent {
  readonly event: string;
  readonly to?: string;
  readonly prefix?: string;
}

/** An external router may send us our own routes back (FRR does); they are seen, and never used. */
const foreign = (o: WaypostOptions, routes: readonly ReceivedRoute[]) =>
  normalised(routes.filter((route) => !route.asPath.includes(o.localAs)));

/** Routes as waypost prints them, cut down to the fields that the tests compare. */
function cut(route: ReceivedRoute): ReceivedRoute {
  const { prefix, nextHop, asPath, origin, med, localPref, communities, largeCommunities } = route;
  return { prefix, nextHop, asPath, origin, med, localPref, communities, largeCommunities };
}

/** The session's state and table as the lines of `waypost peer --json` tell them. */
export function replay(lines: string): { readonly state: string; readonly routes: ReceivedRoute[] } {
  const table = new Map<string, ReceivedRoute>();
  let state = 'Idle';
  const whole = lines.slice(0, lines.lastIndexOf('\n') + 1);
  for (const line of whole.split('\n').filter(Boolean)) {
    const event = JSON.parse(line) as PeerEvent;
    if (event.event === 'announce') table.set(event.prefix!, cut(event as unknown as ReceivedRoute));
    if (event.event === 'withdraw') table.delete(event.prefix!);
    if (event.event !== 'state') continue;
    state = event.to!;
    if (state !== 'Established') table.clear();
  }
  return { state, routes: [...table.values()] };
}

/** `waypost peer`, with `--passive --listen` in the listening role; prefixes come and go by lines on standard input. */
export function waypostPeer(o: WaypostOptions): Waypost {
  let daemon: Daemon | undefined;
  let past = '';
  const { attributes } = o;
  const endpoint = o.localAddress.includes(':') ? `[${o.localAddress}]:${o.port}` : `${o.localAddress}:${o.port}`;
  const flags = [
    ...['--local-as', `${o.localAs}`, '--peer-as', `${o.peerAs}`, '--router-id', o.routerId],
    ...['--source', o.localAddress, '--hold-time', `${o.holdTimeSec}`, '--family', 'ipv4,ipv6'],
    ...(o.role === 'listen' ? ['--passive', '--listen', endpoint] : ['--port', `${o.port}`]),
    ...(attributes.med === undefined ? [] : ['--med', `${attributes.med}`]),
    ...['--local-pref', `${attributes.localPref}`],
    ...attributes.communities.flatMap((community) => ['--community', community]),
    ...attributes.largeCommunities.flatMap((community) => ['--large-community', community]),
    ...(o.flags ?? []),
  ];
  const lines = (sign: '+' | '-', prefixes: readonly string[]) => {
    daemon?.write(prefixes.map((prefix) => `${sign} ${prefix}\n`).join(''));
  };
  const end = async (signal: NodeJS.Signals) => {
    const code = (await daemon?.stop(signal)) ?? null;
    past += daemon?.output ?? '';
    daemon = undefined;
    return code;
  };
  return {
    async start(prefixes) {
      const announce = [...prefixes, '-'].flatMap((prefix) => ['--announce', prefix]);
      daemon = o.namespace.spawn([...program, 'peer', o.peerAddress, ...flags, ...announce, '--json']);
    },
    stop: () => end('SIGINT'),
    kill: async () => {
      await end('SIGKILL');
    },
    established: async () => replay(daemon?.stdout ?? '').state === 'Established',
    received: async () => foreign(o, replay(daemon?.stdout ?? '').routes),
    count: async () => foreign(o, replay(daemon?.stdout ?? '').routes).length,
    advertised: async () => undefined,
    announce: async (prefixes) => lines('+', prefixes),
    withdraw: async (prefixes) => lines('-', prefixes),
    log: () => past + (daemon?.output ?? ''),
  };
}

/** A document as JSON, which is YAML. */
type Document = Readonly<Record<string, unknown>>;

const metallb = { apiVersion: 'metallb.io/v1beta1' };
const named = (name: string) => ({ metadata: { name, namespace: 'metallb-system' } });
const nameOf = (prefix: string) => `p-${prefix.replaceAll(/[^0-9a-f]+/g, '-')}`;

/** The peer and this node. */
function base(o: WaypostOptions, stateDir: string): Document[] {
  const dial = o.role === 'dial';
  return [
    {
      apiVersion: 'waypost.dev/v1',
      kind: 'Speaker',
      metadata: { name: 'node-a' },
      spec: {
        routerID: o.routerId,
        listen: { addresses: dial ? [] : [o.localAddress], port: o.port },
        stateDir,
        // These tests look at how sessions end, not at how a node is drained.
        drain: { wait: '0s' },
      },
    },
    {
      apiVersion: 'metallb.io/v1beta2',
      kind: 'BGPPeer',
      ...named('router'),
      spec: {
        myASN: o.localAs,
        peerASN: o.peerAs,
        peerAddress: o.peerAddress,
        sourceAddress: o.localAddress,
        // The listening role dials as well, as a daemon does, but the router does not listen.
        peerPort: o.port,
        holdTime: `${o.holdTimeSec}s`,
        connectTime: '1s',
        dualStackAddressFamily: true,
      },
    },
  ];
}

/** What announces one prefix: a pool of it, its advertisement in one piece, and a Service with its first address. */
function announcement(o: WaypostOptions, prefix: string): Document[] {
  const [address, bits] = prefix.split('/') as [string, string];
  const family = familyOf(prefix);
  const name = nameOf(prefix);
  return [
    { ...metallb, kind: 'IPAddressPool', ...named(name), spec: { addresses: [prefix] } },
    {
      ...metallb,
      kind: 'BGPAdvertisement',
      ...named(name),
      spec: {
        ipAddressPools: [name],
        [family === 'ipv4' ? 'aggregationLength' : 'aggregationLengthV6']: Number(bits),
        localPref: o.attributes.localPref,
        communities: [...o.attributes.communities, ...o.attributes.largeCommunities.map((c) => `large:${c}`)],
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'default' },
      spec: { type: 'LoadBalancer', ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
      status: { loadBalancer: { ingress: [{ ip: address }] } },
    },
  ];
}

const asYaml = (documents: readonly Document[]) => documents.map((d) => JSON.stringify(d, null, 2)).join('\n---\n');

interface PeerRow {
  readonly name: string;
  readonly state: string;
}

/** `waypost run` on a folder of documents: a prefix is announced and withdrawn by a file that comes and goes. */
export function waypostRun(o: WaypostOptions): Waypost {
  const folder = o.namespace.folder('run');
  const socket = `${folder}/control.sock`;
  let daemon: Daemon | undefined;
  let past = '';
  const file = (prefix: string) => `${folder}/etc/${nameOf(prefix)}.yaml`;
  const show = async <T>(what: string): Promise<T> =>
    JSON.parse(await o.namespace.run([...program, 'show', what, '--json', '--control', socket])) as T;
  /** The same from the socket itself: `show` costs a whole process. */
  const peek = async <T>(what: string): Promise<T> => JSON.parse(await control(socket, `/show/${what}`)) as T;
  const write = (prefix: string) => writeFileSync(file(prefix), asYaml(announcement(o, prefix)));
  const end = async (signal: NodeJS.Signals) => {
    const code = (await daemon?.stop(signal)) ?? null;
    past += daemon?.output ?? '';
    daemon = undefined;
    return code;
  };
  return {
    async start(prefixes) {
      rmSync(`${folder}/etc`, { recursive: true, force: true });
      mkdirSync(`${folder}/etc`);
      writeFileSync(`${folder}/etc/base.yaml`, asYaml(base(o, `${folder}/state`)));
      for (const prefix of prefixes) write(prefix);
      const started = o.namespace.spawn(
        // biome-ignore format: one command line
        [...program, 'run', '-c', `${folder}/etc`, '--node', 'node-a', '--control', socket, '--http', 'off', '--log-level', 'debug'],
      );
      daemon = started;
      await waitFor('waypost run answers', () => peek<PeerRow[]>('peers'), {
        alive: () => started.running,
        log: () => started.output,
      });
    },
    stop: () => end('SIGTERM'),
    kill: async () => {
      await end('SIGKILL');
    },
    established: async () => (await peek<PeerRow[]>('peers'))[0]?.state === 'Established',
    received: async () => foreign(o, (await show<ReceivedRoute[]>('received')).map(cut)),
    count: async () => foreign(o, await peek<ReceivedRoute[]>('received')).length,
    advertised: async () => normalised((await show<ReceivedRoute[]>('advertised')).map(cut)),
    async announce(prefixes) {
      for (const prefix of prefixes) write(prefix);
    },
    async withdraw(prefixes) {
      for (const prefix of prefixes) rmSync(file(prefix));
    },
    log: () => past + (daemon?.output ?? ''),
  };
}
