import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAttributes, encodeAttributes } from '../../src/bgp/attr.ts';
import type { PathAttributes } from '../../src/bgp/path.ts';
import { scanAttributes } from '../../src/bgp/scan.ts';
import { formats, guess } from '../../src/capture/decoder.ts';
import { tailOf } from '../../src/capture/lines.ts';
import { writePlain } from '../../src/capture/plain.ts';
import { HexText } from '../../src/capture/text.ts';
import { LENIENT } from '../../src/capture/updates.ts';
import { routeJson } from '../../src/daemon/routes.ts';
import { Ascii } from '../../src/lib/ascii.ts';
import { toHex } from '../../src/lib/bytes.ts';
import { nextHop4, pathAttributes } from '../support/bgp.ts';
import { hexFiles } from '../support/hex.ts';
import { Mutator } from '../support/mutate.ts';
import {
  bgp4mpOf,
  decode,
  ethernetOf,
  ipOf,
  join,
  keepalive,
  openOf,
  pcapngOf,
  pcapOf,
  peerIndex,
  pick,
  recordOf,
  type SegmentSpec,
} from '../support/recorded.ts';

const updates = hexFiles('bgp/update');
const textOf = (octets: Uint8Array) => Buffer.from(octets).toString();
const ascii = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** Octets of a text, and what is wrong with it. */
function octetsOf(text: string): (number | string)[] {
  const hex = new HexText();
  const found = text.split('\n').flatMap((line) => {
    const { octets, fault } = hex.take(line);
    return fault === undefined ? [...octets] : [fault, ...octets];
  });
  const left = hex.end();
  return left === undefined ? found : [...found, left];
}

describe('hexadecimal', () => {
  it.each([
    ['digits', 'ffFF00'],
    ['blanks and lines', 'ff ff\n00\n'],
    ['lines that end in carriage returns', 'ff ff # marker\r\n# more\r\n00\r\n'],
    ['colons', 'ff:ff:00'],
    ['prefixes and commas', '0xff, 0XFF, 0x00'],
    ['comments', '# head\nffff # marker\n00'],
    ['a digit on the next line', 'ff f\nf 00'],
    ['xxd', '00000000: ffff 00                                  ...'],
    ['hexdump -C, with the total at its end', '00000000  ff ff 00                                |...|\n00000003\n'],
  ])('%s', (_, text) => {
    expect(octetsOf(text)).toEqual([255, 255, 0]);
  });

  it('one dump behind another', () => {
    const dump = '00000000  ff ff 00                                |...|\n00000003\n';
    expect(octetsOf(dump + dump)).toEqual([255, 255, 0, 255, 255, 0]);
  });

  it('says where it is none', () => {
    expect(octetsOf('ff\nfg\n00')).toEqual([255, '"g" is no hexadecimal digit', 0]);
    expect(octetsOf('ff f')).toEqual([255, 'an odd number of digits']);
    // A number that is how many octets there were is one of octets where no dump is.
    expect(octetsOf('0000\n00000002')).toEqual([0, 0, 0, 0, 0, 2]);
  });

  const line = toHex(keepalive);
  const found = (...lines: readonly string[]) =>
    pick(decode('hex', ascii(lines.join('\r\n'))).lines, 'type', 'error', 'offset');
  const whole = ['keepalive', undefined, undefined];

  it('a line that is none costs its message alone', () => {
    expect(found('hello')).toEqual([['error', 'line 1: "h" is no hexadecimal digit', 0]]);
    expect(found(line, `${line} ?`, line, 'and so', 'on', line)).toEqual([
      whole,
      ['error', 'line 2: "?" is no hexadecimal digit', 19],
      whole,
      ['error', 'line 4: "n" is no hexadecimal digit', 38],
      whole,
    ]);
    expect(found(line.slice(0, 20), 'x', line.slice(20), line)).toEqual([
      ['error', 'line 2: "x" is no hexadecimal digit; 19 octets passed over', 0],
      whole,
    ]);
  });

  it('a message a line: one that is cut off costs itself alone', () => {
    for (let length = 2; length < line.length; length += 2)
      expect(found(line, line.slice(0, length), line)).toEqual([
        whole,
        ['error', expect.stringMatching(/^line 3: begins a message, and the one before it has not ended/), 19],
        whole,
      ]);
    expect(found(line.slice(0, 21), line)).toEqual([
      ['error', 'line 2: an odd number of digits in front of a message; 10 octets passed over', 0],
      whole,
    ]);
  });

  it('is decoded line by line as it comes, and however it is cut', () => {
    const text = ascii(`${line}\r\n${line}\n${line}`);
    for (const chunk of [1, 7, 39]) expect(decode('hex', text, { chunk })).toEqual(decode('hex', text));
    expect(decode('hex', Uint8Array.of(0xef, 0xbb, 0xbf, ...text)).lines).toHaveLength(3);
  });
});

describe('the format of a file', () => {
  it.each([
    ['hex', ascii('ffffffffffffffff')],
    ['hex', ascii('\xef\xbb\xbf# a head\r\n')],
    ['raw', keepalive.slice(0, 16)],
    ['pcap', pcapOf([]).slice(0, 16)],
    ['pcap', pcapOf([], { little: false, nano: true }).slice(0, 16)],
    ['pcap', pcapngOf([]).slice(0, 16)],
    ['mrt', recordOf(13, 1, peerIndex()).slice(0, 16)],
    [undefined, Uint8Array.from({ length: 16 }, (_, i) => i * 13)],
  ])('%s', (format, start) => {
    expect(guess(start)).toBe(format);
  });
});

describe('messages', () => {
  it('every fixture, as hexadecimal and as a stream: the same lines', () => {
    const files = [
      ...hexFiles('bgp/message').values(),
      ...[...updates].filter(([n]) => !/two|add-path/.test(n)).map(([, b]) => b),
    ];
    const stream = join(...files);
    const raw = decode('raw', stream);
    expect(raw.summary.errors).toBe(0);
    expect(decode('hex', ascii(toHex(stream)))).toEqual(raw);
    expect(new Set(raw.lines.map((l) => l.type))).toEqual(
      new Set(['open', 'update', 'notification', 'keepalive', 'routeRefresh']),
    );
    expect(new Set(raw.lines.map((l) => l.event))).toEqual(new Set([undefined, 'announce', 'withdraw', 'endOfRib']));
  });

  it('AS numbers of two octets, and path identifiers, where they are said to be', () => {
    const two = decode('raw', updates.get('ipv4-two-octet')!, { context: { ...LENIENT, fourOctetAs: false } });
    expect(two.summary).toMatchObject({ errors: 0, faults: 0 });
    const paths = decode('raw', updates.get('ipv4-add-path')!, { context: { ...LENIENT, addPathReceive: ['ipv4'] } });
    expect(paths.lines.every((l) => typeof l.pathId === 'number')).toBe(true);
  });

  it('an error has the code that a NOTIFICATION would have, and what follows is read', () => {
    const [hostile] = hexFiles('bgp/hostile').values();
    const { lines, summary } = decode('raw', join(hostile!, keepalive));
    expect(lines[0]).toMatchObject({ type: 'error', offset: 0, notification: { code: expect.any(Number) } });
    expect(lines.at(-1)).toMatchObject({ type: 'keepalive' });
    expect(summary.errors).toBe(1);
  });
});

describe('attributes straight to text', () => {
  it('are what the long way makes of them', () => {
    let plain = 0;
    fc.assert(
      fc.property(pathAttributes(nextHop4, true), fc.boolean(), fc.boolean(), (all, few, fourOctetAs) => {
        const { origin, asPath, nextHop, med, localPref, communities, largeCommunities } = all;
        const usual = { origin, asPath, nextHop, med, localPref, communities, largeCommunities };
        const context = { ...LENIENT, fourOctetAs };
        const { block } = encodeAttributes((few ? usual : all) as PathAttributes, 'ipv4', context);
        if (block === undefined) return;
        const out = new Ascii();
        if (!writePlain(out, block, scanAttributes(block, 0, block.length, context), fourOctetAs ? 4 : 2)) {
          expect(out.take().length).toBe(0);
          return;
        }
        plain++;
        const decoded = decodeAttributes(block, 0, block.length, context).attributes!;
        expect(textOf(out.take())).toBe(textOf(tailOf(routeJson(decoded))));
      }),
      { numRuns: 500 },
    );
    expect(plain).toBeGreaterThan(50);
  });
});

describe('sessions in captures', () => {
  const reach = updates.get('ipv4-add-path')!;
  const frames = (...segments: readonly SegmentSpec[]) => pcapOf(segments.map((s) => ethernetOf(ipOf(s))));
  const ours = { from: '192.0.2.2', to: '192.0.2.1', sport: 40000, dport: 179 };

  it('what both OPENs agreed on holds for what follows', () => {
    const [a, b] = [openOf(64500, true), openOf(64501, true)];
    const file = (second: Uint8Array) =>
      frames(
        { sequence: 0, payload: a },
        { ...ours, sequence: 0, payload: second },
        { sequence: a.length, payload: reach },
      );
    expect(decode('pcap', file(b)).lines.at(-1)).toMatchObject({ event: 'announce', pathId: expect.any(Number) });
    const without = decode('pcap', file(openOf(64501)));
    expect(without.lines.slice(2).every((l) => l.pathId === undefined)).toBe(true);
  });

  it('on another port: where they begin with a message, or the port is said', () => {
    const other = { sport: 1790, dport: 1791 };
    expect(decode('pcap', frames({ ...other, sequence: 0, payload: keepalive })).lines.length).toBe(1);
    const late = frames({ ...other, sequence: 0, payload: join(Uint8Array.of(1, 2), keepalive) });
    expect(decode('pcap', late).lines).toEqual([]);
    expect(pick(decode('pcap', late, { port: 1790 }).lines, 'type')).toEqual([['error'], ['keepalive']]);
  });

  it('octets that were not captured are reported, and the next message is found', () => {
    const { lines } = decode(
      'pcap',
      frames(
        { sequence: 0, payload: keepalive },
        { sequence: 19, payload: keepalive.slice(0, 9) },
        { sequence: 60, payload: join(Uint8Array.of(3, 4), keepalive) },
        { sequence: 81, flags: 0x11 },
      ),
    );
    expect(pick(lines, 'type', 'error')).toEqual([
      ['keepalive', undefined],
      ['error', '32 octets were not captured; 11 octets passed over'],
      ['keepalive', undefined],
    ]);
  });
});

it('damaged files of every format give lines or a CaptureError, and nothing else', () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const mutator = new Mutator(seed);
  const reach = updates.get('ipv4-reach')!;
  const files = {
    hex: ascii(toHex(reach)),
    raw: join(openOf(64500), reach, keepalive),
    pcap: pcapOf([openOf(64500), reach].map((payload, i) => ethernetOf(ipOf({ sequence: 100 * i, payload })))),
    mrt: join(recordOf(13, 1, peerIndex()), recordOf(16, 4, bgp4mpOf(4, reach))),
  };
  for (let n = 0; n < 2000; n++) {
    const format = mutator.pick(formats);
    const file = files[format].slice();
    for (let k = 1 + mutator.below(4); k > 0; k--) file[mutator.below(file.length)] = mutator.octets(1)[0]!;
    try {
      decode(format, file.slice(0, mutator.below(2) ? file.length : mutator.below(file.length)));
    } catch (error) {
      throw new Error(`seed ${seed}, ${format} ${toHex(file)}`, { cause: error });
    }
  }
});
