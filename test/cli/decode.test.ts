/** `waypost decode`: its lines and its exit status. */
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { toHex } from '../../src/lib/bytes.ts';
import { Folder, waypost } from '../support/daemon.ts';
import { hexFiles } from '../support/hex.ts';
import { ethernetOf, ipOf, join, keepalive, openOf, pcapOf } from '../support/recorded.ts';

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder.dispose());

const reach = hexFiles('bgp/update').get('ipv4-reach')!;
const stream = join(openOf(64500), reach, keepalive);
const types = (stdout: string) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { type: string }).type);

test('hexadecimal on standard input', async () => {
  const { code, stdout, stderr } = await waypost(['decode'], { input: `${toHex(stream)}\n` });
  expect([code, stderr]).toEqual([0, '']);
  expect(types(stdout)).toEqual(['open', 'update', 'update', 'update', 'keepalive']);
  expect(JSON.parse(stdout.split('\n')[1]!)).toMatchObject({ event: 'announce', prefix: '10.0.0.0/8', origin: 'igp' });
});

test('standard input by its name, with carriage returns, in capitals, as a dump; and none at all', async () => {
  const plain = await waypost(['decode'], { input: toHex(stream) });
  const digits = toHex(stream);
  const octets = digits.match(/../g)!;
  const dump = Array.from({ length: Math.ceil(octets.length / 16) }, (_, i) => {
    const row = octets.slice(16 * i, 16 * i + 16).join(' ');
    return `${(16 * i).toString(16).padStart(8, '0')}  ${row.padEnd(47)}  |${'.'.repeat(16)}|\n`;
  });
  const total = `${octets.length.toString(16).padStart(8, '0')}\n`;
  for (const input of [
    digits.toUpperCase(),
    `0x${digits}`,
    `# a session\r\n${octets.join(' ')} # its end\r\n`,
    octets.map((octet) => `0x${octet},`).join('\r\n'),
    dump.join('') + total,
  ])
    expect(await waypost(['decode', '-'], { input })).toEqual(plain);
  for (const format of ['hex', 'raw', 'pcap', 'mrt'])
    expect(await waypost(['decode', '--format', format], { input: '' })).toEqual({ code: 0, stdout: '', stderr: '' });
});

test('a file of octets, and the same compressed', async () => {
  folder.write('a.upd', stream);
  folder.write('a.upd.gz', gzipSync(stream));
  const plain = await waypost(['decode', folder.file('a.upd')]);
  expect(plain.code).toBe(0);
  expect(await waypost(['decode', folder.file('a.upd.gz')])).toEqual(plain);
});

test('what no OPEN has said is said by options', async () => {
  const [two, paths] = ['ipv4-two-octet', 'ipv4-add-path'].map((name) => hexFiles('bgp/update').get(name)!);
  folder.write('two.upd', two!);
  folder.write('paths.upd', paths!);
  const routes = async (...argv: readonly string[]) => {
    const { code, stdout } = await waypost(['decode', ...argv]);
    expect(code).toBe(0);
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  expect(await routes('--as2', folder.file('two.upd'))).toEqual([
    expect.objectContaining({ prefix: '10.0.0.0/8', asPath: [65001, 70000, 64496] }),
  ]);
  expect(await routes('--add-path', 'ipv4', folder.file('paths.upd'))).toEqual([
    expect.objectContaining({ prefix: '10.0.0.0/8', pathId: 1 }),
    expect.objectContaining({ prefix: '203.0.113.0/24', pathId: 1 }),
  ]);
  // A capture that begins in the middle of a session, on a port that says nothing.
  const late = ipOf({ sport: 1790, dport: 40000, sequence: 5, payload: join(Uint8Array.of(1, 2), keepalive) });
  folder.write('late.pcap', pcapOf([ethernetOf(late)]));
  expect(await waypost(['decode', folder.file('late.pcap')])).toEqual({ code: 0, stdout: '', stderr: '' });
  const { code, stdout } = await waypost(['decode', '--port', '1790', folder.file('late.pcap')]);
  expect([code, types(stdout)]).toEqual([1, ['error', 'keepalive']]);
});

test('--summary', async () => {
  folder.write('a.upd', stream);
  const { code, stdout } = await waypost(['decode', '--summary', folder.file('a.upd')]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    messages: { keepalive: 1, open: 1, update: 1 },
    announced: { ipv4: 3, ipv6: 0 },
    withdrawn: { ipv4: 0, ipv6: 0 },
    prefixes: { ipv4: 3, ipv6: 0 },
    faults: 0,
    errors: 0,
  });
});

describe('exit 1', () => {
  test('something cannot be decoded: an error line for it, and the rest', async () => {
    folder.write('a.upd', join(keepalive, Uint8Array.of(1, 2, 3), keepalive));
    const { code, stdout, stderr } = await waypost(['decode', '--format', 'raw', folder.file('a.upd')]);
    expect([code, stderr, types(stdout)]).toEqual([1, '', ['keepalive', 'error', 'keepalive']]);
  });

  test('text that is no hexadecimal, and a message that is cut off: the others are decoded', async () => {
    const line = toHex(keepalive);
    const input = [toHex(reach), 'what is this', line, line.slice(0, 30), line].join('\n');
    const { code, stdout, stderr } = await waypost(['decode'], { input });
    expect([code, stderr]).toEqual([1, '']);
    expect(types(stdout)).toEqual(['update', 'update', 'update', 'error', 'keepalive', 'error', 'keepalive']);
  });

  test('there is no such file; it is a folder; its compression is damaged', async () => {
    expect(await waypost(['decode', folder.file('none')])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/none: no such file/),
    });
    expect(await waypost(['decode', folder.path])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/is a folder/),
    });
    folder.write('a.gz', gzipSync(stream).subarray(0, 40).fill(7, 15));
    expect(await waypost(['decode', folder.file('a.gz')])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/gzip data is damaged/),
    });
  });
});

test('exit 2: the format cannot be told, or is none; sizes of AS numbers that exclude each other', async () => {
  folder.write(
    'a',
    Uint8Array.from({ length: 40 }, (_, i) => i * 7),
  );
  expect(await waypost(['decode', folder.file('a')])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/give --format/),
  });
  expect(await waypost(['decode', '--format', 'bmp'])).toMatchObject({ code: 2 });
  expect(await waypost(['decode', '--as2', '--as4'])).toMatchObject({ code: 2 });
});
