/** Who the peers are: documents, and who called. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Peer } from '../../src/config/model.ts';
import { listenPlaces } from '../../src/daemon/listen.ts';
import { Roster } from '../../src/daemon/roster.ts';
import { address, formatAddress } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';
import { configuration, peer, speaker } from '../support/model.ts';

let roster: Roster;
beforeEach(() => {
  roster = new Roster({ changed: () => {}, problem: () => {} });
});
afterEach(() => roster.close());

const range = {
  prefix: prefix('10.1.0.0/16'),
  ...({ myAsn: 64500, peerAsn: 'external', limit: 2, ebgpMultiHop: false } as const),
  families: ['ipv4'],
} as const;
const apply = (...peers: readonly Peer[]) =>
  roster.apply(configuration({ peers, speaker: speaker({ dynamicPeers: [range] }) }), 1);
const call = (from: string, to = '10.0.0.1') => roster.call({ remote: address(from), local: address(to) }, 0)?.name;
const MINUTE_MS = 60_000;
const names = () => [...roster.wanted.keys()];

test('a range takes as many callers as it may, and never who has a document of his own', () => {
  apply(peer('router', '10.1.0.9', { sourceAddress: address('10.0.0.1') }));
  expect(['10.1.0.1', '10.1.0.2', '10.1.0.3'].map((from) => call(from))).toEqual(['10.1.0.1', '10.1.0.2', undefined]);
  expect(roster.leave('10.1.0.2', true, MINUTE_MS)).toBe(true);
  // He calls at an address of ours at which he is not to: a caller like others would have what his document denies.
  expect(call('10.1.0.9', '10.0.0.2')).toBeUndefined();
  expect(call('10.9.0.1')).toBeUndefined();
  expect(names()).toEqual(['router', '10.1.0.1']);
  // FRRConfigurations name sessions by addresses, and so may anybody: no two peers have one name.
  apply(peer('10.1.0.7', '10.9.0.7'));
  expect(call('10.1.0.7')).toBeUndefined();
  expect(names()).toEqual(['10.1.0.7', '10.1.0.1']);
});

test('a caller who gets a document is not two peers', () => {
  apply();
  expect(call('10.1.0.1')).toBe('10.1.0.1');
  apply(peer('router', '10.1.0.1'));
  expect(names()).toEqual(['router']);
  apply(peer('elsewhere', '10.1.0.1', { vrf: 'red' }));
  expect(call('10.1.0.1')).toBe('10.1.0.1');
  apply();
  expect(names()).toEqual(['10.1.0.1']);
});

test('a peer that is yet to be found may call in its VRF all the same', () => {
  const { address: _, ...unnumbered } = peer('link', '10.0.0.9', { interface: 'no-such-link', vrf: 'red' });
  const listen = { addresses: [address('0.0.0.0'), address('::')], port: 179 };
  const config = configuration({
    peers: [unnumbered, peer('blue', '10.0.0.9', { vrf: 'blue' }), peer('gone', '10.0.0.9', { vrf: 'gone' })],
    speaker: speaker({ listen }),
  });
  roster.apply(config, 1);
  expect(names()).toEqual(['blue', 'gone']);
  const places = listenPlaces(config, roster, new Set(['gone']));
  expect(places.map((p) => `${formatAddress(p.address)} ${p.vrf ?? ''}`).sort()).toEqual(
    ['', 'blue', 'red'].flatMap((vrf) => [`0.0.0.0 ${vrf}`, `:: ${vrf}`]).sort(),
  );
});
