/** What documents come to on this node, worked out at once and without a network: what `plan` and `explain -c` know. */
import type { Configuration } from '../config/model.ts';
import type { Remembered } from '../intent/assignment.ts';
import type { Drain } from '../intent/drain.ts';
import type { Facts } from '../intent/explain/facts.ts';
import { thisNode } from '../intent/node.ts';
import { type NodePeers, nodePeers } from '../intent/peers.ts';
import { monotonicMs } from '../io/clock.ts';
import { nextTurn, SLICE_MS } from '../io/turn.ts';
import { fallbackRouterId } from './identity.ts';
import { Services } from './services.ts';

/** A configuration and what was decided from it. */
export interface Outlook {
  readonly config: Configuration;
  readonly services: Services;
  readonly peers: NodePeers;
}

export interface Circumstances {
  /** Addresses that Services already have. */
  readonly remembered?: readonly Remembered[];
  /** As far as it has come; a label in the documents counts in any case. */
  readonly drain?: Drain | undefined;
  /** Members of the cluster that are not heard of, for documents that want them watched. */
  readonly silent?: readonly string[];
}

export async function outlookOf(config: Configuration, circumstances: Circumstances = {}): Promise<Outlook> {
  const services = new Services();
  services.remember(circumstances.remembered ?? []);
  // A daemon that starts with such documents withdraws at once.
  const { keepSoleLocal } = config.speaker.drain;
  services.drain(circumstances.drain ?? (thisNode(config).drained ? { stage: 'withdrawn', keepSoleLocal } : undefined));
  const watched = new Set(config.members.map(({ name }) => name));
  services.hear(new Set((circumstances.silent ?? []).filter((name) => watched.has(name))), false);
  services.apply(config);
  services.originate();
  let sliceEnd = monotonicMs() + SLICE_MS;
  while (services.prepare() || services.step() !== undefined) {
    if (monotonicMs() < sliceEnd) continue;
    await nextTurn();
    sliceEnd = monotonicMs() + SLICE_MS;
  }
  return { config, services, peers: nodePeers(config, fallbackRouterId(config.speaker.name)) };
}

export const factsOf = ({ config, services, peers }: Outlook): Facts => ({
  config,
  peers,
  decisions: services.decisions,
  advertisements: services.advertisements,
  inputOf: (key) => services.inputOf(key),
  usage: (pool) => services.allocator.usage(pool),
});
