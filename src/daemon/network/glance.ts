/**
 * What there is to see of the node's network, whoever made it: links, rules and some sysctls. Addresses and routes, which may
 * be many, are not read for it.
 */
import { RequestSocket } from '../../io/netlink.ts';
import { readSysctl } from '../../io/sysctl.ts';
import { Client } from '../../netlink/client.ts';
import type { Link } from '../../netlink/link.ts';
import type { Rule } from '../../netlink/rule.ts';

export interface SeenLink {
  readonly name: string;
  /** The VRF, bridge or bond that it is in. */
  readonly master: string | null;
  readonly alias: string;
  readonly isVrf: boolean;
  /** Of a VRF. */
  readonly table?: number;
}

export interface Glance {
  readonly links: ReadonlyMap<string, SeenLink>;
  readonly rules: readonly Rule[];
  /** By path below /proc/sys; what does not exist is absent. */
  readonly sysctls: ReadonlyMap<string, string>;
}

/** What decides on the way of packets through a VRF, of it and of the links in it. */
const telling = ['net/ipv4/conf/%/forwarding', 'net/ipv4/conf/%/rp_filter', 'net/ipv6/conf/%/forwarding'];

/**
 * @param paths sysctls to be read beside those of VRFs
 * @returns undefined where this system cannot be asked
 */
export function glance(paths: Iterable<string>): Glance | undefined {
  let socket: RequestSocket;
  try {
    socket = new RequestSocket();
  } catch {
    return undefined;
  }
  try {
    const client = new Client(socket);
    const links = seenLinks(client.dump('link', {}));
    return { links, rules: client.dump('rule', {}), sysctls: sysctlsOf(links, paths) };
  } finally {
    socket.close();
  }
}

export function seenLinks(all: readonly Link[]): Map<string, SeenLink> {
  const names = new Map(all.map(({ index, name = '' }) => [index, name]));
  return new Map(
    all.map(({ name = '', master, alias = '', info }) => [
      name,
      {
        name,
        master: master === undefined ? null : (names.get(master) ?? `#${master}`),
        alias,
        isVrf: info?.kind === 'vrf',
        ...(info?.kind === 'vrf' && info.table !== undefined && { table: info.table }),
      },
    ]),
  );
}

function sysctlsOf(links: ReadonlyMap<string, SeenLink>, more: Iterable<string>): Map<string, string> {
  const inVrf = ({ isVrf, master }: SeenLink) => isVrf || (master !== null && links.get(master)?.isVrf === true);
  const names = [...links.values()].filter(inVrf).map(({ name }) => name);
  const general = names.length > 0 ? ['net/ipv4/tcp_l3mdev_accept'] : [];
  const found = new Map<string, string>();
  for (const path of new Set([
    ...more,
    ...general,
    ...names.flatMap((name) => telling.map((p) => p.replace('%', () => name))),
  ])) {
    const value = readSysctl(path);
    if (value !== undefined) found.set(path, value);
  }
  return found;
}
