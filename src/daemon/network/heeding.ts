/**
 * Setting a sysctl without losing what other links learned from routers. When any link begins to forward IPv6, Linux
 * drops the default routes and prefixes that came by router advertisements, of all links but those that heed them as
 * routers too (accept_ra 2; net/ipv6/route.c, rt6_purge_dflt_routers), and solicits nobody: until the next advertisement,
 * which may take minutes, the node would have no way out. So for that moment all links do.
 */
import type { Sysctls } from './kernel.ts';

/** @param links names of all links, or of none where no router has advertised itself. Throws what writing throws. */
export function keepingRouters(sysctls: Sysctls, links: () => Iterable<string>, path: string, value: string): void {
  const begins = /^net\/ipv6\/conf\/.+\/forwarding$/.test(path) && value !== '0';
  const hosts = begins ? [...links()].filter((name) => isHost(sysctls, name)) : [];
  const heed = (how: string) => {
    for (const name of hosts) sysctls.write(`net/ipv6/conf/${name}/accept_ra`, how);
  };
  heed('2');
  try {
    sysctls.write(path, value);
  } finally {
    heed('1');
  }
}

/** To a link that does not forward, 1 and 2 are the same. */
const isHost = (sysctls: Sysctls, name: string): boolean =>
  sysctls.read(`net/ipv6/conf/${name}/accept_ra`) === '1' && sysctls.read(`net/ipv6/conf/${name}/forwarding`) === '0';
