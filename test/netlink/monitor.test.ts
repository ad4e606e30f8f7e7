import { describe, expect, it } from 'vitest';
import { MessageType } from '../../src/netlink/const.ts';
import { decodeEvents, type Event, Monitor } from '../../src/netlink/monitor.ts';
import { hexFiles } from '../support/hex.ts';

const fixtures = hexFiles('netlink/answer');
const link = fixtures.get('link-vrf')!;
const route = fixtures.get('route-6')!;

const withType = (bytes: Uint8Array, type: number): Uint8Array => {
  const copy = bytes.slice();
  new DataView(copy.buffer).setUint16(4, type, true);
  return copy;
};
const joined = (...pieces: Uint8Array[]): Uint8Array => Uint8Array.from(pieces.flatMap((p) => [...p]));

/** A monitor over these datagrams. */
const over = (...pieces: (Uint8Array | 'overrun')[]) => new Monitor({ receive: () => pieces.shift() });
const summary = (events: readonly Event[] | undefined) =>
  events?.map((event) => ('kind' in event ? `${event.type} ${event.kind}` : event.type));

describe('events', () => {
  it('say what is new and what has gone, and whose doing it was', () => {
    const events = decodeEvents(joined(link, withType(route, MessageType.delRoute)));
    expect(summary(events)).toEqual(['new link', 'del route']);
    expect(events[0]).toMatchObject({ portId: 12345, value: { name: 'red', info: { kind: 'vrf', table: 1001 } } });
  });

  it('of other kinds are left out', () => {
    // RTM_NEWQDISC.
    expect(decodeEvents(joined(withType(link, 36), fixtures.get('done')!))).toEqual([]);
  });

  it('of a radio are left out: they have the name of its link, and nothing else of it', () => {
    // IFLA_IFNAME "wlan0" and IFLA_WIRELESS, as after every association and scan.
    const wlan0 = [10, 0, 3, 0, ...new TextEncoder().encode('wlan0\0'), 0, 0];
    const head = link.slice(0, 32);
    const wireless = joined(head, Uint8Array.from(wlan0), Uint8Array.of(8, 0, 11, 0, 1, 2, 3, 4));
    new DataView(wireless.buffer).setUint32(0, wireless.length, true);
    expect(decodeEvents(joined(wireless, route)).map((event) => event.type)).toEqual(['new']);
    const named = joined(head, Uint8Array.from(wlan0));
    new DataView(named.buffer).setUint32(0, named.length, true);
    expect(decodeEvents(named)).toMatchObject([{ kind: 'link', value: { name: 'wlan0' } }]);
  });

  it('that cannot be read do not hide those behind them', () => {
    const bad = link.slice();
    new DataView(bad.buffer).setUint16(32, 0xffff, true);
    const events = decodeEvents(joined(bad, route));
    expect(summary(events)).toEqual(['malformed', 'new route']);
    expect(events[0]).toMatchObject({ reason: expect.stringMatching(/: its length is 65535$/) });
    expect(summary(decodeEvents(joined(route, Uint8Array.of(9, 9))))).toEqual(['new route', 'malformed']);
  });
});

describe('a monitor', () => {
  it('takes a datagram at a time', () => {
    const monitor = over(link, route);
    expect(summary(monitor.read())).toEqual(['new link']);
    expect(summary(monitor.read())).toEqual(['new route']);
    expect(monitor.read()).toBeUndefined();
  });

  it('throws away what is older than the dump that it asks for', () => {
    const monitor = over(link, 'overrun', route, route, 'overrun', route);
    expect(summary(monitor.read())).toEqual(['new link']);
    expect(summary(monitor.read())).toEqual(['overrun']);
    expect(monitor.read()).toBeUndefined();
  });

  it('gives way to others while a flood lasts', () => {
    let left = 25_000;
    const monitor = new Monitor({ receive: () => (left-- > 0 ? (left === 24_999 ? 'overrun' : route) : undefined) });
    expect(monitor.read()).toEqual([]);
    expect(monitor.read()).toEqual([]);
    expect(monitor.read()).toEqual([{ type: 'overrun' }]);
    expect(monitor.read()).toBeUndefined();
  });
});
