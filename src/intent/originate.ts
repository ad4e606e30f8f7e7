/** What FRRConfigurations have sessions told beside the routes of Services, as contributions to the same prefixes. */
import type { Configuration, Meta } from '../config/model.ts';
import { anySelects } from '../config/selector.ts';
import { formatPrefix, type Prefix } from '../lib/prefix.ts';
import type { Drain } from './drain.ts';
import { thisNode } from './node.ts';
import type { Contribution, Policy } from './route.ts';
import { Shared } from './shared.ts';

/** Whom such contributions are of, where a Service's have its `namespace/name`. */
export const ORIGINATED = 'FRRConfiguration';

/** By document, so that a policy keeps its identity as long as the document that it comes from. */
const policies = new WeakMap<Meta, Shared<Policy>>();

/** One contribution for each prefix and all sessions that one document has told the same of it. */
export function originate(
  config: Pick<Configuration, 'speaker' | 'nodes' | 'peers'>,
  drain?: Drain,
): readonly Contribution[] {
  if (drain?.stage === 'withdrawn') return [];
  const { labels } = thisNode(config);
  const drained = drain !== undefined;
  const found = new Map<
    string,
    { prefix: Prefix; policy: Omit<Policy, 'peers'>; document: Meta; peers: Set<string> }
  >();
  for (const peer of config.peers) {
    if (!anySelects(peer.nodeSelectors, labels)) continue;
    for (const { document, prefix, localPref, communities, largeCommunities } of peer.advertise ?? []) {
      const key = JSON.stringify([document.key, formatPrefix(prefix), localPref, communities, largeCommunities]);
      const known = found.get(key);
      if (known !== undefined) known.peers.add(peer.name);
      else
        found.set(key, {
          prefix,
          document,
          peers: new Set([peer.name]),
          policy: {
            from: `${document.kind}/${document.name}`,
            document,
            communities,
            largeCommunities,
            localPref,
            prepend: undefined,
            med: undefined,
            bandwidthMbit: undefined,
            drained,
          },
        });
    }
  }
  return [...found.values()].map(({ prefix, policy, document, peers }) => {
    const shared = policies.get(document) ?? new Shared<Policy>();
    policies.set(document, shared);
    const { communities, largeCommunities, localPref } = policy;
    const key = JSON.stringify([drained, localPref, communities, largeCommunities, [...peers].sort()]);
    return { prefix, policy: shared.get(key, () => ({ ...policy, peers })) };
  });
}
