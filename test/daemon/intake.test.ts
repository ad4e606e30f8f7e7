/** What of received routes may be used, as the addresses of this node come and go. */
import { expect, test } from 'vitest';
import { type Agreement, agree, offer } from '../../src/bgp/handshake.ts';
import { AttributeTable } from '../../src/bgp/intern.ts';
import { Rib } from '../../src/bgp/rib.ts';
import type { PeerSettings } from '../../src/bgp/settings.ts';
import { Intake } from '../../src/daemon/intake.ts';
import type { Peer } from '../../src/daemon/peer.ts';
import { address } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';
import { announce, attributesOf } from '../support/decide.ts';
import { settingsOf } from '../support/pipe.ts';

test('routes kept over a restart of their peer are judged by what its session had agreed on, whatever is edited meanwhile', () => {
  const attributes = new AttributeTable();
  const intake = new Intake(undefined, attributes, () => {});
  const rib = new Rib(attributes, intake.admission.accept);
  intake.admission.attach(rib);
  const settings = settingsOf({ peerAsn: 'external', receive: { all: true } });
  const peer = (changes: Partial<PeerSettings>, agreement?: Agreement) =>
    ({ slot: 0, settings: { ...settings, ...changes }, session: { agreement } }) as unknown as Peer;
  const [ours, theirs] = [offer(settings), offer({ ...settings, localAsn: 64601, routerId: 9 })];
  intake.update(peer({}, agree(settings, ours, theirs)));
  const to = prefix('203.0.113.0/24');
  announce(rib, 0, to, attributesOf(), false);
  rib.markStale(0, 'ipv4');
  const reason = () => {
    while (intake.admission.review(10));
    const id = rib.ipv4.prefixes.lookup(to);
    return intake.admission.reason(0, 'ipv4', rib.ipv4.attributesOf(rib.ipv4.first(id)), id);
  };
  expect(reason()).toBeUndefined();
  intake.update(peer({ limits: { maxAsPath: 20 } }));
  expect(reason()).toBeUndefined();
  intake.update(peer({ receive: { rules: [] } }));
  expect(reason()).toBe('noReceivePolicy');
});

test('a next hop that is ours leads back here; a link-local one may be the peer’s, whatever we have elsewhere', () => {
  const attributes = new AttributeTable();
  const intake = new Intake(undefined, attributes, () => {});
  const rib = new Rib(attributes, intake.admission.accept);
  intake.admission.attach(rib);
  const settings = settingsOf({ peerAsn: 64601, receive: { all: true } });
  intake.update({ slot: 0, settings, session: { agreement: undefined } } as unknown as Peer);
  const routes = { '2001:db8:1::/48': '2001:db8::1', '2001:db8:2::/48': 'fe80::1' };
  for (const [to, via] of Object.entries(routes))
    announce(rib, 0, prefix(to), attributesOf({ nextHop: address(via) }), false);
  const reasons = () =>
    Object.keys(routes).map((to) => {
      const id = rib.ipv6.prefixes.lookup(prefix(to));
      return intake.admission.reason(0, 'ipv6', rib.ipv6.attributesOf(rib.ipv6.first(id)), id);
    });
  expect(reasons()).toEqual([undefined, undefined]);
  intake.checkAddresses({ addresses: new Set(['2001:db8::1', 'fe80::1']), subnets: [] });
  expect(reasons()).toEqual(['nextHopSelf', undefined]);
  intake.checkAddresses({ addresses: new Set(['2001:db8::2']), subnets: [] });
  expect(reasons()).toEqual([undefined, undefined]);
});
