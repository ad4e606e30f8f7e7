/** What a node says about addresses on its interfaces, in the protocol of each: ARP for IPv4, neighbour discovery for IPv6. */
import { ARP_FRAME_OCTETS, type ArpPacket, arpProbe, encodeArp, gratuitousArp } from '../arp/packet.ts';
import { type Address, toU32 } from '../lib/address.ts';
import {
  encodeNeighbor,
  NEIGHBOR_FRAME_OCTETS,
  type NeighborFrame,
  neighborProbe,
  unsolicitedAdvertisement,
} from '../ndp/neighbor.ts';
import type { Port } from './link.ts';

export type Protocol = 'arp' | 'ndp';

/** Where frames leave. */
export interface Exit {
  /**
   * @param index of the interface
   * @param frame valid during the call
   * @returns whether it left
   */
  send(index: number, protocol: Protocol, frame: Uint8Array): boolean;
}

export class Sender {
  private readonly exit: Exit;
  /** Every frame is written over the one before. */
  private readonly arpFrame = new Uint8Array(ARP_FRAME_OCTETS);
  private readonly ndpFrame = new Uint8Array(NEIGHBOR_FRAME_OCTETS);

  constructor(exit: Exit) {
    this.exit = exit;
  }

  /** @returns whether it left */
  arp(port: Port, packet: ArpPacket): boolean {
    return this.exit.send(port.index, 'arp', encodeArp(packet, this.arpFrame));
  }

  /** @returns whether it left */
  ndp(port: Port, frame: NeighborFrame): boolean {
    return this.exit.send(port.index, 'ndp', encodeNeighbor(frame, this.ndpFrame));
  }

  /**
   * Tells everybody that the address is here.
   * @returns how many packets left; of IPv4 there are two to send
   */
  announce(port: Port, ip: Address): number {
    if (ip.family === 6) return this.ndp(port, unsolicitedAdvertisement(port.mac, ip)) ? 1 : 0;
    let sent = 0;
    for (const packet of gratuitousArp(port.mac, toU32(ip.bytes))) if (this.arp(port, packet)) sent++;
    return sent;
  }

  /** Asks whether somebody has the address, without claiming it. */
  probe(port: Port, ip: Address): void {
    if (ip.family === 4) this.arp(port, arpProbe(port.mac, toU32(ip.bytes)));
    else this.ndp(port, neighborProbe(port.mac, ip));
  }
}
