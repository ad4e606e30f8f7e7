import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HEADER_OCTETS } from '../../src/bgp/const.ts';
import { agree, offer } from '../../src/bgp/handshake.ts';
import { decodeOpen, encodeOpen, type OpenMessage } from '../../src/bgp/message.ts';
import type { PeerSettings } from '../../src/bgp/settings.ts';
import { address } from '../../src/lib/address.ts';
import { toHex } from '../../src/lib/bytes.ts';
import { faultOf } from '../support/bgp.ts';
import { bothEnds, settingsOf } from '../support/pipe.ts';

const types = (open: OpenMessage) => open.capabilities.map((c) => c.type);

/** An OPEN as the peer gets it. */
function overTheWire(open: OpenMessage): OpenMessage {
  const bytes = encodeOpen(open);
  return decodeOpen(bytes, HEADER_OCTETS, bytes.length);
}

const meet = (a: PeerSettings, b: PeerSettings) => agree(a, offer(a), overTheWire(offer(b)));

describe('our OPEN', () => {
  it('says who we are', () => {
    const settings = settingsOf({ routerId: 0xc0000201, holdTimeSec: 30 });
    expect(offer(settings)).toMatchObject({ version: 4, myAs: 65001, holdTimeSec: 30, bgpIdentifier: 0xc0000201 });
  });

  it('has AS_TRANS for an AS number of four octets, which the capability holds (RFC 6793)', () => {
    const open = offer(settingsOf({ localAsn: 4200000001 }));
    expect(open.myAs).toBe(23456);
    expect(open.capabilities).toContainEqual({ type: 'fourOctetAs', asn: 4200000001 });
    expect(offer(settingsOf({ localAsn: 65535 })).myAs).toBe(65535);
    expect(offer(settingsOf({ localAsn: 65536 })).myAs).toBe(23456);
  });

  it('names the families, in their order', () => {
    const { capabilities } = offer(settingsOf({ families: ['ipv6', 'ipv4'] }));
    expect(capabilities.filter((c) => c.type === 'multiprotocol')).toEqual([
      { type: 'multiprotocol', afi: 2, safi: 1 },
      { type: 'multiprotocol', afi: 1, safi: 1 },
    ]);
  });

  it('offers IPv4 routes with IPv6 next hops only on IPv6 sessions that carry IPv4 (RFC 8950)', () => {
    const six = address('2001:db8::2');
    expect(types(offer(settingsOf({ address: six, families: ['ipv4', 'ipv6'] })))).toContain('extendedNextHop');
    expect(types(offer(settingsOf({ address: six, families: ['ipv6'] })))).not.toContain('extendedNextHop');
    expect(types(offer(settingsOf()))).not.toContain('extendedNextHop');
  });

  it('says that stale routes may be told us, and that none of ours are to be kept for long (RFC 9494)', () => {
    const open = offer(settingsOf({ restartTimeSec: 120 }));
    const none = { type: 'longLivedGracefulRestart', families: [] };
    expect(open.capabilities).toContainEqual(none);
    expect(overTheWire(open).capabilities).toContainEqual(none);
    expect(toHex(encodeOpen(open))).toContain('4700');
  });

  it('tells our name only where there is one', () => {
    expect(offer(settingsOf({ hostname: 'node-1' })).capabilities).toContainEqual({
      type: 'fqdn',
      hostname: 'node-1',
      domain: '',
    });
    expect(types(offer(settingsOf()))).not.toContain('fqdn');
  });
});

describe('what two OPENs agree on', () => {
  it('is the same at both ends, but for who is who', () => {
    const times = fc.constantFrom(0, 3, 9, 10, 90, 65535);
    const families = fc.constantFrom(['ipv4'], ['ipv6', 'ipv4'], ['ipv4', 'ipv6']) as fc.Arbitrary<
      PeerSettings['families']
    >;
    const asns = fc.constantFrom(1, 65001, 65535, 65536, 4294967295);
    fc.assert(
      fc.property(times, times, families, families, asns, asns, (holdA, holdB, familiesA, familiesB, asnA, asnB) => {
        const [a, b] = bothEnds(
          { holdTimeSec: holdA, families: familiesA, localAsn: asnA, peerAsn: asnB },
          { holdTimeSec: holdB, families: familiesB },
        );
        const [near, far] = [meet(a, b), meet(b, a)];
        expect(near.holdMs).toBe(1_000 * Math.min(holdA, holdB));
        expect(near.holdMs).toBe(far.holdMs);
        expect(near.keepaliveMs).toBeCloseTo(near.holdMs / 3);
        expect([...near.context.families].sort()).toEqual([...far.context.families].sort());
        expect(near.context.families).toContain('ipv4');
        expect(near.context.fourOctetAs).toBe(true);
        expect(near.context.maxMessage).toBe(65535);
        expect(near.context.internal).toBe(asnA === asnB);
        expect([near.peerAsn, far.peerAsn]).toEqual([asnB, asnA]);
        expect([near.peerRouterId, far.peerRouterId]).toEqual([2, 1]);
        expect(Object.isFrozen(near) && Object.isFrozen(near.context)).toBe(true);
      }),
    );
  });

  it.each([
    [90, undefined, 30_000],
    [90, 10, 10_000],
    [90, 60, 30_000],
    [10, undefined, 10_000 / 3],
    [0, 10, 0],
  ])(
    'sends keepalives for hold time %i, asked for every %s s, at least every %d ms',
    (holdTimeSec, keepaliveTimeSec, ms) => {
      const [a, b] = bothEnds({ holdTimeSec, ...(keepaliveTimeSec && { keepaliveTimeSec }) });
      expect(meet(a, b).keepaliveMs).toBeCloseTo(ms);
    },
  );

  it('takes what is in the capability of the peer, not in ours alone', () => {
    const [a, b] = bothEnds();
    const plain = { ...offer(b), capabilities: [] };
    const { context, negotiated } = agree(a, offer(a), overTheWire(plain));
    expect(context).toMatchObject({ fourOctetAs: false, maxMessage: 4096, families: ['ipv4'], extendedNextHop: false });
    expect(negotiated).toMatchObject({ routeRefresh: false, enhancedRefresh: false });
  });

  it('knows a session between link-local addresses', () => {
    const [a, b] = bothEnds();
    for (const [text, linkLocal] of [
      ['fe80::2', true],
      ['2001:db8::2', undefined],
      ['192.0.2.2', undefined],
    ] as const)
      expect(agree({ ...a, address: address(text) }, offer(a), overTheWire(offer(b))).context.linkLocal).toBe(
        linkLocal,
      );
  });

  it('keeps what both sent, for show', () => {
    const [a, b] = bothEnds({ hostname: 'node-1' }, { hostname: 'spine' });
    const { sent, received } = meet(a, b);
    expect(sent).toContainEqual({ type: 'fqdn', hostname: 'node-1', domain: '' });
    expect(received).toContainEqual({ type: 'fqdn', hostname: 'spine', domain: '' });
  });
});

describe('a peer that does not fit', () => {
  it('is told the families that it lacks (RFC 5492 §5)', () => {
    const [a, b] = bothEnds({ families: ['ipv6'] }, { families: ['ipv4'] });
    const { code, subcode, data } = faultOf(() => meet(a, b));
    expect([code, subcode, toHex(data)]).toEqual([2, 7, '010400020001']);
  });

  it('is in another AS, which the operator is told', () => {
    const [a] = bothEnds({ peerAsn: 65002 });
    const other = settingsOf({ localAsn: 65003, peerAsn: 65001, routerId: 2 });
    expect(() => meet(a, other)).toThrow('peer is in AS 65003, not 65002');
    const four = settingsOf({ localAsn: 4200000001, peerAsn: 65001, routerId: 2 });
    expect(() => meet(a, four)).toThrow('peer is in AS 4200000001, not 65002');
    expect(faultOf(() => meet(a, four))).toMatchObject({ code: 2, subcode: 2 });
  });
});
