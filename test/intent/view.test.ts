import { expect, test } from 'vitest';
import type { Service } from '../../src/config/model.ts';
import { scopeOf } from '../../src/intent/scope.ts';
import { decideService } from '../../src/intent/service.ts';
import { serviceView } from '../../src/intent/view.ts';
import { sha256 } from '../../src/io/digest.ts';
import { advertisement, configuration, ingress, pool, service } from '../support/model.ts';

const scope = scopeOf(
  configuration({
    pools: [pool('lab', ['192.0.2.0/24', '2001:db8::/64'])],
    advertisements: [
      advertisement('host', ['lab'], { peers: ['r1', 'r2'] }),
      advertisement('net', ['lab'], { aggregationLength: 24, aggregationLengthV6: 64, peers: ['r2'] }),
      advertisement('net2', ['lab'], { aggregationLength: 24, peers: ['r2'] }),
    ],
  }),
  sha256,
);
const view = (subject: Service | undefined) =>
  serviceView(decideService({ key: 'default/web', service: subject, slices: [], scope }), [
    { name: 'r3', families: ['ipv4'] },
    { name: 'r2', families: ['ipv6'] },
    { name: 'r1', families: ['ipv4'] },
  ]);

test('an announced Service: sorted, each prefix once, peers that are to get some of it', () => {
  expect(view(service('web', { ingress: ingress('2001:db8::5', '192.0.2.10') }))).toEqual({
    service: 'default/web',
    ips: ['2001:db8::5', '192.0.2.10'],
    pool: 'lab',
    allocation: null,
    bgp: {
      announced: true,
      reason: null,
      peers: ['r1', 'r2'],
      prefixes: ['192.0.2.0/24', '192.0.2.10/32', '2001:db8::/64', '2001:db8::5/128'],
      notes: [],
    },
    layer2: { announced: false, reason: 'noMatchingAdvertisement', interfaces: [], owner: null },
  });
  expect(view(service('web', { ingress: ingress('192.0.2.10') })).bgp.peers).toEqual(['r1']);
});

test('a Service that is not', () => {
  expect(view(service('web'))).toEqual({
    service: 'default/web',
    ips: [],
    pool: null,
    allocation: null,
    bgp: { announced: false, reason: 'noIPAllocated', peers: [], prefixes: [], notes: [] },
    layer2: { announced: false, reason: 'noIPAllocated', interfaces: [], owner: null },
  });
});
