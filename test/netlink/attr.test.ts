import { describe, expect, it } from 'vitest';
import { fromHex, OverflowError, toHex } from '../../src/lib/bytes.ts';
import { attributeAt, decodeAttributes, encodeAttributes, table } from '../../src/netlink/attr.ts';
import { MalformedError } from '../../src/netlink/errors.ts';
import { HostReader, HostWriter } from '../../src/netlink/host.ts';
import { decodeMessages, encodeMessage } from '../../src/netlink/message.ts';
import { answerOnly, bool8, flag, h32, property, requestOnly, text, u8 } from '../../src/netlink/row.ts';

interface Value {
  small?: number;
  wide?: number;
  name?: string;
  on?: boolean;
  there?: true;
  told?: number;
}
const inner = table<Value>([property('INNER', 3, 'small', u8)]);
const rows = table<Value, Value & { asked?: number }>([
  property('WIDE', 2, 'wide', h32),
  { ...property<Value, Value, 'small'>('SMALL', 1, 'small', u8), nested: inner },
  property('NAME', 3, 'name', text),
  property('ON', 4, 'on', bool8),
  { ...property<Value, Value, 'there'>('THERE', 5, 'there', flag), flagged: true },
  answerOnly('TOLD', 6, 'told', h32),
  requestOnly('ASKED', 7, 'asked', h32),
]);

const encode = (value: Value & { asked?: number }) => {
  const w = new HostWriter(1000);
  encodeAttributes(w, rows, value);
  return toHex(w.finish());
};
const decode = (hex: string) => {
  const value: Value = {};
  decodeAttributes(new HostReader(fromHex(hex)), rows, value);
  return value;
};

describe('attributes', () => {
  it('are written in the order of their rows, padded', () => {
    expect(encode({ small: 7, wide: 1, name: 'ab', on: false, there: true, told: 9, asked: 2 })).toBe(
      '0800020001000000' +
        '0500010007000000' +
        '0700030061620000' +
        '0500040000000000' +
        '04000580' +
        '0800070002000000',
    );
    expect(encode({})).toBe('');
  });

  it('are read in any order, without padding at the end', () => {
    expect(decode('0500010007000000 0800020001000000')).toEqual({ small: 7, wide: 1 });
    expect(decode('0500010007')).toEqual({ small: 7 });
    expect(decode('0800060005000000 0800070005000000')).toEqual({ told: 5 });
  });

  it('may be flagged, longer than known, unknown and repeated', () => {
    expect(decode('05000180 07000000')).toEqual({ small: 7 });
    expect(decode('05000140 07000000')).toEqual({ small: 7 });
    expect(decode('0c000200 0100000002000000')).toEqual({ wide: 1 });
    expect(decode('0600ff3f 00010000 0500010008000000')).toEqual({ small: 8 });
    expect(decode('0500010008000000 0500010009000000')).toEqual({ small: 9 });
  });

  it('are refused when their lengths are wrong', () => {
    for (const [hex, message] of [
      ['0300010000000000', /SMALL: its length is 3/],
      ['0900010007000000', /SMALL: its length is 9/],
      ['0500ff3f', /attribute 16383: its length is 5/],
      ['04000100', /SMALL: 0 octets instead of 1/],
      ['0700020001000000', /WIDE: 3 octets instead of 4/],
      ['0500010007000000 0000', /2 octets after the last attribute/],
    ] as const) {
      expect(() => decode(hex)).toThrow(MalformedError);
      expect(() => decode(hex)).toThrow(message);
    }
  });

  it('are found by their offset', () => {
    const bytes = fromHex('ffffffff 0800020001000000 0c000100 0500030007000000 0500090000000000');
    const at = (offset: number) => attributeAt(bytes, 4, bytes.length, offset, rows);
    expect(at(4)).toBe('WIDE');
    expect(at(11)).toBe('WIDE');
    expect(at(12)).toBe('SMALL');
    expect(at(16)).toBe('SMALL.INNER');
    expect(at(24)).toBe('attribute 9');
    expect(at(0)).toBeUndefined();
    expect(at(400)).toBeUndefined();
  });
});

describe('messages', () => {
  it('follow each other, aligned', () => {
    const w = new HostWriter(1000);
    encodeMessage(w, { type: 24, flags: 5, sequence: 1 }, (out) => out.u8(1));
    encodeMessage(w, { type: 25, flags: 1, sequence: 0xffff_ffff }, (out) => out.h32(7));
    const bytes = w.finish();
    expect(bytes.length).toBe(40);
    const read = [...decodeMessages(bytes)].map(({ body, ...head }) => ({ ...head, body: toHex(body.rest()) }));
    expect(read).toEqual([
      { type: 24, flags: 5, sequence: 1, portId: 0, body: '01' },
      { type: 25, flags: 1, sequence: 0xffff_ffff, portId: 0, body: '07000000' },
    ]);
  });

  it('that do not fit leave nothing behind', () => {
    const w = new HostWriter(20);
    expect(() => encodeMessage(w, { type: 24, flags: 0, sequence: 1 }, (out) => out.zeros(5))).toThrow(OverflowError);
    expect(w.at).toBe(0);
  });

  it('are refused when their lengths are wrong', () => {
    const head = '1800 0000 0000 00000000 00000000';
    for (const hex of [`0f000000${head}`, `15000000${head}`, `10000000${head} 00`, '100000']) {
      const read = () => [...decodeMessages(fromHex(hex))];
      expect(read).toThrow(MalformedError);
    }
  });
});
