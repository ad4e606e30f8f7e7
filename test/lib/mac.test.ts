import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Reader, TruncatedError, Writer } from '../../src/lib/bytes.ts';
import { BROADCAST_MAC, formatMac, isGroupMac, macBytes, parseMac } from '../../src/lib/mac.ts';

describe('Ethernet addresses as numbers', () => {
  it.each([
    ['02:00:5e:10:00:01', 0x02005e100001],
    ['00:00:00:00:00:00', 0],
    ['ff:ff:ff:ff:ff:ff', BROADCAST_MAC],
    ['33:33:ff:00:00:c8', 0x3333ff0000c8],
  ])('%s', (text, mac) => {
    expect(parseMac(text)).toBe(mac);
    expect(parseMac(text.toUpperCase())).toBe(mac);
    expect(formatMac(mac)).toBe(text);
  });

  it.each(['', '02:00:5e:10:00', '02:00:5e:10:00:01:02', '02-00-5e-10-00-01', '2:0:5e:10:0:1', 'g2:00:5e:10:00:01'])(
    'refuses "%s"',
    (text) => expect(parseMac(text)).toBeUndefined(),
  );

  it('keeps all 48 bits through octets', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: BROADCAST_MAC }), (mac) => {
        const bytes = macBytes(mac);
        expect(bytes).toHaveLength(6);
        expect(new Reader(bytes).u48()).toBe(mac);
        expect(parseMac(formatMac(mac))).toBe(mac);
        expect(isGroupMac(mac)).toBe((bytes[0]! & 1) === 1);
      }),
    );
  });

  it('is read and written whole or not at all', () => {
    const r = new Reader(new Uint8Array(5));
    expect(() => r.u48()).toThrow(TruncatedError);
    expect(r.at).toBe(0);
    const w = new Writer(5);
    expect(() => w.u48(1)).toThrow('overflow');
    expect(w.at).toBe(0);
  });
});
