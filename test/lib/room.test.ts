import { afterEach, describe, expect, it } from 'vitest';
import { grown, takeRoomFrom, zeros } from '../../src/lib/room.ts';

it('grown keeps what was there', () => {
  expect(grown(Uint32Array.of(1, 2), 4)).toEqual(Uint32Array.of(1, 2, 0, 0));
  expect(grown(Uint8Array.of(1, 2), 3)).toEqual(Uint8Array.of(1, 2, 0));
});

describe('memory of 64 KiB and more', () => {
  afterEach(() => takeRoomFrom((octets) => new Uint8Array(octets)));

  it('comes from where it is to be taken from, as a part of something larger too', () => {
    const asked: number[] = [];
    takeRoomFrom((octets) => {
      asked.push(octets);
      return new Uint8Array(octets + 128).subarray(64, 64 + octets);
    });
    expect(zeros(Uint32Array, 16_383).byteOffset).toBe(0);
    const array = zeros(Uint32Array, 16_384);
    expect([array.byteOffset, array.length, asked]).toEqual([64, 16_384, [65_536]]);
    array[16_383] = 7;
    const more = grown(array, 20_000);
    expect([more.byteOffset, more.length, more[16_383], more[16_384]]).toEqual([64, 20_000, 7, 0]);
    expect(zeros(Uint8Array, 65_536).byteOffset).toBe(64);
    expect(zeros(Uint16Array, 32_768).length).toBe(32_768);
    expect(asked).toEqual([65_536, 80_000, 65_536, 65_536]);
  });
});
