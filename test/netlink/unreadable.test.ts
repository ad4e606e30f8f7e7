/** Objects that the kernel tells of and that cannot be read, in answers and in events. */
import { describe, expect, it } from 'vitest';
import { prefix } from '../../src/lib/prefix.ts';
import { Client, type Transport } from '../../src/netlink/client.ts';
import { HEADER_OCTETS, MessageFlag, MessageType } from '../../src/netlink/const.ts';
import { HostReader, HostWriter } from '../../src/netlink/host.ts';
import { codecs, type Kind } from '../../src/netlink/kinds.ts';
import { encodeMessage } from '../../src/netlink/message.ts';
import { Monitor } from '../../src/netlink/monitor.ts';
import { type PassedOver, Unreadable } from '../../src/netlink/unreadable.ts';
import { hexFiles } from '../support/hex.ts';

const fixtures = hexFiles('netlink/answer');
/** An answer of each kind. */
const answers: Readonly<Record<Kind, string>> = {
  link: 'link-vrf',
  address: 'address-6',
  route: 'route-6',
  rule: 'rule-whole',
  neighbour: 'neighbour-permanent',
  nextHop: 'nexthop-gateway',
};
const kinds = Object.keys(answers) as Kind[];
const PORT = 4711;

/** As an answer to a dump; `bad`: its first attribute says that it is longer than all that there is. */
function told(kind: Kind, sequence: number, bad: boolean): Uint8Array {
  const bytes = fixtures.get(answers[kind])!.slice();
  const view = new DataView(bytes.buffer);
  view.setUint16(6, MessageFlag.multi, true);
  view.setUint32(8, sequence, true);
  view.setUint32(12, PORT, true);
  if (bad) view.setUint16(HEADER_OCTETS + codecs[kind].headOctets, 0xffff, true);
  return bytes;
}

function done(sequence: number): Uint8Array {
  const w = new HostWriter(100);
  encodeMessage(w, { type: MessageType.done, flags: MessageFlag.multi, sequence }, (out) => out.h32(0));
  w.set32(12, PORT);
  return w.finish();
}

/** A kernel that answers each request with these. */
function kernel(answer: (sequence: number) => readonly Uint8Array[]): Transport {
  const queue: Uint8Array[] = [];
  return {
    portId: PORT,
    send: (bytes) => queue.push(...answer(new HostReader(bytes, 8).h32())),
    receive: () => queue.shift(),
  };
}

/** What somebody is told of. */
function listening(): { readonly unreadable: Unreadable; readonly heard: PassedOver[] } {
  const unreadable = new Unreadable();
  const heard: PassedOver[] = [];
  unreadable.listen((first) => heard.push(first));
  return { unreadable, heard };
}

describe.each(kinds)('a %s that cannot be read', (kind) => {
  it('is missing from a dump, counted, and told of once', () => {
    const { unreadable, heard } = listening();
    const client = new Client(
      kernel((n) => [told(kind, n, false), told(kind, n, true), told(kind, n, false), done(n)]),
      unreadable,
    );
    const filter = kind === 'neighbour' ? { proxy: false } : {};
    expect(client.dump(kind, filter)).toHaveLength(2);
    expect(client.dump(kind, filter)).toHaveLength(2);
    expect([...unreadable.counts]).toEqual([[kind, 2]]);
    expect(heard).toEqual([
      { kind, reason: expect.stringMatching(/: its length is 65535$/), octets: expect.stringMatching(/^[0-9a-f]+$/) },
    ]);
    // Whoever listens late is told, too.
    const late: PassedOver[] = [];
    unreadable.listen((first) => late.push(first))();
    expect(late).toEqual(heard);
  });

  it('is an event of which nothing is known, and hides none behind it', () => {
    const { unreadable, heard } = listening();
    const datagram = Uint8Array.from([...told(kind, 0, true), ...told(kind, 0, false)]);
    const queue = [datagram, datagram];
    const monitor = new Monitor({ receive: () => queue.shift() }, unreadable);
    for (const _ of queue.slice()) expect(monitor.read()).toMatchObject([{ type: 'malformed' }, { type: 'new', kind }]);
    expect([...unreadable.counts]).toEqual([[kind, 2]]);
    expect(heard).toHaveLength(1);
  });
});

it('an answer that cannot be read is an error of the request', () => {
  const { unreadable } = listening();
  const client = new Client(
    kernel((n) => [told('route', n, true)]),
    unreadable,
  );
  const destination = prefix('2001:db8::1/128');
  expect(() => client.get('route', { destination })).toThrow(/^EBADMSG: the route cannot be read/);
  const garbled = new Client(kernel(() => [Uint8Array.of(1, 2, 3)]));
  expect(() => garbled.dump('route', {})).toThrow(/^EBADMSG: 3 octets after the last message/);
  expect(() => garbled.perform({ verb: 'delete', kind: 'link', value: { index: 7 } })).toThrow(/^EBADMSG/);
});

it('reasons are told apart up to a number, and what is wrong with the program itself is thrown', () => {
  const { unreadable, heard } = listening();
  const bad = (length: number): void => {
    const bytes = told('route', 0, true);
    new DataView(bytes.buffer).setUint16(HEADER_OCTETS + codecs.route.headOctets, length, true);
    new Monitor({ receive: () => bytes }, unreadable).read();
  };
  for (let length = 1_000; length < 2_000; length++) bad(length);
  expect(unreadable.counts.get('route')).toBe(1_000);
  expect(heard.length).toBeGreaterThan(10);
  expect(heard.length).toBeLessThan(100);
  expect(() => unreadable.pass('route', new TypeError('no'), new Uint8Array())).toThrow(TypeError);
});
