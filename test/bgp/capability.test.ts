import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Capability,
  decodeCapabilities,
  encodeCapabilities,
  lastOf,
  negotiate,
} from '../../src/bgp/capability.ts';
import { fromHex, Reader, toHex, Writer } from '../../src/lib/bytes.ts';
import { capability, faultOf, flips, tolerates, truncations } from '../support/bgp.ts';
import { golden } from '../support/hex.ts';

const decode = (bytes: Uint8Array) => decodeCapabilities(new Reader(bytes));
const decodeHex = (hex: string) => decode(fromHex(hex));
function encode(capabilities: readonly Capability[]): Uint8Array {
  const w = new Writer(4096);
  encodeCapabilities(w, capabilities);
  return w.finish();
}

const rows = golden<Capability>('bgp/capability', {
  multiprotocol: { type: 'multiprotocol', afi: 2, safi: 1 },
  'route-refresh': { type: 'routeRefresh' },
  'extended-next-hop': { type: 'extendedNextHop', entries: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
  'extended-message': { type: 'extendedMessage' },
  role: { type: 'role', role: 3 },
  'graceful-restart': {
    type: 'gracefulRestart',
    restarting: true,
    notification: true,
    restartTimeSec: 120,
    families: [
      { afi: 1, safi: 1, forwarding: true },
      { afi: 2, safi: 1, forwarding: false },
    ],
  },
  'four-octet-as': { type: 'fourOctetAs', asn: 70000 },
  'add-path': {
    type: 'addPath',
    entries: [
      { afi: 1, safi: 1, send: true, receive: true },
      { afi: 2, safi: 1, send: false, receive: true },
    ],
  },
  'enhanced-refresh': { type: 'enhancedRefresh' },
  'long-lived-graceful-restart': {
    type: 'longLivedGracefulRestart',
    families: [{ afi: 1, safi: 1, forwarding: true, staleTimeSec: 86400 }],
  },
  fqdn: { type: 'fqdn', hostname: 'node-1', domain: 'example.net.' },
  unknown: { type: 'unknown', code: 239, value: Uint8Array.of(0xca, 0xfe) },
});

describe('capabilities', () => {
  it.each(rows)('%s, both ways', (_name, bytes, value) => {
    expect(decode(bytes)).toEqual([value]);
    expect(toHex(encode([value]))).toBe(toHex(bytes));
  });

  it.each(rows)('%s: cut or damaged, it is refused with 2/0 or read as something', (_name, bytes) => {
    for (const cut of truncations(bytes).slice(1))
      expect(faultOf(() => decode(cut))).toMatchObject({ code: 2, subcode: 0 });
    for (const flipped of flips(bytes)) tolerates(() => decode(flipped));
  });

  it.each([
    ['multiprotocol of three octets', '0103000101'],
    ['multiprotocol of five octets', '01050001000100'],
    ['route refresh with a value', '020100'],
    ['four-octet AS of three octets', '4103000001'],
    ['role of two octets', '09020304'],
    ['graceful restart with half a family', '400400780001'],
    ['extended next hop of five octets', '05050001000100'],
    ['value past the end', 'ef05ca'],
    ['code without length', 'ef'],
  ])('%s is malformed', (_name, hex) => {
    expect(faultOf(() => decodeHex(hex))).toMatchObject({ code: 2, subcode: 0 });
  });

  it('ADD-PATH with a mode that does not exist counts as not understood', () => {
    expect(decodeHex('4504000101044504000101ff')).toEqual([
      { type: 'unknown', code: 69, value: fromHex('00010104') },
      { type: 'unknown', code: 69, value: fromHex('000101ff') },
    ]);
    expect(encode([{ type: 'addPath', entries: [{ afi: 1, safi: 1, send: false, receive: false }] }])).toEqual(
      fromHex('4500'),
    );
  });

  it('a name that is not text stays octets', () => {
    // No UTF-8, and a bell.
    expect(decodeHex('490402c32800')).toEqual([{ type: 'unknown', code: 73, value: fromHex('02c32800') }]);
    expect(decodeHex('4903010700')).toEqual([{ type: 'unknown', code: 73, value: fromHex('010700') }]);
  });

  it('names are cut at a character to fit', () => {
    const [c] = decode(encode([{ type: 'fqdn', hostname: 'é'.repeat(200), domain: 'x' }]));
    expect(c).toEqual({ type: 'fqdn', hostname: 'é'.repeat(126), domain: 'x' });
    const [d] = decode(encode([{ type: 'fqdn', hostname: 'h'.repeat(300), domain: 'example.net' }]));
    expect(d).toEqual({ type: 'fqdn', hostname: 'h'.repeat(253), domain: '' });
  });

  it('drops exact repetitions, and takes the last of those that differ', () => {
    const list = decodeHex(['02 00', '40 02 00 0a', '02 00', '40 02 00 14', '40 02 00 0a'].join(''));
    expect(list.map((c) => c.type)).toEqual(['routeRefresh', 'gracefulRestart', 'gracefulRestart']);
    expect(lastOf(list, 'gracefulRestart')?.restartTimeSec).toBe(20);
    expect(lastOf(list, 'role')).toBeUndefined();
  });

  it('decode ∘ encode is the identity', () => {
    fc.assert(
      fc.property(fc.uniqueArray(capability, { maxLength: 8, selector: (c) => toHex(encode([c])) }), (list) => {
        expect(decode(encode(list))).toEqual(list);
      }),
    );
  });
});

describe('negotiate', () => {
  const ipv4: Capability = { type: 'multiprotocol', afi: 1, safi: 1 };
  const ipv6: Capability = { type: 'multiprotocol', afi: 2, safi: 1 };
  const vpn: Capability = { type: 'multiprotocol', afi: 25, safi: 70 };

  it('takes IPv4 unicast for granted only when no family is announced at all', () => {
    expect(negotiate([], []).families).toEqual(['ipv4']);
    expect(negotiate([ipv6, ipv4], []).families).toEqual(['ipv4']);
    expect(negotiate([ipv6, ipv4], [ipv6, vpn]).families).toEqual(['ipv6']);
    expect(negotiate([ipv4], [ipv6]).families).toEqual([]);
    expect(negotiate([ipv4, ipv4], [vpn, ipv4, ipv4]).families).toEqual(['ipv4']);
  });

  it('needs both sides for everything', () => {
    const all: Capability[] = [
      ipv4,
      { type: 'routeRefresh' },
      { type: 'enhancedRefresh' },
      { type: 'extendedMessage' },
      { type: 'fourOctetAs', asn: 1 },
      { type: 'extendedNextHop', entries: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
      { type: 'addPath', entries: [{ afi: 1, safi: 1, send: true, receive: true }] },
    ];
    expect(negotiate(all, all)).toEqual({
      fourOctetAs: true,
      families: ['ipv4'],
      routeRefresh: true,
      enhancedRefresh: true,
      extendedMessage: true,
      extendedNextHop: true,
      addPathReceive: ['ipv4'],
      addPathSend: ['ipv4'],
    });
    const nothing = {
      fourOctetAs: false,
      families: ['ipv4'],
      routeRefresh: false,
      enhancedRefresh: false,
      extendedMessage: false,
      extendedNextHop: false,
      addPathReceive: [],
      addPathSend: [],
    };
    expect(negotiate(all, [ipv4])).toEqual(nothing);
    expect(negotiate([ipv4], all)).toEqual(nothing);
  });

  it.each([
    // ours, theirs, do we receive path identifiers, do we send them (RFC 7911 §5)
    [{ send: true, receive: false }, { send: false, receive: true }, false, true],
    [{ send: false, receive: true }, { send: true, receive: false }, true, false],
    [{ send: true, receive: false }, { send: true, receive: false }, false, false],
    [{ send: false, receive: true }, { send: false, receive: true }, false, false],
    [{ send: true, receive: true }, { send: false, receive: true }, false, true],
  ])('ADD-PATH is a matter of direction: %o with %o', (ours, theirs, receive, send) => {
    const capabilities = (mode: { send: boolean; receive: boolean }): Capability[] => [
      ipv6,
      { type: 'addPath', entries: [{ afi: 2, safi: 1, ...mode }] },
    ];
    const agreed = negotiate(capabilities(ours), capabilities(theirs));
    expect(agreed.addPathReceive).toEqual(receive ? ['ipv6'] : []);
    expect(agreed.addPathSend).toEqual(send ? ['ipv6'] : []);
  });
});
