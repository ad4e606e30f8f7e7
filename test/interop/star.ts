/** A namespace in the middle with a link to each of several others, one per router. */
import { link, Namespace } from '../support/netns.ts';
import type { Announcement, Family, RouterOptions } from '../support/router.ts';

export interface Spoke {
  readonly namespace: Namespace;
  /** The link's name in the middle; it is `eth0` at the other end. */
  readonly device: string;
  readonly near: Readonly<Record<Family, string>>;
  readonly far: Readonly<Record<Family, string>>;
}

export interface Star<Name extends string> {
  readonly middle: Namespace;
  readonly spokes: Readonly<Record<Name, Spoke>>;
  close(): Promise<void>;
}

export async function star<const Name extends string>(label: string, names: readonly Name[]): Promise<Star<Name>> {
  const middle = await Namespace.create(label);
  const spokes = {} as Record<Name, Spoke>;
  for (const [i, name] of names.entries()) {
    const namespace = await Namespace.create(`${label}-${name}`);
    const device = `eth${i}`;
    const near = { ipv4: `10.0.${i + 1}.1`, ipv6: `2001:db8:0:${i + 1}::1` };
    const far = { ipv4: `10.0.${i + 1}.2`, ipv6: `2001:db8:0:${i + 1}::2` };
    await link(
      { namespace: middle, device, addresses: [`${near.ipv4}/24`, `${near.ipv6}/64`] },
      { namespace, device: 'eth0', addresses: [`${far.ipv4}/24`, `${far.ipv6}/64`] },
    );
    spokes[name] = { namespace, device, near, far };
  }
  return {
    middle,
    spokes,
    close: async () => {
      await Promise.all([middle, ...names.map((name) => spokes[name].namespace)].map((n) => n.close()));
    },
  };
}

/** A router at the end of a spoke, AS 65002, that waits for waypost in AS 65001. */
export const routerAt = (
  s: Spoke,
  announce: readonly Announcement[] = [],
  more: Partial<RouterOptions> = {},
): RouterOptions => ({
  namespace: s.namespace,
  routerId: '192.0.2.2',
  localAs: 65002,
  peerAs: 65001,
  localAddress: s.far.ipv4,
  peerAddress: s.near.ipv4,
  nextHops: s.far,
  families: ['ipv4'],
  role: 'listen',
  port: 1790,
  holdTimeSec: 9,
  announce,
  ...more,
});
