import { expect, test } from 'vitest';
import { Advertisements } from '../../../src/intent/advertise.ts';
import { plannedRoutes } from '../../../src/intent/plan/part.ts';
import { policyOf } from '../../../src/intent/policy.ts';
import { prefix } from '../../../src/lib/prefix.ts';
import { advertisement } from '../../support/model.ts';

test('what external peers are to be told has no local preference (RFC 4271 §5.1.5)', () => {
  const advertisements = new Advertisements(100);
  advertisements.update('s', [
    { prefix: prefix('192.0.2.1/32'), policy: policyOf(advertisement('a', [], { localPref: 50 })) },
  ]);
  const receivers = ([65001, 65002, 'internal', 'external'] as const).map((peerAsn) => ({
    ...{ name: String(peerAsn), families: ['ipv4' as const], localAsn: 65001, peerAsn },
  }));
  expect([...plannedRoutes(advertisements, receivers)].map(({ peer, localPref }) => [peer, localPref])).toEqual([
    ['65001', 50],
    ['65002', null],
    ['internal', 50],
    ['external', null],
  ]);
});
