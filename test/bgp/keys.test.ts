import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeInterned } from '../../src/bgp/attr.ts';
import { Community } from '../../src/bgp/const.ts';
import { AttributeTable } from '../../src/bgp/intern.ts';
import { AttributeKeys, asPathOctets, hasCommunity, Key, KeyFlag } from '../../src/bgp/keys.ts';
import { NextHops } from '../../src/bgp/nexthop.ts';
import { pathLength } from '../../src/bgp/path.ts';
import { address, formatAddress } from '../../src/lib/address.ts';
import { attributesOf, fewAttributes, neighbourOf, sequence, setOf } from '../support/decide.ts';

const keysOf = () => {
  const attributes = new AttributeTable();
  const nextHops = new NextHops(() => 0);
  return { attributes, nextHops, keys: new AttributeKeys(attributes, nextHops) };
};

/** A link-bandwidth community of 64496 with this type octet. */
const bandwidth = (octetsPerSecond: number, type = 0x40): bigint => {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint8(0, type);
  view.setUint8(1, 4);
  view.setUint16(2, 64496);
  view.setFloat32(4, octetsPerSecond);
  return view.getBigUint64(0);
};

describe('AttributeKeys', () => {
  it('says the same as the attributes decoded', () => {
    const origins = ['igp', 'egp', 'incomplete'];
    const any = fc
      .tuple(fc.boolean(), fc.constantFrom<4 | 6>(4, 6))
      .chain(([internal, family]) => fewAttributes(internal, family).map((a) => ({ a, internal })));
    fc.assert(
      fc.property(fc.array(any, { minLength: 1, maxLength: 20 }), (list) => {
        const { attributes, nextHops, keys } = keysOf();
        for (const { a, internal } of list) {
          const set = setOf(attributes, a, internal);
          attributes.retain(set);
          const d = decodeInterned(attributes.view(set));
          for (const community of [Community.llgrStale, Community.noLlgr, 0x10001])
            expect(hasCommunity(attributes.view(set), community)).toBe((d.communities ?? []).includes(community));
          const at = keys.at(set);
          const w = keys.words;
          const flags = w.get(at + Key.flags);
          expect({
            origin: origins[flags & KeyFlag.origin],
            localPref: flags & KeyFlag.localPref ? w.get(at + Key.localPref) : undefined,
            med: flags & KeyFlag.med ? w.get(at + Key.med) : undefined,
            llgrStale: (flags & KeyFlag.llgrStale) !== 0,
            hops: w.get(at + Key.hops),
            neighbour: w.get(at + Key.neighbour),
            originator: w.get(at + Key.originator),
            clusters: w.get(at + Key.clusters),
            nextHop: formatAddress(nextHops.address(w.get(at + Key.nextHop) - 1)),
          }).toEqual({
            origin: d.origin,
            localPref: d.localPref,
            med: d.med,
            llgrStale: (d.communities ?? []).includes(Community.llgrStale),
            hops: pathLength(d.asPath),
            neighbour: neighbourOf(d),
            originator: d.originatorId ?? 0,
            clusters: d.clusterList?.length ?? 0,
            nextHop: formatAddress(d.nextHop!),
          });
        }
      }),
    );
  });

  it('reads a path of several long segments', () => {
    const { attributes, keys } = keysOf();
    const set = setOf(attributes, attributesOf({ asPath: sequence(...Array(600).fill(64600)) }), false);
    const at = keys.at(set);
    expect([keys.words.get(at + Key.hops), keys.words.get(at + Key.neighbour)]).toEqual([600, 64600]);
    expect(asPathOctets(attributes.view(set)).length).toBe(3 * 2 + 4 * 600);
  });

  it('takes the link-local next hop where the global one is absent', () => {
    const { attributes, nextHops, keys } = keysOf();
    const hop = (nextHop: string, linkLocal: string) => {
      const a = attributesOf({ nextHop: address(nextHop), linkLocalNextHop: address(linkLocal) });
      const at = keys.at(setOf(attributes, a, false));
      return formatAddress(nextHops.address(keys.words.get(at + Key.nextHop) - 1));
    };
    expect(hop('2001:db8::1', 'fe80::1')).toBe('2001:db8::1');
    expect(hop('::', 'fe80::1')).toBe('fe80::1');
  });

  it('reads link bandwidth, and takes what is none for none', () => {
    const { attributes, keys } = keysOf();
    const read = (...extendedCommunities: bigint[]) => {
      const set = setOf(attributes, attributesOf({ extendedCommunities }), true);
      keys.at(set);
      return keys.bandwidth(set);
    };
    expect(read(bandwidth(1.25e9))).toBe(1.25e9);
    expect(read(bandwidth(1.25e9, 0x00))).toBe(1.25e9);
    expect(read(0x0002_fbf0_0000_0001n, bandwidth(5e6))).toBe(5e6);
    for (const none of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) expect(read(bandwidth(none))).toBe(0);
    expect(read(bandwidth(5e6, 0x80))).toBe(0);
    expect(read(0x4005_fbf0_4b18_9680n)).toBe(0);
  });

  it('forgets a set when it is dropped, though its id is given to another', () => {
    const { attributes, nextHops, keys } = keysOf();
    const first = setOf(attributes, attributesOf({ med: 7, extendedCommunities: [bandwidth(9)] }), false);
    attributes.retain(first);
    keys.at(first);
    expect(nextHops.size).toBe(1);
    attributes.release(first);
    expect(nextHops.size).toBe(0);
    const second = setOf(attributes, attributesOf({ nextHop: address('192.0.2.2') }), false);
    expect(second).toBe(first);
    const at = keys.at(second);
    expect([
      keys.words.get(at + Key.med),
      keys.words.get(at + Key.flags) & KeyFlag.med,
      keys.bandwidth(second),
    ]).toEqual([0, 0, 0]);
    keys.close();
    attributes.retain(second);
    attributes.release(second);
    expect(nextHops.size).toBe(1);
  });
});
