/** What documents would have this node do, as far as the machine must be able to. */
import type { Configuration } from '../../config/model.ts';
import { wishesOf } from '../../intent/network.ts';
import { learningPeers, type NodePeers } from '../../intent/peers.ts';
import { isEmpty } from '../network/wishes.ts';

export interface Use {
  readonly bgp: boolean;
  /** The port on which peers may call; absent: nobody may. */
  readonly listenPort?: number;
  readonly layer2: boolean;
  readonly bfd: boolean;
  /** What of the kernel is changed: `learned routes`, `VRFs and other devices` … */
  readonly changes: readonly string[];
  /** Interfaces, addresses, VRFs or sysctls are to be other than they are. */
  readonly changesNetwork: boolean;
}

export function useOf(config: Configuration, { peers, unnumbered, ranges }: NodePeers): Use {
  const { speaker } = config;
  const settings = [...peers, ...unnumbered].map((peer) => peer.settings);
  const changesNetwork = [...wishesOf(config).values()].some((wish) => !isEmpty(wish));
  const changes = [
    ...(speaker.kernel.install && learningPeers(config).length > 0 ? ['learned routes'] : []),
    ...(changesNetwork ? ["the node's network"] : []),
    ...(config.egress.size > 0 ? ['egress rules'] : []),
    ...(speaker.loopbackAddresses.length > 0 ? ['addresses of the loopback'] : []),
  ];
  const { addresses, port } = speaker.listen;
  return {
    bgp: settings.length > 0 || ranges.length > 0,
    ...(addresses.length > 0 && { listenPort: port }),
    layer2: config.layer2Advertisements.length > 0,
    bfd: settings.some(({ bfd }) => bfd !== undefined) || speaker.membership.type === 'bfd',
    changes,
    changesNetwork,
  };
}
