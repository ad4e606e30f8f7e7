import { describe, expect, it } from 'vitest';
import { decodeArp } from '../../src/arp/packet.ts';
import { Sender } from '../../src/l2/sender.ts';
import { address, toU32 } from '../../src/lib/address.ts';
import { decodeNeighbor, isUnspecified } from '../../src/ndp/neighbor.ts';
import { eth0, vip, vip6 } from '../support/layer2.ts';

const [ip4, ip6] = [address(vip), address(vip6)];

/** What a sender gives away; `leaves` says of each frame in turn whether it left. */
function given(leaves: readonly boolean[] = []) {
  const frames: { index: number; protocol: string; frame: Uint8Array }[] = [];
  const sender = new Sender({
    send: (index, protocol, frame) => leaves[frames.push({ index, protocol, frame: frame.slice() }) - 1] ?? true,
  });
  return { sender, frames };
}

describe('an announcement', () => {
  it('is two packets of ARP for IPv4 and one advertisement for IPv6, on the interface', () => {
    const { sender, frames } = given();
    expect([sender.announce(eth0, ip4), sender.announce(eth0, ip6)]).toEqual([2, 1]);
    expect(frames.map(({ index, protocol }) => `${index} ${protocol}`)).toEqual(['2 arp', '2 arp', '2 ndp']);
    expect(frames.slice(0, 2).map(({ frame }) => decodeArp(frame))).toMatchObject([
      { operation: 1, senderMac: eth0.mac, senderIp: toU32(ip4.bytes) },
      { operation: 2, senderMac: eth0.mac, senderIp: toU32(ip4.bytes) },
    ]);
    expect(decodeNeighbor(frames[2]!.frame)).toMatchObject({
      source: eth0.mac,
      message: { type: 'advertisement', targetLinkLayer: eth0.mac },
    });
  });

  it('counts only what left', () => {
    expect(given([false, true]).sender.announce(eth0, ip4)).toBe(1);
    expect(given([false, false]).sender.announce(eth0, ip4)).toBe(0);
    expect(given([false]).sender.announce(eth0, ip6)).toBe(0);
  });
});

it('A probe claims nothing', () => {
  const { sender, frames } = given();
  sender.probe(eth0, ip4);
  sender.probe(eth0, ip6);
  expect(frames.map(({ index, protocol }) => `${index} ${protocol}`)).toEqual(['2 arp', '2 ndp']);
  expect(decodeArp(frames[0]!.frame)).toMatchObject({ operation: 1, senderIp: 0, targetIp: toU32(ip4.bytes) });
  const frame = decodeNeighbor(frames[1]!.frame);
  if (typeof frame === 'string') throw new Error(frame);
  expect(isUnspecified(frame.from)).toBe(true);
  expect(frame.message).not.toHaveProperty('sourceLinkLayer');
});
