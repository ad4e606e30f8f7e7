/** What is put on the loopback and what is taken off it. */
import { expect, it } from 'vitest';
import { ADDRESS_TAG, place } from '../../src/daemon/placement.ts';
import { address, formatAddress } from '../../src/lib/address.ts';
import type { LinkAddress } from '../../src/netlink/ifaddr.ts';

const LO = 1;
const on = (link: number, text: string, more: Partial<LinkAddress> = {}): LinkAddress => ({
  ...{ link, address: address(text), length: text.includes(':') ? 128 : 32, flags: 0x80, scope: 'host' },
  ...more,
});
const ours = (text: string) => on(LO, text, { protocol: ADDRESS_TAG });

function plan(want: readonly string[], have: readonly LinkAddress[], remembered: readonly string[] = []) {
  const wanted = new Map(want.map((text) => [text, address(text)]));
  const { add, remove, present, kept } = place(wanted, have, LO, new Set(remembered));
  const texts = (list: typeof add) => list.map(formatAddress);
  return {
    ...{ add: texts(add), remove: texts(remove), kept: texts(kept) },
    present: present.map(({ ip, link }) => `${formatAddress(ip)} ${link}`),
  };
}
const nothing = { add: [], remove: [], kept: [], present: [] };

it('adds what is missing, keeps what is there, takes off what is no longer wanted', () => {
  expect(plan(['192.0.2.1', '2001:db8::1'], [ours('2001:db8::1'), ours('192.0.2.9')])).toEqual({
    ...{ add: ['192.0.2.1'], kept: ['2001:db8::1'], remove: ['192.0.2.9'], present: [] },
  });
});

it.each([
  ['on the loopback', on(LO, '192.0.2.1')],
  ['there with the tag of somebody else', on(LO, '192.0.2.1', { protocol: 99 })],
  ['there, of another length', on(LO, '192.0.2.1', { length: 24, protocol: ADDRESS_TAG })],
  ['on another interface', on(7, '192.0.2.1', { length: 24 })],
])('leaves an address alone that somebody else put %s, wanted or not', (_, there) => {
  expect(plan(['192.0.2.1'], [there])).toEqual({ ...nothing, present: [`192.0.2.1 ${there.link}`] });
  expect(plan([], [there])).toEqual(nothing);
});

it('where the kernel forgets tags, goes by what it remembers', () => {
  expect(plan([], [on(LO, '192.0.2.1')], ['192.0.2.1'])).toEqual({ ...nothing, remove: ['192.0.2.1'] });
  expect(plan(['192.0.2.1'], [on(LO, '192.0.2.1')], ['192.0.2.1'])).toEqual({ ...nothing, kept: ['192.0.2.1'] });
  expect(plan([], [on(LO, '192.0.2.1')], ['192.0.2.2'])).toEqual(nothing);
  expect(plan([], [on(7, '192.0.2.1')], ['192.0.2.1'])).toEqual(nothing);
});
