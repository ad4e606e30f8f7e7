/**
 * The way of a client's packets through this node and back: the kernel is asked as if a packet came in
 * (RTM_GETROUTE with source, interface and mark), once for the request and once for the reply of each place that serves.
 */
import type { Configuration } from '../config/model.ts';
import { UnknownSubject } from '../intent/explain/explain.ts';
import type { ServiceDecision } from '../intent/service.ts';
import { serviceView } from '../intent/view.ts';
import { greaterOfAll, readSysctl } from '../io/sysctl.ts';
import { type Address, compareAddresses, formatAddress, parseAddress } from '../lib/address.ts';
import { contains, prefixOf } from '../lib/prefix.ts';
import { NetlinkError } from '../netlink/errors.ts';
import type { Link } from '../netlink/link.ts';
import type { Route } from '../netlink/route.ts';
import type { Rule } from '../netlink/rule.ts';
import { type Answer, type Leg, legOf } from '../vrf/leg.ts';
import { type Links, meets, type Packet, vrfOf } from '../vrf/match.ts';
import { type Entry, type Sysctls, type Turn, turnOf } from '../vrf/symmetry.ts';
import type { Daemon } from './daemon.ts';
import { Stack } from './stack.ts';

/** `explain CLIENT to SERVICE --json` is one of these. */
export interface Walk {
  readonly client: string;
  readonly service: string;
  readonly address: string;
  /** Every way is symmetric, and there is one. */
  readonly symmetric: boolean;
  readonly ways: readonly Way[];
  /** What else is to be known: why there is no way, or what is left out. */
  readonly notes: readonly string[];
}

export interface Way {
  readonly entry: Entry;
  /** The endpoint, or the Service's own address where none is known. */
  readonly serves: string;
  readonly request: Leg;
  readonly reply: Leg;
  /** What connections that the endpoint itself opens look like outside; null: as they are. */
  readonly sourceAs: string | null;
  readonly symmetric: boolean;
  readonly turn: Turn | null;
}

/** Endpoints that are walked to; the rest is alike. */
const SHOWN = 8;

/** What is asked of the kernel. */
export type WalkStack = Pick<Stack, 'links' | 'rules' | 'route' | 'routes'>;

export interface WalkQuery {
  readonly client: string;
  /** `NAMESPACE/NAME`, a name in namespace default, or an address. */
  readonly service: string;
  readonly mark: number;
}

/** Throws `UnknownSubject` for what does not exist, and what the kernel says. */
export function walk(daemon: Daemon, query: WalkQuery): Walk {
  const stack = new Stack([]);
  try {
    return walkOn(stack, daemon, query);
  } finally {
    stack.close();
  }
}

export function walkOn(
  stack: WalkStack,
  daemon: Pick<Daemon, 'engine' | 'speaker' | 'layer2' | 'egress'>,
  query: WalkQuery,
): Walk {
  const { config, services } = daemon.engine;
  if (config === undefined) throw new UnknownSubject('no configuration is in force yet');
  const client = parseAddress(query.client);
  if (client === undefined) throw new UnknownSubject(`not an address: ${query.client}`);
  const { decision, address } = findService(query.service, client, services.decisions);
  const kernel = new Asker(stack, query.mark);
  const notes: string[] = [];
  const entries = entriesOf(daemon, decision, address, client, kernel, notes);
  const { places, more } = placesOf(config, decision, address);
  if (more > 0) notes.push(`${more} more endpoints are not walked to`);
  const egress = daemon.egress.decision(decision.key);
  const ways: Way[] = [];
  for (const { entry, link } of entries)
    for (const place of places) {
      const own = kernel.ask({ source: client, destination: place, mark: query.mark }, false);
      const request = kernel.ask({ source: client, destination: place, input: link.index, mark: query.mark });
      const vrf = vrfOf(link.index, kernel.links);
      const inside = kernel.linkNamed(own.output);
      const reply = kernel.ask({
        source: place,
        destination: client,
        ...(inside === undefined ? vrf && { output: vrf.index } : { input: inside.index }),
        mark: query.mark,
      });
      const sysctls = sysctlsOf(entry.interface, address.family);
      const table = vrf?.info?.kind === 'vrf' ? vrf.info.table : egress?.table;
      const turn = turnOf({
        ...{ entry, request, own, reply },
        ...(sysctls && { sysctls }),
        ...(table !== undefined && { table }),
        egress: (egress?.rules.length ?? 0) > 0,
      });
      const to = egress?.translations.find(({ from }) => compareAddresses(from, place) === 0)?.to;
      ways.push({
        entry,
        serves: formatAddress(place),
        request,
        reply,
        sourceAs: to === undefined ? null : formatAddress(to),
        symmetric: turn === undefined,
        turn: turn ?? null,
      });
    }
  return {
    client: formatAddress(client),
    service: decision.key,
    address: formatAddress(address),
    symmetric: ways.length > 0 && ways.every((way) => way.symmetric),
    ways,
    notes,
  };
}

function findService(
  text: string,
  client: Address,
  decisions: ReadonlyMap<string, ServiceDecision>,
): { decision: ServiceDecision; address: Address } {
  const wanted = parseAddress(text);
  const decision =
    wanted === undefined
      ? (decisions.get(text) ?? decisions.get(`default/${text}`))
      : [...decisions.values()].find(({ ips }) => ips.some((ip) => compareAddresses(ip, wanted) === 0));
  if (decision === undefined) throw new UnknownSubject(`there is no Service ${text}`);
  const address = wanted ?? decision.ips.find(({ family }) => family === client.family);
  if (address === undefined || address.family !== client.family)
    throw new UnknownSubject(`Service ${decision.key} has no IPv${client.family} address`);
  return { decision, address };
}

/** Asks the kernel, and puts its answers beside the rules. */
class Asker {
  readonly links: Links;
  private readonly rules: readonly Rule[];
  private readonly stack: WalkStack;
  private readonly mark: number;

  constructor(stack: WalkStack, mark: number) {
    this.stack = stack;
    this.mark = mark;
    this.links = new Map(stack.links().map((link) => [link.index, link]));
    this.rules = stack.rules();
  }

  linkNamed(name: string | null): Link | undefined {
    return name === null ? undefined : [...this.links.values()].find((link) => link.name === name);
  }

  /** @param sourced false: as a packet of the node's own, whose source is still to be chosen */
  ask(packet: Packet, sourced = true): Leg {
    return legOf(packet, this.answer(packet, sourced), this.rules, this.links);
  }

  /** The link on which an address is reached, from within a VRF where one is named. */
  linkTo(destination: Address, vrf: string | undefined): Link | undefined {
    const output = vrf === undefined ? undefined : this.linkNamed(vrf)?.index;
    if (vrf !== undefined && output === undefined) return undefined;
    const packet = { source: destination, destination, ...(output !== undefined && { output }), mark: this.mark };
    const answer = this.answer(packet, false);
    return 'route' in answer ? this.links.get(answer.route.hops[0]?.link ?? 0) : undefined;
  }

  private answer({ source, destination, input, output, mark }: Packet, sourced: boolean): Answer {
    const at = { ...(input !== undefined && { input }), ...(output !== undefined && { output }) };
    try {
      const packet = { ...(sourced && { source }), ...at, ...(mark !== 0 && { mark }) };
      return { route: this.stack.route({ destination: prefixOf(destination), packet }) };
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      const route = this.refusing({ source, destination, mark, ...at }, error.code);
      return route === undefined ? { error } : { route };
    }
  }

  /** The kernel tells the error of a route that refuses, and neither the route nor its table. */
  private refusing(packet: Packet, code: string): Route | undefined {
    const type = refusals.get(code);
    const { destination } = packet;
    if (type === undefined) return undefined;
    for (const { table } of meets(packet, this.rules, this.links)) {
      if (table === undefined) return undefined;
      const ways = this.stack.routes({ family: destination.family, table });
      const [route] = ways
        .filter((way) => way.table === table && contains(way.destination, destination))
        .sort((a, b) => b.destination.length - a.destination.length || (a.priority ?? 0) - (b.priority ?? 0));
      if (route?.type === type) return route;
    }
    return undefined;
  }
}

const refusals: ReadonlyMap<string, Route['type']> = new Map([
  ['EHOSTUNREACH', 'unreachable'],
  ['EACCES', 'prohibit'],
  ['EINVAL', 'blackhole'],
]);

/** By which interfaces packets for the address come in: those of the peers that it is advertised to, and of layer 2. */
function entriesOf(
  { speaker, layer2 }: Pick<Daemon, 'speaker' | 'layer2'>,
  decision: ServiceDecision,
  address: Address,
  client: Address,
  kernel: Asker,
  notes: string[],
): { entry: Entry; link: Link }[] {
  const found = new Map<number, { entry: Entry; link: Link }>();
  const add = (link: Link | undefined, by: string) => {
    if (link?.name === undefined || found.has(link.index)) return;
    const vrf = vrfOf(link.index, kernel.links)?.name ?? null;
    found.set(link.index, { entry: { interface: link.name, vrf, by }, link });
  };
  const settings = new Map([...speaker.all.values()].map((peer) => [peer.name, peer.settings]));
  const { peers } = serviceView(decision, [...settings.values()]).bgp;
  for (const name of peers) {
    const { address: at, vrf, interface: link } = settings.get(name)!;
    const reached = link === undefined ? kernel.linkTo(at, vrf) : kernel.linkNamed(link);
    if (reached === undefined) notes.push(`peer ${name} is not reached: no packets come from there`);
    add(reached, `peer ${name}`);
  }
  for (const name of layer2.row(formatAddress(address), address.family, decision).interfaces)
    add(kernel.linkNamed(name), 'layer 2');
  if (found.size === 0) {
    notes.push('the Service is not announced from here: the way that the client itself would be reached by is taken');
    add(kernel.linkTo(client, undefined), 'nothing');
  }
  return [...found.values()];
}

/** Where the Service is served: its endpoints, those of this node first, or its address itself. */
function placesOf(
  config: Configuration,
  { key }: ServiceDecision,
  address: Address,
): { places: readonly Address[]; more: number } {
  const local = config.services.get(key)?.externalTrafficPolicy === 'Local';
  const found = new Map<string, Address>();
  const endpoints = (config.endpointSlices.get(key) ?? []).flatMap((slice) => slice.endpoints);
  const here = (name: string | undefined) => name === config.speaker.name;
  const ordered = [
    ...endpoints.filter(({ nodeName }) => here(nodeName)),
    ...endpoints.filter(({ nodeName }) => !local && !here(nodeName)),
  ];
  for (const { addresses } of ordered)
    for (const text of addresses) {
      const endpoint = parseAddress(text);
      if (endpoint?.family === address.family) found.set(formatAddress(endpoint), endpoint);
    }
  const all = found.size === 0 ? [address] : [...found.values()];
  return { places: all.slice(0, SHOWN), more: Math.max(0, all.length - SHOWN) };
}

function sysctlsOf(link: string, family: 4 | 6): Sysctls | undefined {
  const forwarding = readSysctl('net', `ipv${family}`, 'conf', link, 'forwarding');
  if (forwarding === undefined) return undefined;
  return { rpFilter: family === 6 ? 0 : greaterOfAll('rp_filter', link), forwarding: forwarding === '1' };
}
