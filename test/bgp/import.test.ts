import { describe, expect, it } from 'vitest';
import { attributeReason, type ImportReason, type ImportRules } from '../../src/bgp/import.ts';
import type { AsSegment, PathAttributes } from '../../src/bgp/path.ts';
import { importRules } from '../../src/bgp/rules.ts';
import type { PeerSettings } from '../../src/bgp/settings.ts';
import { address, formatAddress } from '../../src/lib/address.ts';

const sequence = (...asns: number[]): AsSegment => ({ type: 'sequence', asns });
const rules: ImportRules = {
  internal: false,
  peerAsn: 65002,
  localAsns: [65001],
  routerId: 0xc0000201,
  enforceFirstAs: true,
  refuseMartians: false,
  isLocal: (a) => formatAddress(a) === '192.0.2.1',
};
const route: PathAttributes = { origin: 'igp', asPath: [sequence(65002, 7)], nextHop: address('192.0.2.2') };

describe('a route may not be used', () => {
  it.each<[ImportReason, Partial<PathAttributes>, Partial<ImportRules>]>([
    ['asLoop', { asPath: [sequence(65002, 65001)] }, {}],
    ['asLoop', { asPath: [sequence(65002), { type: 'set', asns: [9, 65001] }] }, {}],
    ['asLoop', { asPath: [sequence(65002, 64999)] }, { localAsns: [65001, 64999] }],
    ['firstAs', { asPath: [sequence(7, 65002)] }, {}],
    ['firstAs', { asPath: [] }, {}],
    ['asPathTooLong', {}, { maxAsPath: 1 }],
    ['originatorLoop', { originatorId: 0xc0000201 }, { internal: true }],
    ['clusterLoop', { clusterList: [5, 0xc0000201] }, { internal: true }],
    ['nextHopSelf', { nextHop: address('192.0.2.1') }, {}],
    ['martianNextHop', { nextHop: address('127.0.0.1') }, { refuseMartians: true }],
    ['martianNextHop', { nextHop: address('::1') }, { refuseMartians: true }],
    ['routeLeak', { otc: 65002 }, { role: 'provider' }],
    ['routeLeak', { otc: 65002 }, { role: 'routeServer' }],
    ['routeLeak', { otc: 7 }, { role: 'peer' }],
  ])('%s: %j', (reason, attributes, change) => {
    expect(attributeReason({ ...route, ...attributes }, { ...rules, ...change })).toBe(reason);
  });
});

describe('a route may be used', () => {
  it.each<[string, Partial<PathAttributes>, Partial<ImportRules>]>([
    ['as it is', {}, {}],
    ['with a path of exactly the length allowed', {}, { maxAsPath: 2 }],
    [
      'with a path of exactly the length allowed beyond a confederation',
      { asPath: [{ type: 'confedSequence', asns: [1, 2] }, sequence(65002, 7)] },
      { internal: true, maxAsPath: 2 },
    ],
    ['whatever its first AS from a route server', { asPath: [sequence(7)] }, { enforceFirstAs: false }],
    ['whatever its first AS inside', { asPath: [sequence(7)] }, { internal: true }],
    ['with originator and cluster of others', { originatorId: 5, clusterList: [6] }, { internal: true }],
    ['with reflection attributes that mean nothing outside', { originatorId: 0xc0000201 }, {}],
    ["with a peer's own OTC", { otc: 65002 }, { role: 'peer' }],
    ['with OTC from above', { otc: 7 }, { role: 'customer' }],
    ['with a link-local next hop', { nextHop: address('fe80::1') }, { refuseMartians: true }],
    ['with a martian next hop where nobody minds', { nextHop: address('127.0.0.1') }, {}],
  ])('%s', (_, attributes, change) => {
    expect(attributeReason({ ...route, ...attributes }, { ...rules, ...change })).toBeUndefined();
  });
});

it('rules come from what is configured and what the peer turned out to be', () => {
  const settings: PeerSettings = {
    name: 'r',
    address: address('192.0.2.2'),
    port: 179,
    localAsn: 64512,
    trueAsn: 65001,
    peerAsn: 'external',
    routerId: 9,
    holdTimeSec: 90,
    families: ['ipv4'],
    passive: false,
    multihop: false,
    role: 'peer',
    limits: { maxAsPath: 5, enforceFirstAs: false, refuseMartians: true },
  };
  expect(importRules(settings, undefined, rules.isLocal)).toEqual({
    internal: false,
    peerAsn: 0,
    localAsns: [64512, 65001],
    routerId: 9,
    enforceFirstAs: false,
    refuseMartians: true,
    maxAsPath: 5,
    role: 'peer',
    isLocal: rules.isLocal,
  });
  const first = (changes: Partial<PeerSettings>) =>
    importRules({ ...settings, limits: {}, ...changes }, undefined, rules.isLocal).enforceFirstAs;
  expect(first({})).toBe(true);
  // A route server does not put itself in front, unless an operator knows of one that does.
  expect(first({ role: 'routeServerClient' })).toBe(false);
  expect(first({ role: 'routeServerClient', limits: { enforceFirstAs: true } })).toBe(true);
});
