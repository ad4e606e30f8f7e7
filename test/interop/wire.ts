/** Two namespaces joined by one link, and the addresses every interop test uses on it. */
import { link, Namespace } from '../support/netns.ts';
import type { Announcement, Family, ReceivedRoute, RouteAttributes, Router } from '../support/router.ts';

export const device = 'eth0';
/** The router under test. */
export const far: Readonly<Record<Family, string>> = { ipv4: '192.0.2.2', ipv6: '2001:db8:0:1::2' };
/** What it is tested with. */
export const near: Readonly<Record<Family, string>> = { ipv4: '192.0.2.1', ipv6: '2001:db8:0:1::1' };

export interface Wire {
  readonly near: Namespace;
  readonly far: Namespace;
  close(): Promise<void>;
}

export async function wire(label: string): Promise<Wire> {
  const [a, b] = await Promise.all([Namespace.create(`${label}-near`), Namespace.create(`${label}-far`)]);
  await link(
    { namespace: a, device, addresses: [`${near.ipv4}/24`, `${near.ipv6}/64`] },
    { namespace: b, device, addresses: [`${far.ipv4}/24`, `${far.ipv6}/64`] },
  );
  return {
    near: a,
    far: b,
    close: async () => {
      await Promise.all([a.close(), b.close()]);
    },
  };
}

/** What a router's table must show for a route that a neighbour originated with these attributes. */
export function expected(
  route: Announcement,
  session: {
    readonly nextHops: Readonly<Record<Family, string>>;
    readonly originAs: number;
    readonly internal: boolean;
    readonly absent: Router['absent'];
  },
): ReceivedRoute {
  const attributes: RouteAttributes = {
    nextHop: session.nextHops[route.prefix.includes(':') ? 'ipv6' : 'ipv4'],
    asPath: session.internal ? [] : [session.originAs],
    origin: 'igp',
    med: route.med ?? session.absent.med,
    localPref: session.internal ? (route.localPref ?? 100) : session.absent.localPref,
    communities: [...(route.communities ?? [])].sort(),
    largeCommunities: [...(route.largeCommunities ?? [])].sort(),
  };
  return { prefix: route.prefix, ...attributes };
}
