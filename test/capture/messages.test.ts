import { describe, expect, it } from 'vitest';
import { Messages, type Piece } from '../../src/capture/messages.ts';
import { join, keepalive, openOf } from '../support/recorded.ts';

/** Everything that comes of a stream in chunks of this size; messages by their type. */
function read(stream: Uint8Array, chunk = stream.length): (string | number)[] {
  const messages = new Messages();
  const out: (string | number)[] = [];
  const say = (piece: Piece) => out.push('error' in piece ? `${piece.offset}: ${piece.error}` : piece.message[18]!);
  for (let at = 0; at < stream.length; at += chunk) {
    messages.push(stream.slice(at, at + chunk));
    for (let next = messages.next(); next !== undefined; next = messages.next()) say(next);
  }
  const left = messages.end();
  if (left) say(left);
  return out;
}

describe('messages of a stream', () => {
  const stream = join(openOf(64500), keepalive, keepalive);
  const open = openOf(64500).length;

  it('come whole, however the stream is cut', () => {
    for (let chunk = 1; chunk <= stream.length; chunk++) expect(read(stream, chunk)).toEqual([1, 4, 4]);
  });

  it('are found again behind garbage, of which each stretch is reported once', () => {
    const garbage = Uint8Array.from({ length: 100 }, (_, i) => i);
    for (const chunk of [1, 7, 1000])
      expect(read(join(keepalive, garbage, openOf(64500), keepalive), chunk)).toEqual([
        4,
        '19: marker is not all ones; 100 octets passed over',
        1,
        4,
      ]);
  });

  it('a length that cannot be costs that message alone', () => {
    const wrong = keepalive.slice();
    wrong[17] = 200;
    expect(read(join(wrong, keepalive))).toEqual(['0: message of type 4 has 200 octets; 19 octets passed over', 4]);
  });

  it('ones that end a message are no marker of the next', () => {
    const ones = openOf(64500);
    ones.fill(0xff, open - 4);
    // The capabilities are of no account here: the message is cut out by its length.
    expect(read(join(ones, keepalive))).toEqual([1, 4]);
    expect(read(join(Uint8Array.of(1, 2, 3, 0xff, 0xff), keepalive))).toEqual([
      '0: marker is not all ones; 5 octets passed over',
      4,
    ]);
  });

  it('a stream that ends early says so', () => {
    for (let length = 1; length < stream.length; length++) {
      const found = read(stream.slice(0, length));
      const whole = length === open || length === open + 19;
      expect(typeof found.at(-1)).toBe(whole ? 'number' : 'string');
    }
    expect(read(keepalive.slice(0, 10))).toEqual(['0: ends within a message: 10 octets left']);
  });

  it('what is missing is given up up to the next marker', () => {
    const messages = new Messages();
    messages.push(stream.slice(0, open + 5));
    expect(messages.next()).toMatchObject({ offset: 0 });
    expect(messages.next()).toBeUndefined();
    messages.interrupt('40 octets were not captured');
    messages.push(join(Uint8Array.of(9, 9), keepalive));
    expect(messages.next()).toEqual({ offset: open, error: '40 octets were not captured; 7 octets passed over' });
    expect(messages.next()).toMatchObject({ message: keepalive });
    expect(messages.next()).toBeUndefined();
    expect(messages.end()).toBeUndefined();
  });
});
