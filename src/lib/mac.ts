/**
 * Ethernet addresses as numbers: 48 bits fit a double exactly, so that comparing two is `===` and reading one costs
 * nothing to keep. `Reader` and `Writer` read and write them as `u48`.
 */
import { Writer } from './bytes.ts';

/** 0 .. 2^48-1, the first octet on the wire the most significant. */
export type Mac = number;

export const BROADCAST_MAC: Mac = 0xffff_ffff_ffff;

/** Multicast and broadcast addresses: the first octet's lowest bit (IEEE 802 §8.2). */
export const isGroupMac = (mac: Mac): boolean => Math.floor(mac / 0x100_0000_0000) % 2 === 1;

/** `02:00:5e:10:00:01`. */
export const formatMac = (mac: Mac): string =>
  mac
    .toString(16)
    .padStart(12, '0')
    .replace(/..(?=.)/g, '$&:');

/** Six pairs of hexadecimal digits with colons; undefined when `text` is something else. */
export const parseMac = (text: string): Mac | undefined =>
  /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text) ? Number.parseInt(text.replaceAll(':', ''), 16) : undefined;

/** The six octets, the first one first. */
export const macBytes = (mac: Mac): Uint8Array => new Writer(6).u48(mac).bytes;
