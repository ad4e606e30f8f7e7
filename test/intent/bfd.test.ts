import { describe, expect, it } from 'vitest';
import { bfdKey, bfdPath, wantedBfd } from '../../src/intent/bfd.ts';
import { address } from '../../src/lib/address.ts';
import { contains, prefix } from '../../src/lib/prefix.ts';
import { settingsOf } from '../support/pipe.ts';

const link = prefix('192.0.2.0/24');
const onLink = (a: Parameters<typeof contains>[1]) => contains(link, a);
const bfd = {
  ...{ receiveIntervalMs: 300, transmitIntervalMs: 300, detectMultiplier: 3, passive: false, minimumTtl: 254 },
  strict: false,
};
const { strict: _, ...plain } = bfd;

describe('a session is multihop', () => {
  const external = {};
  const internal = { peerAsn: 65001 };
  const near = { address: address('192.0.2.2') };
  const far = { address: address('198.51.100.2') };
  it.each([
    ['eBGP', { ...external, ...near }, 'single'],
    ['eBGP, on no link that we see', { ...external, ...far }, 'single'],
    ['eBGP that may be', { ...external, ...near, multihop: true }, 'multi'],
    ['iBGP on a link', { ...internal, ...near }, 'single'],
    ['iBGP elsewhere', { ...internal, ...far }, 'multi'],
    ['iBGP, known by its side alone', { peerAsn: 'internal', ...far }, 'multi'],
    ['GTSM, one hop', { ...internal, ...far, ttlSecurityHops: 1 }, 'single'],
    ['GTSM, more', { ...external, ...near, ttlSecurityHops: 2 }, 'multi'],
    ['unnumbered', { ...internal, address: address('fe80::1'), interface: 'eth0' }, 'single'],
  ] as const)('%s', (_, settings, hops) => {
    expect(bfdPath(settingsOf(settings), onLink).hops).toBe(hops);
  });
});

it('who watches one path has one session, as the most demanding asks', () => {
  const one = settingsOf({ name: 'z', bfd: { ...bfd, transmitIntervalMs: 50, passive: true } });
  const other = settingsOf({ name: 'a', bfd: { ...bfd, receiveIntervalMs: 20, detectMultiplier: 5, minimumTtl: 250 } });
  const wanted = [...wantedBfd([one, settingsOf({ name: 'none' }), other], [], onLink).values()];
  expect(wanted).toHaveLength(1);
  expect(wanted[0]).toMatchObject({
    users: ['a', 'z'],
    settings: { ...plain, transmitIntervalMs: 50, receiveIntervalMs: 20, detectMultiplier: 3, passive: false },
  });
  expect(wanted[0]!.settings).not.toHaveProperty('strict');
});

it('another address, link, VRF, source or kind is another path', () => {
  const all = [
    {},
    { address: address('192.0.2.3') },
    { vrf: 'red' },
    { sourceAddress: address('192.0.2.1') },
    { multihop: true },
    { address: address('fe80::1'), interface: 'eth0' },
    { address: address('fe80::1'), interface: 'eth1' },
  ].map((changes, i) => settingsOf({ name: `${i}`, bfd, ...changes }));
  expect(wantedBfd(all, [], onLink).size).toBe(all.length);
  for (const [key, wanted] of wantedBfd(all, [], onLink)) expect(bfdKey(wanted)).toBe(key);
});

it('members of the cluster are watched over a link as neighbours, elsewhere as multihop, beside a peer as one session', () => {
  const { strict: _, ...settings } = bfd;
  const near = { name: 'near', address: address('192.0.2.2'), settings };
  const far = { name: 'far', address: address('198.51.100.2'), source: address('192.0.2.1'), settings };
  const peer = settingsOf({ name: 'router', address: near.address, bfd: { ...bfd, detectMultiplier: 2 } });
  expect([...wantedBfd([peer], [near, far], onLink).values()]).toMatchObject([
    { hops: 'single', users: ['router'], members: ['near'], settings: { detectMultiplier: 2 } },
    { hops: 'multi', users: [], members: ['far'], source: address('192.0.2.1') },
  ]);
});
