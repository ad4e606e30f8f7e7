import { describe, expect, test } from 'vitest';
import type { Namespace, Pool, Service } from '../../src/config/model.ts';
import { Allocator } from '../../src/intent/allocate.ts';
import type { Assignment } from '../../src/intent/assignment.ts';
import { allocationOrder } from '../../src/intent/order.ts';
import { address, formatAddress } from '../../src/lib/address.ts';
import { allocation, ingress, namespace, pool, request, selector, service } from '../support/model.ts';

function allocator(pools: readonly Pool[], namespaces: readonly Namespace[] = []): Allocator {
  const made = new Allocator();
  setPools(made, pools, namespaces);
  return made;
}

const setPools = (a: Allocator, pools: readonly Pool[], namespaces: readonly Namespace[] = []): string[] =>
  a.setPools(new Map(pools.map((p) => [p.name, p])), new Map(namespaces.map((n) => [n.name, n])));

/** The addresses given, or the reason why not. */
const got = (a: Assignment): string => (a.assigned ? a.ips.map(formatAddress).join(' ') : a.reason);
const give = (a: Allocator, s: Service): string => got(a.assign(s));
const named = (name: string, pool: string): Service => service(name, { request: request({ pool }) });
const asking = (name: string, ...addresses: string[]): Service => service(name, { request: request({ addresses }) });

const lab = pool('lab', ['192.0.2.0/30']);

describe('one pool', () => {
  test('lowest first, in the order of its entries, to the end', () => {
    const a = allocator([pool('p', ['192.0.2.8/31', '192.0.2.0/31'])]);
    expect(['a', 'b', 'c', 'd', 'e'].map((name) => give(a, service(name)))).toEqual([
      '192.0.2.8',
      '192.0.2.9',
      '192.0.2.0',
      '192.0.2.1',
      'poolExhausted',
    ]);
  });

  test('asked again it gives the same, and what is released is given next', () => {
    const a = allocator([lab]);
    for (const name of ['a', 'b', 'c']) give(a, service(name));
    expect(a.assign(service('b'))).toMatchObject({ assigned: true, origin: 'kept', pool: 'lab' });
    expect(a.release('default/a')).toBe(true);
    expect(a.release('default/a')).toBe(false);
    expect(a.release('default/b')).toBe(true);
    expect(give(a, service('x'))).toBe('192.0.2.0');
    expect(give(a, service('y'))).toBe('192.0.2.1');
    expect(give(a, service('z'))).toBe('192.0.2.3');
    expect(give(a, service('late'))).toBe('poolExhausted');
  });

  test('an address that is taken, freed and requested is not given twice', () => {
    const a = allocator([lab]);
    for (const name of ['a', 'b']) give(a, service(name));
    a.release('default/a');
    expect(give(a, asking('c', '192.0.2.0'))).toBe('192.0.2.0');
    expect(give(a, service('d'))).toBe('192.0.2.2');
    a.release('default/c');
    expect(give(a, service('e'))).toBe('192.0.2.0');
  });

  test('avoided addresses are neither given nor granted, and not kept', () => {
    const avoiding = pool('p', ['192.0.2.254-192.0.3.1', '2001:db8::/127'], { avoidBuggyIps: true });
    const a = allocator([avoiding]);
    expect(give(a, service('a'))).toBe('192.0.2.254');
    expect(give(a, service('b'))).toBe('192.0.3.1');
    expect(give(a, service('c'))).toBe('poolExhausted');
    expect(give(a, asking('d', '192.0.3.0'))).toBe('addressAvoided');
    expect(give(a, service('e', { ipFamilies: [6] }))).toBe('2001:db8::');

    const later = allocator([pool('p', ['192.0.2.0/24'])]);
    expect(give(later, service('a'))).toBe('192.0.2.0');
    setPools(later, [pool('p', ['192.0.2.0/24'], { avoidBuggyIps: true })]);
    expect(later.assign(service('a'))).toMatchObject({ origin: 'chosen', cleared: { reason: 'addressAvoided' } });
    expect(give(later, service('a'))).toBe('192.0.2.1');
  });

  test('the far end of a /64 is as near as the start', () => {
    const a = allocator([pool('p', ['2001:db8::/64'])]);
    const v6 = (name: string) => service(name, { ipFamilies: [6] });
    expect(give(a, asking('far', '2001:db8::ffff:ffff:ffff:ffff'))).toBe('2001:db8::ffff:ffff:ffff:ffff');
    expect(give(a, v6('a'))).toBe('2001:db8::');
    expect(give(a, v6('b'))).toBe('2001:db8::1');
  });
});

describe('which pool', () => {
  test('pinned pools by priority, 0 last, equals in document order; then the others in document order', () => {
    const pools = [
      pool('open1', ['10.0.1.0/32']),
      pool('last1', ['10.0.2.0/32'], { allocation: allocation() }),
      pool('p20', ['10.0.3.0/32'], { allocation: allocation({ priority: 20 }) }),
      pool('p10', ['10.0.4.0/32'], { allocation: allocation({ priority: 10 }) }),
      pool('last2', ['10.0.5.0/32'], { allocation: allocation() }),
      pool('manual', ['10.0.6.0/32'], { autoAssign: false }),
      pool('pinnedManual', ['10.0.7.0/32'], { autoAssign: false, allocation: allocation({ priority: 1 }) }),
      pool('open2', ['10.0.8.0/32']),
    ];
    const a = allocator(pools);
    const order = Array.from({ length: 7 }, (_, i) => give(a, service(`s${i}`)));
    expect(order).toEqual(['10.0.4.0', '10.0.3.0', '10.0.2.0', '10.0.5.0', '10.0.1.0', '10.0.8.0', 'poolExhausted']);
    expect(give(a, named('m', 'manual'))).toBe('10.0.6.0');
    expect(give(a, named('n', 'pinnedManual'))).toBe('10.0.7.0');
  });

  test('namespaces by name or label, and Service labels as well where both are given', () => {
    const team = pool('team', ['10.0.0.0/24'], {
      allocation: allocation({
        namespaces: ['prod'],
        namespaceSelectors: [selector({ team: 'blue' })],
        serviceSelectors: [selector({ tier: 'front' })],
      }),
    });
    const front = { labels: { tier: 'front' } };
    const a = allocator([team], [namespace('lab', { team: 'blue' }), namespace('red', { team: 'red' })]);
    expect(give(a, service('prod/a', front))).toBe('10.0.0.0');
    expect(give(a, service('lab/a', front))).toBe('10.0.0.1');
    expect(give(a, service('red/a', front))).toBe('noPool');
    expect(give(a, service('prod/b'))).toBe('noPool');
    expect(give(a, named('red/b', 'team'))).toBe('poolIncompatible');
    expect(give(a, asking('red/c', '10.0.0.9'))).toBe('poolIncompatible');
  });

  test('selectors that match no namespace admit none; every namespace has its name as a label', () => {
    const byName = (name: string) =>
      pool('p', ['10.0.0.0/24'], {
        allocation: allocation({ namespaceSelectors: [selector({ 'kubernetes.io/metadata.name': name })] }),
      });
    expect(give(allocator([byName('prod')]), service('prod/a'))).toBe('10.0.0.0');
    expect(give(allocator([byName('nowhere')]), named('prod/a', 'p'))).toBe('poolIncompatible');
  });

  test('a requested pool, and one that does not exist', () => {
    const a = allocator([lab, pool('manual', ['10.0.0.0/32'], { autoAssign: false })]);
    expect(give(a, named('a', 'manual'))).toBe('10.0.0.0');
    expect(give(a, named('b', 'manual'))).toBe('poolExhausted');
    expect(give(a, named('c', 'gone'))).toBe('poolUnknown');
    expect(give(allocator([pool('manual', ['10.0.0.0/32'], { autoAssign: false })]), service('d'))).toBe('noPool');
  });
});

describe('requested addresses', () => {
  const pools = [lab, pool('more', ['10.0.0.0/24', '2001:db8::/64'], { autoAssign: false })];

  test.each([
    ['10.0.0.7', ['10.0.0.7']],
    ['192.0.2.2', ['192.0.2.2']],
    ['addressNotInPool', ['203.0.113.1']],
  ])('%s', (result, addresses) => {
    expect(give(allocator(pools), asking('a', ...addresses))).toBe(result);
  });

  test('both must come from one pool, IPv4 stands first', () => {
    const dual = (...addresses: string[]) =>
      service('a', { ipFamilyPolicy: 'RequireDualStack', request: request({ addresses }) });
    expect(give(allocator(pools), dual('2001:db8::9', '10.0.0.7'))).toBe('10.0.0.7 2001:db8::9');
    expect(give(allocator(pools), dual('192.0.2.1', '2001:db8::9'))).toBe('addressNotInPool');
  });

  test('with a pool beside them they must lie in it', () => {
    const both = (pool: string) => service('a', { request: request({ addresses: ['10.0.0.7'], pool }) });
    expect(give(allocator(pools), both('more'))).toBe('10.0.0.7');
    expect(give(allocator(pools), both('lab'))).toBe('addressNotInPool');
    expect(give(allocator(pools), both('gone'))).toBe('poolUnknown');
  });

  test('a request that contradicts itself fails with the text it was refused with', () => {
    const invalid = 'service can not have both metallb.io/loadBalancerIPs and spec.loadBalancerIP';
    const a = allocator(pools).assign(service('a', { request: request({ invalid }) }));
    expect(a).toMatchObject({ assigned: false, reason: 'requestInvalid', message: invalid });
  });

  test('another request than before gives up what was held', () => {
    const a = allocator(pools);
    give(a, service('a'));
    expect(a.assign(asking('a', '10.0.0.7'))).toMatchObject({
      origin: 'requested',
      cleared: { reason: 'differentIPRequested' },
    });
    expect(a.assign(named('a', 'lab'))).toMatchObject({
      pool: 'lab',
      origin: 'chosen',
      cleared: { reason: 'differentPoolRequested' },
    });
    expect(a.usage('more').services).toBe(0);
  });
});

describe('families', () => {
  const v4 = pool('v4', ['10.0.0.0/31']);
  const v6 = pool('v6', ['2001:db8::/127']);
  const dual = pool('dual', ['192.0.2.0/31', '2001:db8:1::/127']);
  const s = (name: string, policy: Service['ipFamilyPolicy'], ...ipFamilies: (4 | 6)[]) =>
    service(name, { ipFamilyPolicy: policy, ipFamilies });

  test.each<[string, Pool[], Service]>([
    ['10.0.0.0', [v6, v4], s('a', 'SingleStack')],
    ['2001:db8::', [v4, v6], s('a', 'SingleStack', 6)],
    ['2001:db8:1::', [dual], s('a', 'SingleStack', 6)],
    ['familyMismatch', [v4], s('a', 'SingleStack', 6)],
    ['192.0.2.0 2001:db8:1::', [v4, v6, dual], s('a', 'RequireDualStack')],
    ['192.0.2.0 2001:db8:1::', [v4, v6, dual], s('a', 'SingleStack', 4, 6)],
    ['familyMismatch', [v4, v6], s('a', 'RequireDualStack')],
    ['192.0.2.0 2001:db8:1::', [v4, v6, dual], s('a', 'PreferDualStack')],
    ['10.0.0.0', [v6, v4], s('a', 'PreferDualStack')],
    ['2001:db8::', [v4, v6], s('a', 'PreferDualStack', 6, 4)],
    ['2001:db8::', [v6], s('a', 'PreferDualStack', 4, 6)],
    ['10.0.0.0', [v4], s('a', 'PreferDualStack', 6, 4)],
  ])('%s', (result, pools, subject) => {
    expect(give(allocator(pools), subject)).toBe(result);
  });

  test('the fall-back of the pinned pools goes before both families of the others', () => {
    const pinned = pool('pinned', ['10.0.0.0/31'], { allocation: allocation({ priority: 1 }) });
    expect(give(allocator([dual, pinned]), s('a', 'PreferDualStack'))).toBe('10.0.0.0');
  });

  test('a second family is added from the same pool once it is possible', () => {
    const a = allocator([pool('p', ['10.0.0.0/24', '2001:db8::/128'])]);
    give(a, s('holder', 'SingleStack', 6));
    expect(give(a, s('a', 'PreferDualStack'))).toBe('10.0.0.0');
    expect(give(a, s('a', 'PreferDualStack'))).toBe('10.0.0.0');
    a.release('default/holder');
    expect(give(a, s('a', 'PreferDualStack'))).toBe('10.0.0.0 2001:db8::');
    expect(a.usage('p')).toMatchObject({ services: 1, ipv4: { inUse: 1 }, ipv6: { inUse: 1 } });
  });

  test('what was asked for in one family is not added to', () => {
    const a = allocator([dual]);
    const asks = service('a', { ipFamilyPolicy: 'PreferDualStack', request: request({ addresses: ['192.0.2.1'] }) });
    expect(give(a, asks)).toBe('192.0.2.1');
    expect(give(a, asks)).toBe('192.0.2.1');
  });

  test.each([
    ['the other family', { ipFamilies: [4] }, ['2001:db8::1']],
    ['two of one family', { ipFamilyPolicy: 'RequireDualStack' }, ['10.0.0.0', '10.0.0.1']],
    ['two for a single stack', {}, ['192.0.2.1', '2001:db8:1::1']],
    ['one for two required', { ipFamilyPolicy: 'RequireDualStack' }, ['10.0.0.1']],
    ['one for two named', { ipFamilyPolicy: 'PreferDualStack', ipFamilies: [4, 6] }, ['10.0.0.1']],
    ['three', { ipFamilyPolicy: 'RequireDualStack' }, ['192.0.2.1', '2001:db8:1::1', '192.0.2.0']],
  ] as const)('requested addresses of %s are refused', (_, more, addresses) => {
    const subject = service('a', { ...more, request: request({ addresses }) } as Partial<Service>);
    expect(give(allocator([v4, v6, dual]), subject)).toBe('familyMismatch');
  });

  test('a Service with one cluster address has one family, even where two are preferred', () => {
    const of = (family: 4 | 6, clusterIp: string) =>
      service('a', {
        ipFamilyPolicy: 'PreferDualStack',
        ipFamilies: [family],
        clusterIps: [address(clusterIp)],
      });
    expect(give(allocator([dual]), of(4, '10.96.0.1'))).toBe('192.0.2.0');
    expect(give(allocator([dual]), of(6, 'fd00::1'))).toBe('2001:db8:1::');
    expect(give(allocator([v6]), of(4, '10.96.0.1'))).toBe('familyMismatch');
  });

  test('a named address decides the family where the Service leaves it open', () => {
    expect(give(allocator([v4, v6]), asking('a', '2001:db8::1'))).toBe('2001:db8::1');
  });

  test('a change of the families gives up what does not suit them', () => {
    const a = allocator([dual]);
    give(a, s('a', 'SingleStack', 4));
    expect(a.assign(s('a', 'SingleStack', 6))).toMatchObject({ cleared: { reason: 'familyMismatch' } });
    expect(give(a, s('a', 'SingleStack', 6))).toBe('2001:db8:1::');
    expect(a.usage('dual').ipv4.inUse).toBe(0);
  });
});

describe('sharing', () => {
  const sharing = (name: string, sharingKey: string, port: number, more: Partial<Service> = {}) =>
    service(name, {
      ports: [{ protocol: 'TCP', port }],
      ...more,
      request: { addresses: [], sharingKey, ...more.request },
    });
  const at = (address: string, key: string) => request({ addresses: [address], sharingKey: key });
  const local = { externalTrafficPolicy: 'Local', selector: 'app=web' } as const;

  test.each<[string, Service, Service]>([
    ['192.0.2.1', sharing('a', 'k', 80), sharing('b', 'k', 443, { request: at('192.0.2.1', 'k') })],
    ['portConflict', sharing('a', 'k', 80), sharing('b', 'k', 80, { request: at('192.0.2.1', 'k') })],
    ['sharingKeyMismatch', sharing('a', 'k', 80), sharing('b', 'l', 443, { request: at('192.0.2.1', 'l') })],
    ['addressInUse', sharing('a', '', 80), sharing('b', 'k', 443, { request: at('192.0.2.1', 'k') })],
    ['addressInUse', sharing('a', 'k', 80), sharing('b', '', 443, { request: at('192.0.2.1', '') })],
    ['backendKeyMismatch', sharing('a', 'k', 80), sharing('b', 'k', 443, { ...local, request: at('192.0.2.1', 'k') })],
    [
      'backendKeyMismatch',
      sharing('a', 'k', 80, { ...local, selector: 'app=db' }),
      sharing('b', 'k', 443, { ...local, request: at('192.0.2.1', 'k') }),
    ],
    ['192.0.2.1', sharing('a', 'k', 80, local), sharing('b', 'k', 443, { ...local, request: at('192.0.2.1', 'k') })],
    [
      '192.0.2.1',
      sharing('a', 'k', 80),
      service('b', { ports: [{ protocol: 'UDP', port: 80 }], request: at('192.0.2.1', 'k') }),
    ],
  ])('%s', (result, first, second) => {
    const a = allocator([lab]);
    a.assign({ ...first, request: { ...first.request, addresses: at('192.0.2.1', '').addresses } });
    expect(give(a, second)).toBe(result);
  });

  test('without a request the lowest address that can be shared is taken, free or not', () => {
    const a = allocator([lab]);
    expect(give(a, service('plain'))).toBe('192.0.2.0');
    expect(give(a, sharing('a', 'k', 80))).toBe('192.0.2.1');
    expect(give(a, sharing('b', 'k', 443))).toBe('192.0.2.1');
    expect(give(a, sharing('c', 'k', 80))).toBe('192.0.2.2');
    expect(give(a, sharing('d', 'l', 22))).toBe('192.0.2.3');
    expect(give(a, sharing('e', 'k', 22))).toBe('192.0.2.1');
    expect(give(a, sharing('f', 'k', 443))).toBe('192.0.2.2');
    a.release('default/plain');
    expect(give(a, sharing('g', 'k', 25))).toBe('192.0.2.0');
    expect(a.usage('lab')).toMatchObject({ services: 7, ipv4: { inUse: 4, total: 4n } });
  });

  test('a port that comes free is found again', () => {
    const a = allocator([lab]);
    for (const name of ['a', 'b', 'c', 'd']) give(a, sharing(name, 'k', 80));
    expect(give(a, sharing('late', 'k', 80))).toBe('poolExhausted');
    a.release('default/c');
    expect(give(a, sharing('x', 'l', 1))).toBe('192.0.2.2');
    expect(give(a, sharing('y', 'k', 443))).toBe('192.0.2.0');
    a.release('default/b');
    expect(give(a, sharing('late', 'k', 80))).toBe('192.0.2.1');
  });

  test('so is one on an address that others still hold', () => {
    const a = allocator([lab]);
    for (const [name, port] of [
      ['a', 80],
      ['b', 443],
      ['c', 80],
    ] as const)
      give(a, sharing(name, 'k', port));
    a.release('default/a');
    expect(give(a, sharing('d', 'k', 80))).toBe('192.0.2.0');
  });

  test('an address that joins the group below the others is seen', () => {
    const a = allocator([lab]);
    give(a, service('plain'));
    for (const name of ['a', 'b', 'c']) give(a, sharing(name, 'k', 80));
    expect(give(a, sharing('d', 'k', 80))).toBe('poolExhausted');
    a.release('default/plain');
    expect(give(a, sharing('e', 'k', 443, { request: at('192.0.2.0', 'k') }))).toBe('192.0.2.0');
    expect(give(a, sharing('d', 'k', 80))).toBe('192.0.2.0');
  });

  test('an address that leaves the group and comes back is seen', () => {
    const a = allocator([lab]);
    for (const name of ['a', 'b']) give(a, sharing(name, 'k', 80));
    give(a, sharing('c', 'k', 80));
    a.release('default/b');
    a.release('default/c');
    give(a, sharing('e', 'k', 443, { request: at('192.0.2.2', 'k') }));
    expect(give(a, sharing('f', 'k', 80))).toBe('192.0.2.1');
    expect(give(a, sharing('g', 'k', 80))).toBe('192.0.2.2');
  });

  test('an avoided address that a status holds is not shared', () => {
    const a = allocator([pool('p', ['192.0.2.0/30'], { avoidBuggyIps: true })]);
    const s = sharing('s', 'k', 80, { ingress: ingress('192.0.2.0') });
    expect(give(a, s)).toBe('192.0.2.0');
    expect(give(a, sharing('a', 'k', 443))).toBe('192.0.2.1');
  });

  test('the only holder may change its key and ports in place, one of several may not change the key', () => {
    const a = allocator([lab]);
    give(a, sharing('a', 'k', 80));
    expect(a.assign(sharing('a', 'l', 81))).toMatchObject({ origin: 'kept' });
    expect(give(a, sharing('b', 'l', 82))).toBe('192.0.2.0');
    expect(a.assign(sharing('b', 'l', 81))).toMatchObject({ origin: 'chosen', cleared: { reason: 'portConflict' } });
    expect(give(a, sharing('c', 'l', 83))).toBe('192.0.2.0');
    expect(a.assign(sharing('c', 'm', 83))).toMatchObject({ cleared: { reason: 'sharingKeyMismatch' } });
    expect(give(a, sharing('c', 'm', 83))).toBe('192.0.2.2');
  });

  test('a dual-stack Service shares in each family on its own', () => {
    const a = allocator([pool('p', ['10.0.0.0/24', '2001:db8::/64'])]);
    const both = { ipFamilyPolicy: 'RequireDualStack' } as const;
    expect(give(a, sharing('a', 'k', 80, both))).toBe('10.0.0.0 2001:db8::');
    expect(give(a, sharing('v4', 'k', 443))).toBe('10.0.0.0');
    expect(give(a, sharing('b', 'k', 443, both))).toBe('10.0.0.1 2001:db8::');
  });
});

describe('addresses in the status', () => {
  const status = (name: string, ...texts: string[]): Service => service(name, { ingress: ingress(...texts) });

  test('are taken as they stand and given to nobody else', () => {
    const a = allocator([lab]);
    expect(a.assign(status('s', '192.0.2.0'))).toMatchObject({ origin: 'status', pool: 'lab', evicted: [] });
    expect(give(a, service('a'))).toBe('192.0.2.1');
    expect(a.usage('lab')).toMatchObject({ services: 2, ipv4: { inUse: 2 } });
  });

  test('evict whoever was given them, who then gets others', () => {
    const a = allocator([lab]);
    give(a, service('a'));
    expect(a.assign(status('s', '192.0.2.0'))).toMatchObject({ assigned: true, evicted: ['default/a'] });
    expect(a.assign(service('a'))).toMatchObject({ origin: 'chosen', cleared: { reason: 'addressTaken' } });
    expect(give(a, service('a'))).toBe('192.0.2.1');
    expect(a.assign(status('s', '192.0.2.0'))).toMatchObject({ evicted: [] });
  });

  test('leave those alone who may share them', () => {
    const a = allocator([lab]);
    const shares = (s: Service, port: number): Service => ({
      ...s,
      ports: [{ protocol: 'TCP', port }],
      request: request({ sharingKey: 'k' }),
    });
    for (const port of [80, 443]) give(a, shares(service(`p${port}`), port));
    expect(a.assign(shares(status('s', '192.0.2.0'), 80))).toMatchObject({ evicted: ['default/p80'] });
    expect(give(a, shares(service('p443'), 443))).toBe('192.0.2.0');
    expect(give(a, shares(service('p80'), 80))).toBe('192.0.2.1');
  });

  test('two that contradict each other both stand, and nobody joins them', () => {
    const a = allocator([lab]);
    const shares = (s: Service): Service => ({ ...s, request: request({ sharingKey: 'k' }) });
    expect(give(a, shares(status('s', '192.0.2.0')))).toBe('192.0.2.0');
    expect(a.assign(status('t', '192.0.2.0'))).toMatchObject({ assigned: true, evicted: [] });
    expect(give(a, shares(status('s', '192.0.2.0')))).toBe('192.0.2.0');
    expect(give(a, { ...shares(service('u')), ports: [{ protocol: 'TCP', port: 81 }] })).toBe('192.0.2.1');
    a.release('default/t');
    expect(give(a, { ...shares(service('v')), ports: [{ protocol: 'TCP', port: 82 }] })).toBe('192.0.2.0');
  });

  test('outside of every pool, or in two, or unreadable, they are not announced, yet not given away', () => {
    const a = allocator([lab, pool('more', ['10.0.0.0/31'])]);
    expect(give(a, status('s', '203.0.113.1'))).toBe('ipNotAllowed');
    expect(give(a, status('t', '192.0.2.0', '10.0.0.0'))).toBe('ipNotAllowed');
    expect(give(a, status('u', 'lb.example.test', '192.0.2.1'))).toBe('invalidIP');
    expect(give(a, service('a'))).toBe('192.0.2.2');
    expect(setPools(a, [pool('lab', ['192.0.2.0/30']), pool('more', ['10.0.0.0/31'])])).toEqual([]);
    expect(give(a, service('c'))).toBe('192.0.2.3');
    setPools(a, [pool('all', ['192.0.2.0/24', '10.0.0.0/24', '203.0.113.0/24'])]);
    expect(give(a, asking('b', '203.0.113.1'))).toBe('addressInUse');
    expect(give(a, status('s', '203.0.113.1'))).toBe('203.0.113.1');
    expect(give(a, status('t', '192.0.2.0', '10.0.0.0'))).toBe('192.0.2.0 10.0.0.0');
  });

  test('that are removed from the document stay with the Service', () => {
    const a = allocator([lab]);
    give(a, status('s', '192.0.2.3'));
    expect(a.assign(service('s'))).toMatchObject({ origin: 'kept' });
    expect(give(a, service('s'))).toBe('192.0.2.3');
  });

  test('that change give up the old ones', () => {
    const a = allocator([lab]);
    give(a, status('s', '192.0.2.0'));
    give(a, status('s', '192.0.2.2'));
    expect(give(a, service('a'))).toBe('192.0.2.0');
  });
});

describe('other pools', () => {
  test('the same documents change nothing', () => {
    const a = allocator([lab]);
    give(a, service('a'));
    expect(setPools(a, [lab])).toEqual([]);
    expect(give(a, service('a'))).toBe('192.0.2.0');
  });

  test('addresses that no pool has any more are lost, the others are kept under the new name', () => {
    const a = allocator([pool('p', ['192.0.2.0/31'])]);
    for (const name of ['a', 'b']) give(a, service(name));
    expect(setPools(a, [pool('q', ['192.0.2.1/32', '10.0.0.0/31'])])).toEqual(['default/a']);
    expect(a.assign(service('b'))).toMatchObject({ origin: 'kept', pool: 'q' });
    expect(a.assign(service('a'))).toMatchObject({ origin: 'chosen', cleared: { reason: 'ipNotAllowed' } });
    expect(give(a, service('a'))).toBe('10.0.0.0');
    expect(a.usage('p').services).toBe(0);
  });

  test('a pool that no longer admits the Service gives it up at the next look', () => {
    const a = allocator([lab, pool('more', ['10.0.0.0/31'])]);
    give(a, service('a'));
    setPools(a, [{ ...lab, allocation: allocation({ namespaces: ['prod'] }) }, pool('more', ['10.0.0.0/31'])]);
    expect(a.assign(service('a'))).toMatchObject({ pool: 'more', cleared: { reason: 'poolIncompatible' } });
  });

  test.each([
    ['192.0.2.0/24', false, 256n],
    ['192.0.2.0/24', true, 254n],
    ['192.0.0.0/22', true, 1016n],
    ['192.0.2.0/25', true, 127n],
    ['192.0.2.128/25', true, 127n],
    ['192.0.2.64/26', true, 64n],
    ['192.0.2.0/32', true, 0n],
    ['192.0.2.255/32', true, 0n],
    ['192.0.2.1/32', true, 1n],
  ])('%s with avoidBuggyIPs %s has %s addresses', (text, avoidBuggyIps, total) => {
    expect(allocator([pool('p', [text], { avoidBuggyIps })]).usage('p').ipv4.total).toBe(total);
  });

  test('capacity of an enormous pool is the largest signed 64-bit number', () => {
    expect(allocator([pool('p', ['2001:db8::/32'])]).usage('p').ipv6.total).toBe(2n ** 63n - 1n);
    expect(allocator([pool('p', ['2001:db8::/96'])]).usage('p').ipv6.total).toBe(2n ** 32n);
    expect(allocator([]).usage('p')).toEqual({
      services: 0,
      ipv4: { inUse: 0, total: 0n },
      ipv6: { inUse: 0, total: 0n },
    });
  });
});

describe('memory', () => {
  test('a restart changes no address, not even where the order of arrival would', () => {
    const a = allocator([lab]);
    for (const name of ['x', 'a', 'm']) give(a, service(name));
    a.release('default/x');
    const written = JSON.stringify(a.snapshot());
    const b = allocator([lab]);
    expect(b.restore(JSON.parse(written))).toEqual([]);
    expect(give(b, service('m'))).toBe('192.0.2.2');
    expect(give(b, service('a'))).toBe('192.0.2.1');
    expect(JSON.stringify(b.snapshot())).toBe(written);
  });

  test('what became impossible is left out', () => {
    const entry = { ports: ['TCP/80'], sharingKey: '', backendKey: '' };
    const a = allocator([lab]);
    const left = a.restore([
      { service: 'd/ok', ips: ['192.0.2.1'], ...entry },
      { service: 'd/same', ips: ['192.0.2.1'], ...entry },
      { service: 'd/outside', ips: ['203.0.113.1'], ...entry },
      { service: 'd/unreadable', ips: ['192.0.2.2', 'x'], ...entry },
      { service: 'd/none', ips: [], ...entry },
      { service: 'd/ok', ips: ['192.0.2.3'], ...entry },
    ]);
    expect(left).toEqual(['d/none', 'd/ok', 'd/outside', 'd/same', 'd/unreadable']);
    expect([...a.holders()]).toEqual(['d/ok']);
  });

  test('order of assignment: status, held, requested, the rest, by key among each', () => {
    const a = allocator([lab]);
    give(a, service('z/held'));
    const all = [
      service('b/new'),
      service('a/new'),
      asking('z/asks', '192.0.2.3'),
      service('z/held'),
      service('z/status', { ingress: ingress('192.0.2.2') }),
    ];
    expect(allocationOrder(all, a).map((s) => s.name)).toEqual(['status', 'held', 'asks', 'new', 'new']);
    expect(allocationOrder(all, a).map((s) => give(a, s))).toEqual([
      '192.0.2.2',
      '192.0.2.0',
      '192.0.2.3',
      '192.0.2.1',
      'poolExhausted',
    ]);
  });
});
