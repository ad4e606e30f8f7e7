/** From the links that rtnetlink tells of to the interfaces of a snapshot, and why the others are none. */
import type { Port } from '../../l2/link.ts';
import { type LinkReason, portOf } from '../../l2/link.ts';
import { Reader } from '../../lib/bytes.ts';
import type { Mac } from '../../lib/mac.ts';
import { type Link, LinkFlag } from '../../netlink/link.ts';

/** ARPHRD_ETHER */
const ETHERNET = 1;

export interface Ports {
  readonly ports: readonly Port[];
  /** Hardware addresses of all interfaces. */
  readonly macs: readonly Mac[];
  /** Why an interface answers nothing, by name. */
  readonly ineligible: ReadonlyMap<string, LinkReason>;
}

/**
 * @param links every link of the namespace
 * @param exclude patterns of names (metallb-excludel2)
 * @param moves how often each is behind another port of a switch since, by index
 */
export function portsOf(
  links: Iterable<Link>,
  exclude: readonly RegExp[],
  moves: ReadonlyMap<number, number> = new Map(),
): Ports {
  const all = [...links];
  const kinds = new Map(all.map((link) => [link.index, link.info?.kind]));
  const ports: Port[] = [];
  const macs: Mac[] = [];
  const ineligible = new Map<string, LinkReason>();
  for (const { index, name = '', type, flags, address, master, mtu } of all) {
    const mac = type === ETHERNET && address?.length === 6 ? new Reader(address).u48() : undefined;
    if (mac !== undefined) macs.push(mac);
    const has = (flag: number) => (flags & flag) !== 0;
    const port = portOf(
      {
        index,
        name,
        ...(mac !== undefined && { mac }),
        up: has(LinkFlag.up),
        running: has(LinkFlag.lowerUp),
        broadcast: has(LinkFlag.broadcast),
        multicast: has(LinkFlag.multicast),
        noArp: has(LinkFlag.noArp),
        loopback: has(LinkFlag.loopback),
        ...(mtu !== undefined && { mtu }),
        ...(master !== undefined && master !== 0 && { masterKind: kinds.get(master) ?? 'unknown' }),
      },
      exclude,
    );
    if (typeof port === 'string') ineligible.set(name, port);
    else ports.push({ ...port, ...(moves.has(index) && { moves: moves.get(index)! }) });
  }
  return { ports, macs, ineligible };
}
