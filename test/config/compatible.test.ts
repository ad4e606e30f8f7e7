import { describe, expect, test } from 'vitest';
import { compatibleLocalPref, familiesOf } from '../../src/config/compatible.ts';
import { advertisement, pool } from '../support/model.ts';

describe('two advertisements with different localPref on one pool', () => {
  const v4 = familiesOf(pool('v4', ['192.0.2.0/24']));
  const v6 = familiesOf(pool('v6', ['2001:db8::/64']));
  const dual = familiesOf(pool('dual', ['192.0.2.0/24', '2001:db8::/64']));
  const base = advertisement('base', [], { localPref: 100 });
  const vary = (more: Parameters<typeof advertisement>[2]) => advertisement('other', [], { localPref: 200, ...more });

  // [what differs beside localPref, compatible on an IPv4, an IPv6, a dual-stack pool]
  test.each([
    ['nothing', {}, false, false, false],
    ['the IPv4 length', { aggregationLength: 24 }, true, false, false],
    ['the IPv6 length', { aggregationLengthV6: 64 }, false, true, false],
    ['both lengths', { aggregationLength: 24, aggregationLengthV6: 64 }, true, true, true],
    ['equal localPref', { localPref: 100 }, true, true, true],
    ['peers, on one side only', { peers: ['r1'] }, false, false, false],
  ])('%s', (_, more, on4, on6, onBoth) => {
    expect(compatibleLocalPref(base, vary(more), v4)).toBe(on4);
    expect(compatibleLocalPref(base, vary(more), v6)).toBe(on6);
    expect(compatibleLocalPref(base, vary(more), dual)).toBe(onBoth);
    expect(compatibleLocalPref(vary(more), base, dual)).toBe(onBoth);
  });

  test('peers without overlap keep them apart', () => {
    const r1 = vary({ peers: ['r1', 'r2'] });
    expect(compatibleLocalPref(r1, advertisement('x', [], { peers: ['r3'] }), dual)).toBe(true);
    expect(compatibleLocalPref(r1, advertisement('x', [], { peers: ['r3', 'r2'] }), dual)).toBe(false);
  });

  test('a pool without addresses has no routes to disagree about', () => {
    expect(compatibleLocalPref(base, vary({}), familiesOf(pool('empty', [])))).toBe(true);
  });
});
