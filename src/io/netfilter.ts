/** Addresses for which this machine's packet filter, or IPVS, does something with packets. */
import { formatAddress, parseAddress } from '../lib/address.ts';
import { nftRuleset } from './nft.ts';
import { textOf } from './text.ts';

export interface Handled {
  /** As `formatAddress` has them. */
  readonly addresses: ReadonlySet<string>;
  /** Why the rules cannot be read. */
  readonly problem?: string;
  /** Rules of iptables-legacy, which nft does not list. */
  readonly legacy: boolean;
}

export async function handledAddresses(): Promise<Handled> {
  const ipvs = addressesOfIpvs(textOf('/proc/net/ip_vs') ?? '');
  const tables = ['ip', 'ip6'].map((family) => textOf(`/proc/net/${family}_tables_names`) ?? '');
  const legacy = tables.some((text) => text.split('\n').includes('nat'));
  try {
    return { addresses: new Set([...ipvs, ...addressesIn(await nftRuleset())]), legacy };
  } catch (error) {
    return { addresses: ipvs, problem: (error as Error).message, legacy };
  }
}

/** Every address in a listing of rules, whatever it is there for. */
export function addressesIn(text: string): Set<string> {
  const found = new Set<string>();
  for (const [word] of text.matchAll(/[\da-f]*(?:[.:][\da-f]*)+/gi)) {
    const address = parseAddress(word);
    if (address !== undefined) found.add(formatAddress(address));
  }
  return found;
}

/** Of lines as `TCP  CB007107:0050 rr` and `TCP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0050 rr` (ip_vs_ctl.c). */
export function addressesOfIpvs(text: string): Set<string> {
  const found = new Set<string>();
  for (const line of text.split('\n')) {
    const [, , hex, six] = /^(TCP|UDP|SCTP)\s+(?:([\dA-F]{8})|\[([\da-f:]+)\]):/i.exec(line) ?? [];
    const four = hex
      ?.match(/../g)
      ?.map((octet) => Number.parseInt(octet, 16))
      .join('.');
    const address = parseAddress(four ?? six ?? '');
    if (address !== undefined) found.add(formatAddress(address));
  }
  return found;
}
