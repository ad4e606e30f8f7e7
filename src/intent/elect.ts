/**
 * Which node answers for a Service's addresses: MetalLB's election, in which every node works out the same winner from
 * the same documents and nobody has to ask.
 *
 * The candidates are the nodes that are alive, usable and selected by an advertisement that matches the Service; the
 * highest sum of preference weights wins, then an endpoint of its own where that is preferred, and among equals the
 * lowest SHA-256 of `NODE#ADDRESS`. All addresses of a Service move together, since only the first one is hashed.
 *
 * Where addresses are to be spread evenly (spread.ts) the hash does not decide: it gives an order, from which others choose.
 */
import { type Address, formatAddress } from '../lib/address.ts';
import { compareBytes } from '../lib/bytes.ts';
import { type MemberFlags, memberState } from './members.ts';

/** An L2Advertisement of the Service's pool that matches the Service: who may announce by it, and where. */
export interface Candidacy {
  readonly name: string;
  /** Names of the nodes that its nodeSelectors select. */
  readonly nodes: ReadonlySet<string>;
  /** It has serviceSelectors. */
  readonly byService: boolean;
  /** Weight by node, from preferredNodeSelectors: the sum over those that select the node. It counts for `nodes` alone. */
  readonly preference: ReadonlyMap<string, number>;
  /** Names and patterns; empty means every interface. */
  readonly interfaces: readonly string[];
  /** Among nodes of equal weight, those with an endpoint come first. */
  readonly preferLocal?: boolean;
}

export interface ElectionNode extends MemberFlags {
  readonly name: string;
  /** Holds a usable endpoint of the Service. */
  readonly endpoint: boolean;
}

export interface Election {
  readonly self: string;
  /** The Service's, in the order of its status; at least one. */
  readonly ips: readonly Address[];
  /** It asks to share its addresses (the annotation is there). */
  readonly shared: boolean;
  readonly policy: 'Cluster' | 'Local';
  /** A usable endpoint exists, on whatever node. */
  readonly endpoints: boolean;
  readonly advertisements: readonly Candidacy[];
  readonly nodes: readonly ElectionNode[];
  /** Whom they were given to, where addresses are spread evenly. */
  readonly given?: string;
  /** Who is known to have held the addresses last; given only where addresses are not to move back on their own. */
  readonly holder?: string;
  /** This node started so recently that it is not to take the addresses over. */
  readonly heldDown?: boolean;
  readonly sha256: (bytes: Uint8Array) => Uint8Array;
}

export type ElectionReason = 'notOwner' | 'sharedIPWithServiceSelector' | 'noMatchingAdvertisement' | 'heldDown';

export interface Ranked {
  readonly name: string;
  readonly weight: number;
  /** Holds an endpoint, where that counts. */
  readonly local: boolean;
  readonly hash: Uint8Array;
}

/** Why a node is no candidate. */
export type Ineligible =
  | 'notAlive'
  | 'nodeNetworkUnavailable'
  | 'nodeLabeledExcludeBalancers'
  | 'nodeDrained'
  | 'notSelected'
  | 'noLocalEndpoints';

export interface Elected {
  /** Absent when this node is to announce. */
  readonly reason?: ElectionReason;
  /** The node that is to announce, in the eyes of this one; undefined when there is no candidate. */
  readonly owner?: string;
  /** The candidates, best first. */
  readonly ranking: readonly Ranked[];
  readonly ineligible: ReadonlyMap<string, Ineligible>;
  /** Where this node announces, or would if it were the owner. */
  readonly interfaces: 'all' | readonly string[];
}

/** The tests come in MetalLB's order, so that the first reason found is the one MetalLB would give. */
export function elect(e: Election): Elected {
  const mine = e.advertisements.filter((a) => a.nodes.has(e.self));
  const interfaces = interfacesOf(mine);
  const refused = (reason: ElectionReason): Elected => ({ reason, ranking: [], ineligible: new Map(), interfaces });
  if (!e.endpoints) return refused('notOwner');
  if (e.shared && e.advertisements.some((a) => a.byService)) return refused('sharedIPWithServiceSelector');
  if (mine.length === 0) return refused('noMatchingAdvertisement');

  const { ranking, ineligible } = rank(e);
  const isCandidate = (wanted: string | undefined) => ranking.some(({ name }) => name === wanted);
  const owner = [e.holder, e.given].find(isCandidate) ?? ranking[0]?.name;
  if (owner === undefined) return { reason: 'notOwner', ranking, ineligible, interfaces };
  const outcome = { owner, ranking, ineligible, interfaces };
  if (owner !== e.self) return { reason: 'notOwner', ...outcome };
  return e.heldDown ? { reason: 'heldDown', ...outcome } : outcome;
}

/** What an election would be about, whoever stands for it: the same on every node that has the same documents. */
export interface Contest {
  /** The candidates, those first that are preferred; among equals the best by hash first. */
  readonly classes: readonly (readonly string[])[];
  /** Which addresses are given nodes first: lower before higher, 0..2^48 - 1. */
  readonly rank: number;
  /** The node that keeps them while it is drained, since no other could serve them as well. */
  readonly sole: string | undefined;
}

/** @returns undefined where no node is to announce */
export function contestOf(e: Election): Omit<Contest, 'sole'> | undefined {
  if (!e.endpoints || (e.shared && e.advertisements.some((a) => a.byService))) return undefined;
  const stands = { alive: true, networkUnavailable: false, excluded: false, drained: false };
  const { ranking } = rank({ ...e, nodes: e.nodes.map((node) => ({ ...node, ...stands })) });
  if (ranking.length === 0) return undefined;
  const classes: string[][] = [];
  for (const [i, { name, weight, local }] of ranking.entries()) {
    const before = ranking[i - 1];
    if (before?.weight === weight && before.local === local) classes.at(-1)!.push(name);
    else classes.push([name]);
  }
  const hash = e.sha256(new TextEncoder().encode(formatAddress(e.ips[0]!)));
  return { classes, rank: hash.subarray(0, 6).reduce((value, octet) => value * 256 + octet, 0) };
}

/**
 * All advertisements that match the Service count, those that do not select this node too: else the nodes would not
 * agree on the candidates. A weight given to a node that is no candidate is lost.
 */
function rank(e: Election): Pick<Elected, 'ranking' | 'ineligible'> {
  const ranking: Ranked[] = [];
  const ineligible = new Map<string, Ineligible>();
  const first = `#${formatAddress(e.ips[0]!)}`;
  for (const node of e.nodes) {
    const { name } = node;
    const why = ineligibility(e, node);
    if (why !== undefined) ineligible.set(name, why);
    else
      ranking.push({
        name,
        local: node.endpoint && e.advertisements.some((a) => a.preferLocal),
        weight: e.advertisements.reduce((sum, a) => sum + weightOf(a, name), 0),
        hash: e.sha256(new TextEncoder().encode(name + first)),
      });
  }
  ranking.sort((a, b) => b.weight - a.weight || Number(b.local) - Number(a.local) || compareBytes(a.hash, b.hash));
  return { ranking, ineligible };
}

/** An advertisement prefers among the nodes that it selects. */
const weightOf = ({ nodes, preference }: Candidacy, name: string): number =>
  nodes.has(name) ? (preference.get(name) ?? 0) : 0;

function ineligibility(e: Election, node: ElectionNode): Ineligible | undefined {
  const state = memberState(node);
  if (state !== 'alive') return state;
  if (!e.advertisements.some((a) => a.nodes.has(node.name))) return 'notSelected';
  return e.policy === 'Local' && !node.endpoint ? 'noLocalEndpoints' : undefined;
}

/** The union of what the advertisements name; one that names none means all. */
function interfacesOf(advertisements: readonly Candidacy[]): 'all' | readonly string[] {
  if (advertisements.some((a) => a.interfaces.length === 0)) return 'all';
  return [...new Set(advertisements.flatMap((a) => a.interfaces))].sort();
}
