/** A configuration as this node sees it, worked out once per reload so that deciding a Service is cheap. */
import { ServiceCommunities } from '../config/allow.ts';
import { drainLabel } from '../config/annotation.ts';
import type { BgpAdvertisement, Configuration, Labels } from '../config/model.ts';
import { anySelects, selects } from '../config/selector.ts';
import type { Terminating } from '../config/speaker.ts';
import type { Drain } from './drain.ts';
import type { KnownNode, Layer2Scope } from './layer2.ts';
import { membersOf } from './members.ts';
import { isExcluded, type ThisNode, thisNode } from './node.ts';
import { PoolIndex } from './pools.ts';
import { onUnderlay, underlayOf } from './underlay.ts';

export interface Scope {
  readonly node: ThisNode;
  readonly loadBalancerClass: string;
  readonly pools: PoolIndex;
  /** By pool name; pools that no advertisement selects are absent. */
  readonly advertisements: ReadonlyMap<string, PoolAdvertisements>;
  /** L2Advertisements by pool name, in document order. */
  readonly layer2: ReadonlyMap<string, readonly Layer2Scope[]>;
  /** Everyone who may announce on layer 2, and all that have a Node document: this node first. */
  readonly nodes: readonly KnownNode[];
  /** Of all of them, by name. */
  readonly labels: ReadonlyMap<string, Labels>;
  /** No other node than those has a speaker. */
  readonly closed: boolean;
  /** Drained nodes keep what nobody else could serve. */
  readonly keepSoleLocal: boolean;
  /** What becomes of Services whose endpoints here terminate. */
  readonly terminating: Terminating;
  readonly sha256: Sha256;
  /** What Services may add to their routes. */
  readonly communities: ServiceCommunities;
  /** Present while the node's routes are taken back. */
  readonly drain?: Drain;
}

export type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** Advertisements of one pool, in document order. */
export interface PoolAdvertisements {
  readonly all: readonly BgpAdvertisement[];
  /** Those whose nodeSelectors select this node. */
  readonly here: readonly BgpAdvertisement[];
}

/** What of it no document tells. */
export interface Circumstances {
  readonly drain?: Drain | undefined;
  /** Members that should be heard of and are not. */
  readonly silent?: ReadonlySet<string> | undefined;
}

export function scopeOf(config: Configuration, sha256: Sha256, { drain, silent }: Circumstances = {}): Scope {
  const node = thisNode(config);
  const advertisements = new Map<string, { all: BgpAdvertisement[]; here: BgpAdvertisement[] }>();
  for (const a of config.advertisements) {
    const selected = anySelects(a.nodeSelectors, node.labels);
    for (const pool of a.pools) {
      const entry = advertisements.get(pool) ?? { all: [], here: [] };
      advertisements.set(pool, entry);
      entry.all.push(a);
      if (selected) entry.here.push(a);
    }
  }
  return {
    node,
    loadBalancerClass: config.speaker.loadBalancerClass,
    pools: new PoolIndex(config.pools),
    advertisements,
    ...layer2Of(config, node, { drain, silent }),
    terminating: config.speaker.drain.terminating,
    sha256,
    communities: new ServiceCommunities(config.speaker.serviceCommunities, config.aliases),
    ...(drain && { drain }),
  };
}

/** Every node works this out from the same documents, and hears of the same nodes: what it comes to must be the same. */
function layer2Of(
  config: Configuration,
  own: ThisNode,
  { drain, silent }: Circumstances,
): Pick<Scope, 'layer2' | 'nodes' | 'labels' | 'closed' | 'keepSoleLocal'> {
  const layer2 = new Map<string, Layer2Scope[]>();
  const keepSoleLocal = drain?.keepSoleLocal ?? config.speaker.drain.keepSoleLocal;
  const members = membersOf(config, silent);
  const labels = new Map<string, Labels>([[own.name, own.labels]]);
  const { name, networkUnavailable, excluded } = own;
  // What the others do not hear of does not count: they would leave to this node what it gives up.
  const isHeard = config.speaker.membership.type === 'bfd';
  const labelled = Object.hasOwn(own.document?.labels ?? {}, drainLabel);
  const drained = isHeard ? own.drained || drain?.stage === 'withdrawn' : labelled;
  const nodes: KnownNode[] = [{ name, alive: members.isAlive(name), networkUnavailable, excluded, drained }];
  for (const name of new Set([...config.nodes.keys(), ...members.names])) {
    if (name === own.name) continue;
    const document = config.nodes.get(name);
    const theirs = document?.labels ?? {};
    labels.set(name, { 'kubernetes.io/hostname': name, ...theirs });
    nodes.push({
      name,
      alive: members.isAlive(name),
      networkUnavailable: document?.networkUnavailable ?? false,
      excluded: isExcluded(theirs, config.speaker),
      drained: Object.hasOwn(theirs, drainLabel),
    });
  }
  for (const document of config.layer2Advertisements) {
    const selected = [...labels].filter(([, each]) => anySelects(document.nodeSelectors, each));
    const weight = (each: Labels) =>
      document.preferences.reduce((sum, { weight, selector }) => sum + (selects(selector, each) ? weight : 0), 0);
    const candidacy = {
      name: document.name,
      nodes: new Set(selected.map(([node]) => node)),
      byService: document.serviceSelectors.length > 0,
      preference: new Map([...labels].map(([node, each]) => [node, weight(each)])),
      interfaces: document.interfaces,
    };
    for (const name of document.pools) {
      const pool = config.pools.get(name);
      const underlay = pool && underlayOf(pool, config.kubeOvn, labels);
      const scope = { document, candidacy };
      const here = underlay === undefined ? scope : onUnderlay(scope, underlay, own.name);
      layer2.set(name, [...(layer2.get(name) ?? []), here]);
    }
  }
  const { type, nodes: listed } = config.speaker.membership;
  return { layer2, nodes, labels, closed: type === 'bfd' || listed.length > 0, keepSoleLocal };
}
