import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Framer } from '../../src/bgp/framer.ts';
import { toHex } from '../../src/lib/bytes.ts';
import { faultOf } from '../support/bgp.ts';
import { hexFiles } from '../support/hex.ts';

const messages = [...hexFiles('bgp/message').values(), ...hexFiles('bgp/update').values()];
const stream = Uint8Array.from(messages.flatMap((m) => [...m]));
const want = messages.map((m) => `${m[18]}:${toHex(m.subarray(19))}`);

function drain(framer: Framer): string[] {
  const out: string[] = [];
  for (let f = framer.next(); f !== undefined; f = framer.next())
    out.push(`${f.type}:${toHex(f.bytes.subarray(f.start, f.end))}`);
  return out;
}

describe('Framer', () => {
  it('cuts a stream that comes in one piece, without copying', () => {
    const framer = new Framer();
    framer.push(stream);
    expect(framer.next()!.bytes).toBe(stream);
    expect(drain(framer)).toEqual(want.slice(1));
    expect(framer.pending).toBe(0);
  });

  it('gives the same messages wherever the stream is cut in two', () => {
    for (let at = 0; at <= stream.length; at++) {
      const framer = new Framer();
      framer.push(stream.slice(0, at));
      const first = drain(framer);
      framer.push(stream.slice(at));
      expect([...first, ...drain(framer)]).toEqual(want);
    }
  });

  it('gives the same messages octet by octet, and hands each out as soon as it is whole', () => {
    const framer = new Framer();
    const ends = new Set<number>();
    let end = 0;
    for (const m of messages) {
      end += m.length;
      ends.add(end);
    }
    const out: string[] = [];
    stream.forEach((octet, i) => {
      framer.push(Uint8Array.of(octet));
      const got = drain(framer);
      expect(got.length).toBe(ends.has(i + 1) ? 1 : 0);
      out.push(...got);
    });
    expect(out).toEqual(want);
  });

  it('gives the same messages whatever the chunks, drained between them or not', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(90), fc.boolean())), (chunks) => {
        const framer = new Framer();
        const out: string[] = [];
        let at = 0;
        for (const [size, now] of chunks) {
          framer.push(stream.slice(at, at + size));
          at = Math.min(stream.length, at + size);
          if (now) out.push(...drain(framer));
        }
        framer.push(stream.slice(at));
        expect(framer.pending).toBe(stream.length - out.reduce((n, m) => n + 19 + m.split(':')[1]!.length / 2, 0));
        expect([...out, ...drain(framer)]).toEqual(want);
      }),
    );
  });

  it('refuses a stream at the first octet that cannot be a marker', () => {
    const framer = new Framer();
    framer.push(stream.slice(0, messages[0]!.length));
    framer.push(Uint8Array.of(0xff, 0xff, 0x00));
    expect(framer.next()).toBeDefined();
    expect(faultOf(() => framer.next())).toMatchObject({ code: 1, subcode: 1 });
  });

  it('refuses a header in two pieces as it does one in a piece', () => {
    const bad = Uint8Array.of(...new Array(16).fill(0xff), 0x10, 0x01, 2);
    for (let at = 0; at <= 19; at++) {
      const framer = new Framer();
      framer.push(bad.slice(0, at));
      if (at < 19) expect(framer.next()).toBeUndefined();
      framer.push(bad.slice(at));
      expect(faultOf(() => framer.next())).toMatchObject({ code: 1, subcode: 2, data: Uint8Array.of(0x10, 0x01) });
    }
  });

  it('takes larger messages once the limit is raised, from the next message on', () => {
    const long = new Uint8Array(65535).fill(0xff, 0, 16);
    long.set([0xff, 0xff, 2], 16);
    const framer = new Framer();
    framer.push(messages[0]!);
    framer.push(long.slice(0, 40000));
    expect(framer.next()).toBeDefined();
    framer.maxMessage = 65535;
    expect(framer.next()).toBeUndefined();
    framer.push(long.slice(40000));
    expect(framer.next()).toMatchObject({ type: 2, start: 19, end: 65535 });
  });
});
