import { describe, expect, it } from 'vitest';
import { NextHops, UNREACHABLE } from '../../src/bgp/nexthop.ts';
import { address, formatAddress } from '../../src/lib/address.ts';

const retain = (hops: NextHops, text: string): number => {
  const { bytes, family } = address(text);
  return hops.retain(bytes, 0, family === 4 ? 4 : 16);
};

describe('NextHops', () => {
  it('asks once for each next hop in use, and never for what is on the link', () => {
    const asked: string[] = [];
    const hops = new NextHops((a) => {
      asked.push(formatAddress(a));
      return a.family === 4 ? 10 : undefined;
    });
    const v4 = retain(hops, '192.0.2.1');
    expect(retain(hops, '192.0.2.1')).toBe(v4);
    const v6 = retain(hops, '2001:db8::1');
    const link = retain(hops, 'fe80::1');
    expect(asked).toEqual(['192.0.2.1', '2001:db8::1']);
    expect([v4, v6, link].map((id) => hops.distance(id))).toEqual([10, UNREACHABLE, 0]);
    expect([v4, v6, link].map((id) => formatAddress(hops.address(id)))).toEqual([
      '192.0.2.1',
      '2001:db8::1',
      'fe80::1',
    ]);
    expect([v4, v6, link].map((id) => hops.isLinkLocal(id))).toEqual([false, false, true]);
  });

  it('gives the id of a next hop that nobody uses to another, with its own distance', () => {
    const hops = new NextHops((a) => a.bytes[3]);
    const id = retain(hops, '192.0.2.1');
    retain(hops, '192.0.2.1');
    hops.release(id);
    expect(hops.size).toBe(1);
    hops.release(id);
    expect(hops.size).toBe(0);
    expect(retain(hops, '192.0.2.7')).toBe(id);
    expect(hops.distance(id)).toBe(7);
  });

  it('asks again in slices, and says whether anything came out otherwise', () => {
    let far = 1;
    let asked = 0;
    const hops = new NextHops((a) => {
      asked++;
      return a.bytes[3] === 40 ? far : 1;
    });
    const ids = Array.from({ length: 100 }, (_, i) => retain(hops, `192.0.2.${i}`));
    const refresh = () => {
      hops.stir();
      const said: boolean[] = [];
      while (hops.isStirred) {
        asked = 0;
        said.push(hops.refresh(30));
        expect(asked).toBeLessThanOrEqual(30);
      }
      return said;
    };
    expect(refresh()).not.toContain(true);
    far = 5;
    const said = refresh();
    expect([said.length > 3, said.pop(), said.includes(true)]).toEqual([true, true, false]);
    expect(hops.distance(ids[40]!)).toBe(5);
    expect(refresh()).not.toContain(true);
  });

  it('says which are on no link, as long as they can be reached, and to one asker that it is so', () => {
    let onLink = false;
    let metric: number | undefined = 5;
    const hops = new NextHops(
      () => metric,
      () => onLink,
    );
    const id = retain(hops, '192.0.2.1');
    const refresh = () => {
      hops.stir();
      return hops.refresh(10);
    };
    expect([hops.isOffLink(id), hops.isOffLink(retain(hops, 'fe80::1'))]).toEqual([true, false]);
    expect([hops.tellOffLink(id), hops.tellOffLink(id), refresh(), hops.tellOffLink(id)]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    onLink = true;
    expect([refresh(), hops.isOffLink(id)]).toEqual([true, false]);
    onLink = false;
    expect([refresh(), hops.isOffLink(id), hops.tellOffLink(id)]).toEqual([true, true, true]);
    metric = undefined;
    expect([refresh(), hops.isOffLink(id)]).toEqual([true, false]);
    hops.release(id);
    metric = 5;
    expect(retain(hops, '192.0.2.2')).toBe(id);
    expect([hops.isOffLink(id), hops.tellOffLink(id)]).toEqual([true, true]);
  });

  it('refuses what is no metric', () => {
    for (const metric of [-1, 0.5, UNREACHABLE]) {
      const hops = new NextHops(() => metric);
      expect(() => retain(hops, '192.0.2.1')).toThrow(RangeError);
    }
  });
});
