/** What an interop test asks of a router, whichever it is. One driver per router stands in test/interop/drivers. */
import type { Namespace } from './netns.ts';
import { type Daemon, waitFor } from './process.ts';

export type Family = 'ipv4' | 'ipv6';

/** What a route says, in the fields that the tests compare. */
export interface RouteAttributes {
  readonly nextHop: string;
  /** A set is a nested array. */
  readonly asPath: readonly (number | readonly number[])[];
  readonly origin: 'igp' | 'egp' | 'incomplete';
  /** Null when the route carried none and the router says so; see `Router.absent`. */
  readonly med: number | null;
  /** Null when the route carried none and the router says so; see `Router.absent`. */
  readonly localPref: number | null;
  /** `A:B` each, sorted. */
  readonly communities: readonly string[];
  /** `A:B:C` each, sorted. */
  readonly largeCommunities: readonly string[];
}

export interface ReceivedRoute extends RouteAttributes {
  readonly prefix: string;
  /** In FRR's words; absent where there are none, and from the others. */
  readonly extendedCommunities?: string;
}

/** A route for the router to originate; what is absent is left to the router. */
export interface Announcement {
  readonly prefix: string;
  readonly med?: number;
  readonly localPref?: number;
  readonly communities?: readonly string[];
  readonly largeCommunities?: readonly string[];
  /** Where the router can say that; left to it when absent. */
  readonly asPath?: readonly number[];
  readonly nextHop?: string;
}

export interface RouterOptions {
  readonly namespace: Namespace;
  readonly routerId: string;
  readonly localAs: number;
  readonly peerAs: number;
  readonly localAddress: string;
  readonly peerAddress: string;
  /** The router's own address in each family, the next hop of what it originates. */
  readonly nextHops: Readonly<Record<Family, string>>;
  /** `dial` connects and does not wait for the peer to; `listen` never connects. */
  readonly role: 'dial' | 'listen';
  /** TCP port: the peer's when dialling, the router's own when listening. */
  readonly port: number;
  readonly holdTimeSec: number;
  readonly families: readonly Family[];
  readonly announce: readonly Announcement[];
  /** False: it speaks as before RFC 6793 and must see AS_TRANS. Not every router can. */
  readonly fourOctetAs?: boolean;
  /** TCP-MD5 key (RFC 2385). */
  readonly password?: string;
  /** GTSM (RFC 5082): the peer is so many hops away at most. */
  readonly ttlSecurityHops?: number;
  /** The external peer may be so many hops away. */
  readonly multihop?: number;
  /** Graceful restart (RFC 4724) on its side, with this restart time in seconds; it helps peers that restart in any case. */
  readonly restartTimeSec?: number;
  /** Unnumbered: the external peer is found on this link; the addresses are both ends' link-local ones. */
  readonly interface?: string;
  /** More lines for the neighbour, in the router's own words. */
  readonly lines?: readonly string[];
  /** FRR only: the route-map that what it receives must pass, and the lines that define it. */
  readonly filter?: { readonly name: string; readonly lines: readonly string[] };
}

/** A router with one peer. `start` may be called again after `kill`: the configuration stays, run-time announcements do not. */
export interface Router {
  readonly name: RouterName;
  /** What its table shows for a route that came without the attribute: null when it tells absent from any value. */
  readonly absent: { readonly med: number | null; readonly localPref: number | null };
  /** Whether it negotiates RFC 8950 on IPv6 transport unasked, so that IPv4 routes come to it with an IPv6 next hop. */
  readonly extendedNextHop: boolean;
  /** Returns when the process answers its own tools, not when a session is up. */
  start(): Promise<void>;
  /** Ends it as an operator would: the peer is told. */
  stop(): Promise<void>;
  /** SIGKILL: the peer learns of it from TCP alone. */
  kill(): Promise<void>;
  established(): Promise<boolean>;
  /** The table of routes learned from the peer, sorted by prefix. */
  received(): Promise<ReceivedRoute[]>;
  /** Those of the received prefixes that are left from before the peer's restart. */
  stale(): Promise<string[]>;
  announce(routes: readonly Announcement[]): Promise<void>;
  withdraw(prefixes: readonly string[]): Promise<void>;
  log(): string;
}

export const routerNames = ['frr', 'bird', 'gobgp', 'exabgp', 'openbgpd'] as const;
export type RouterName = (typeof routerNames)[number];

export type RouterFactory = (options: RouterOptions) => Router;

/** For routers that have no switch for it. */
export function refuseTwoOctetAs(options: RouterOptions, name: RouterName): void {
  if (options.fourOctetAs === false) throw new Error(`${name} cannot leave the four-octet AS capability out`);
}

export const familyOf = (prefix: string): Family => (prefix.includes(':') ? 'ipv6' : 'ipv4');

/** Sorted as the tests compare them: routes by prefix, communities by text. */
export function normalised(routes: readonly ReceivedRoute[]): ReceivedRoute[] {
  return routes
    .map((route) => ({
      ...route,
      communities: [...route.communities].sort(),
      largeCommunities: [...route.largeCommunities].sort(),
    }))
    .sort((a, b) => (a.prefix < b.prefix ? -1 : a.prefix > b.prefix ? 1 : 0));
}

/** `AS_PATH` as routers print it: `65001 65002 {65003 65004}`, sets in braces or brackets, commas or spaces. */
export function parseAsPath(text: string): (number | number[])[] {
  const path: (number | number[])[] = [];
  for (const [word, set] of text.matchAll(/[[{(]([^\])}]*)[\])}]|\d+/g))
    path.push(
      set === undefined
        ? Number(word)
        : set
            .split(/[\s,]+/)
            .filter(Boolean)
            .map(Number),
    );
  return path;
}

const wellKnown: Readonly<Record<string, string>> = {
  'graceful-shutdown': '65535:0',
  'llgr-stale': '65535:6',
  'no-llgr': '65535:7',
  blackhole: '65535:666',
  'no-export': '65535:65281',
  'no-advertise': '65535:65282',
  'local-as': '65535:65283',
  'no-export-subconfed': '65535:65283',
  'no-peer': '65535:65284',
};

/** A community as `A:B`, whatever name a router has for it. */
export function parseCommunity(text: string): string {
  const name = text.toLowerCase().replaceAll('_', '-');
  if (!/^\d+:\d+$/.test(name) && !(name in wellKnown)) throw new Error(`an unknown community: ${text}`);
  return wellKnown[name] ?? name;
}

/** The processes of one router, and everything they ever wrote. */
export class Processes {
  #daemons: Daemon[] = [];
  #past = '';

  add(daemon: Daemon): Daemon {
    this.#daemons.push(daemon);
    return daemon;
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    // The last one started leads: its end must reach the peer before the others take the routes or the addresses away.
    for (const daemon of this.#daemons.toReversed()) await daemon.stop(signal);
    this.#past = this.log();
    this.#daemons = [];
  }

  /** Waits for a probe that shows the router to be up; fails at once when a process of it has ended. */
  async answers(name: string, probe: () => Promise<unknown> | boolean): Promise<void> {
    await waitFor(`${name} answers`, async () => Boolean(await probe()), {
      alive: () => this.#daemons.every((daemon) => daemon.running),
      log: () => this.log(),
    });
  }

  log(): string {
    return this.#past + this.#daemons.map((daemon) => daemon.output).join('');
  }
}
