import { describe, expect, it } from 'vitest';
import { OverflowError, TruncatedError } from '../../src/lib/bytes.ts';
import { HostReader, HostWriter } from '../../src/netlink/host.ts';

/** As the machine itself lays them out. */
const octets = (list: Uint16Array | Uint32Array | Int32Array) => new Uint8Array(list.buffer);

describe('cursors in host order', () => {
  it('write what typed arrays hold', () => {
    expect(new HostWriter(8).h16(0x1234).h16(0xffff).finish()).toEqual(octets(Uint16Array.of(0x1234, 0xffff)));
    expect(new HostWriter(8).h32(0x12345678).h32(0xffff_fffe).finish()).toEqual(
      octets(Uint32Array.of(0x12345678, 0xffff_fffe)),
    );
    expect(new HostWriter(8).i32(-2).i32(7).finish()).toEqual(octets(Int32Array.of(-2, 7)));
  });

  it('read what typed arrays hold', () => {
    const r = new HostReader(octets(Uint32Array.of(0x12345678, 0xffff_fffe, 0xffff_fffe)));
    expect([r.h32(), r.h32(), r.i32()]).toEqual([0x12345678, 0xffff_fffe, -2]);
    expect(new HostReader(octets(Uint16Array.of(0xfedc))).h16()).toBe(0xfedc);
  });

  it('keep to network order where they are not told otherwise', () => {
    expect(new HostWriter(2).u16(0x1234).finish()).toEqual(Uint8Array.of(0x12, 0x34));
  });

  it('bound what is nested', () => {
    const r = new HostReader(Uint8Array.of(1, 0, 2, 0, 3, 0));
    const inner = r.sub(2);
    inner.skip(2);
    expect(() => inner.h16()).toThrow(TruncatedError);
    expect(r.remaining).toBe(4);
    expect(() => r.sub(5)).toThrow(TruncatedError);
    expect(() => new HostReader(Uint8Array.of(1, 2, 3)).h32()).toThrow(TruncatedError);
    expect(() => new HostReader(Uint8Array.of(1)).h16()).toThrow(TruncatedError);
  });

  it('write nothing that does not fit', () => {
    const w = new HostWriter(3);
    expect(() => w.h32(1)).toThrow(OverflowError);
    expect(w.at).toBe(0);
    for (const v of [-1, 65536, 0.5, Number.NaN]) expect(() => w.h16(v)).toThrow(RangeError);
    for (const v of [-1, 256]) expect(() => w.u8(v)).toThrow(RangeError);
    expect(() => w.u16(65536)).toThrow(RangeError);
    expect(() => w.i32(2 ** 31)).toThrow(RangeError);
    expect(() => w.set16(0, 65536)).toThrow(OverflowError);
    expect(w.at).toBe(0);
  });

  it('pad to multiples of four', () => {
    expect(new HostWriter(8).u8(1).align().at).toBe(4);
    expect(new HostWriter(8).zeros(4).align().at).toBe(4);
    const w = new HostWriter(16).zeros(2);
    expect(w.u8(1).align(2).at).toBe(6);
    w.h32(0).set32(6, 0x01020304);
    expect(new HostReader(w.finish(6)).h32()).toBe(0x01020304);
  });
});
