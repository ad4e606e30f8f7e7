import { expect, test } from 'vitest';
import { AdjRibOut } from '../../src/bgp/adjout.ts';
import { AttributeTable } from '../../src/bgp/intern.ts';
import { formatLine, parseLine, RecordedSession, type RecordLine, Replay } from '../../src/bgp/record.ts';
import type { PeerSettings } from '../../src/bgp/settings.ts';
import { address } from '../../src/lib/address.ts';
import { fromHex } from '../../src/lib/bytes.ts';
import { hexFiles } from '../support/hex.ts';
import { seeded } from '../support/mutate.ts';
import { keepalive, openOf } from '../support/recorded.ts';

const settings: PeerSettings = {
  name: 'router',
  address: address('192.0.2.2'),
  port: 179,
  localAsn: 64512,
  peerAsn: 64500,
  routerId: 0xc0000209,
  holdTimeSec: 90,
  families: ['ipv4'],
  passive: false,
  multihop: false,
  password: 'never written',
};
const local = { transport: address('192.0.2.1'), ipv4: address('192.0.2.1') };

/** A session that comes up, gets routes, and is told to stop. */
function recorded(): string[] {
  const text: string[] = [];
  const random = seeded(7);
  let connections = 40;
  const attributes = new AttributeTable();
  const session = new RecordedSession(
    settings,
    { out: new AdjRibOut(), attributes, random, newConnection: () => ++connections },
    (line) => text.push(formatLine(line)),
  );
  const scratch = new Uint8Array(4096);
  const received = (now: number, ...messages: readonly Uint8Array[]) => {
    let at = 0;
    for (const message of messages) {
      scratch.set(message, at);
      at += message.length;
    }
    // Views of a buffer that is used again.
    session.handle({ type: 'received', connection: 41, bytes: scratch.subarray(0, at) }, now);
  };
  session.handle({ type: 'start' }, 1000);
  session.handle({ type: 'connected', connection: 41, local }, 1010);
  received(1020, openOf(64500));
  received(1030, keepalive);
  received(1040, hexFiles('bgp/update').get('ipv4-reach')!);
  session.handle({ type: 'tick' }, 40_000);
  session.handle({ type: 'stop' }, 50_000);
  return text;
}

test('what was written down runs again, and comes out the same', () => {
  const lines = recorded();
  expect(lines.join('\n')).not.toContain('never written');
  const replay = new Replay();
  const states: string[] = [];
  let routes = 0;
  for (const line of lines) {
    const done = replay.take(parseLine(line));
    if (done === undefined) continue;
    expect(done.recorded).toBeUndefined();
    states.push(...done.states.map(([, to]) => to));
    for (const update of done.updates) routes += update.reach.length;
  }
  expect(states).toEqual(['Connect', 'OpenSent', 'OpenConfirm', 'Established', 'Idle']);
  expect(routes).toBe(1);
});

test('a record that says otherwise is told of where it does', () => {
  const lines = recorded().map((line) => parseLine(line));
  const replay = new Replay();
  const other = lines.map(
    (line): RecordLine => (line.type === 'event' && line.states ? { ...line, states: [] } : line),
  );
  const differences = other.flatMap((line) => {
    const done = replay.take(line);
    return done?.recorded ? [done.states.map(([, to]) => to)] : [];
  });
  expect(differences.flat()).toEqual(['Connect', 'OpenSent', 'OpenConfirm', 'Established', 'Idle']);
});

test.each([
  ['no JSON', 'nonsense', SyntaxError],
  ['another thing', '{"type":"open"}', SyntaxError],
  ['null', 'null', SyntaxError],
  ['a record to come', '{"type":"record","version":2}', /version 2/],
])('%s is no line of a record', (_, text, error) => {
  expect(() => parseLine(text)).toThrow(error);
});

test('a record that contradicts itself', () => {
  expect(() => new Replay().take({ type: 'event', peer: 'x', at: 0, event: { type: 'tick' } })).toThrow(
    /not introduced/,
  );
  const replay = new Replay();
  replay.take({ type: 'peer', peer: 'router', settings, restarting: false });
  expect(() => replay.take({ type: 'event', peer: 'router', at: 0, event: { type: 'start' } })).toThrow(/draws a/);
});

test('octets are octets again', () => {
  const line: RecordLine = {
    type: 'event',
    peer: 'p',
    at: 1.5,
    event: { type: 'received', connection: 3, bytes: fromHex('00ff10') },
  };
  expect(parseLine(formatLine(line))).toEqual(line);
  const buffer = { ...line, event: { ...line.event, bytes: Buffer.from('00ff10', 'hex') } } as RecordLine;
  expect(formatLine(buffer)).toBe(formatLine(line));
});
