/** The BGP identifier of a node that was given none. */
import { crc32 } from '../io/crc.ts';
import { highestIpv4 } from '../io/interfaces.ts';
import { toU32 } from '../lib/address.ts';

/** An address of the node, or else a hash of its name. */
export function fallbackRouterId(nodeName: string): number {
  const address = highestIpv4();
  return address ? toU32(address.bytes) : hashedId(nodeName);
}

/** As MetalLB has it: CRC-32 of the name, its octets in the order of little-endian machines. */
export const hashedId = (nodeName: string): number => swap32(crc32(nodeName));

const swap32 = (v: number): number =>
  (((v & 0xff) << 24) | ((v & 0xff00) << 8) | ((v >>> 8) & 0xff00) | (v >>> 24)) >>> 0;
