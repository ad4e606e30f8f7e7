import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Flow, type FlowPiece } from '../../src/capture/flow.ts';

const stream = Uint8Array.from({ length: 200 }, (_, i) => i);

function text(pieces: readonly FlowPiece[]): (number[] | string)[] {
  const out: (number[] | string)[] = [];
  for (const piece of pieces) {
    const last = out.at(-1);
    if ('missing' in piece) out.push(`${piece.missing} missing`);
    else if (typeof last === 'object') last.push(...piece.bytes);
    else out.push([...piece.bytes]);
  }
  return out;
}

describe('a direction of a connection', () => {
  it('is put together whatever comes twice, late or overlapping, also where sequence numbers turn', () => {
    const cuts = fc.array(fc.tuple(fc.nat(stream.length - 1), fc.integer({ min: 1, max: 60 })), { maxLength: 30 });
    fc.assert(
      fc.property(cuts, fc.constantFrom(0, 1000, 0xffffffff, 0xffffffff - 100), (repeated, isn) => {
        const flow = new Flow();
        const found = flow.take(isn, true, new Uint8Array(0), 0);
        const send = (from: number, length: number) => {
          const payload = stream.slice(from, from + length);
          found.push(...flow.take((isn + 1 + from) >>> 0, false, payload, 0).map(copied));
        };
        for (const [from, length] of repeated) send(from, length);
        for (let from = 0; from < stream.length; from += 50) send(from, 50);
        expect(text(found)).toEqual([[...stream]]);
        expect(flow.end()).toEqual([]);
      }),
    );
  });

  it('without its beginning starts where the capture does', () => {
    const flow = new Flow();
    expect(text(flow.take(5000, false, stream.slice(0, 10), 0))).toEqual([[...stream.slice(0, 10)]]);
  });

  it('goes on behind what the capture lost, at its end or when too much waits', () => {
    const flow = new Flow();
    flow.take(0, true, new Uint8Array(0), 0);
    flow.take(1, false, stream.slice(0, 10), 0);
    expect(flow.take(21, false, stream.slice(20, 30), 0)).toEqual([]);
    expect(text(flow.end())).toEqual(['10 missing', [...stream.slice(20, 30)]]);
    let found: FlowPiece[] = [];
    const large = new Uint8Array(60_000);
    for (let n = 0; n < 100 && found.length === 0; n++) found = flow.take(41 + n * large.length, false, large, 0);
    expect(found[0]).toEqual({ missing: 10 });
  });

  it('tells of octets that the capture cut off', () => {
    const flow = new Flow();
    flow.take(0, true, new Uint8Array(0), 0);
    expect(text(flow.take(1, false, stream.slice(0, 10), 5))).toEqual([[...stream.slice(0, 10)], '5 missing']);
    // Sent again: nothing new, and nothing more is missing.
    expect(text(flow.take(1, false, stream.slice(0, 10), 5))).toEqual([]);
    expect(text(flow.take(16, false, stream.slice(15, 20), 0))).toEqual([[...stream.slice(15, 20)]]);
    expect(text(flow.take(16, false, stream.slice(15, 20), 9))).toEqual(['9 missing']);
    expect(text(flow.take(30, false, stream.slice(29, 31), 0))).toEqual([[...stream.slice(29, 31)]]);
  });

  it('begins anew with a new connection on the same ports', () => {
    const flow = new Flow();
    flow.take(0, true, new Uint8Array(0), 0);
    flow.take(50, false, stream.slice(0, 10), 0);
    flow.take(9000, true, new Uint8Array(0), 0);
    expect(text(flow.take(9001, false, stream.slice(0, 3), 0))).toEqual([[0, 1, 2]]);
    expect(flow.end()).toEqual([]);
  });
});

const copied = (piece: FlowPiece): FlowPiece => ('bytes' in piece ? { bytes: piece.bytes.slice() } : piece);
