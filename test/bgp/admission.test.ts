import { describe, expect, it } from 'vitest';
import { Admission } from '../../src/bgp/admission.ts';
import { Guard } from '../../src/bgp/guard.ts';
import type { ImportRules } from '../../src/bgp/import.ts';
import { AttributeTable } from '../../src/bgp/intern.ts';
import { ReceiveFilter } from '../../src/bgp/receive.ts';
import { Rib } from '../../src/bgp/rib.ts';
import { formatAddress } from '../../src/lib/address.ts';
import { type Prefix, prefix } from '../../src/lib/prefix.ts';
import { announce, attributesOf, sequence, withdraw } from '../support/decide.ts';

const OWN_ASN = 64500;
const rules = (changes: Partial<ImportRules> = {}): ImportRules => ({
  internal: false,
  peerAsn: 64601,
  localAsns: [OWN_ASN],
  routerId: 1,
  enforceFirstAs: true,
  refuseMartians: false,
  isLocal: () => false,
  ...changes,
});
const everything = new ReceiveFilter({ all: true });
const [one, two, six] = ['198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32'].map(prefix) as [Prefix, Prefix, Prefix];

function admissionOf(guard = new Guard()) {
  const attributes = new AttributeTable();
  const admission = new Admission(attributes, guard);
  const rib = new Rib(attributes, admission.accept);
  admission.attach(rib);
  /** The reason against the first route to a prefix; that the RIB knows it too is checked. */
  const reason = (p: Prefix) => {
    const family = p.family === 4 ? 'ipv4' : 'ipv6';
    const routes = rib[family];
    const route = routes.first(routes.prefixes.lookup(p));
    const said = admission.reason(routes.peerOf(route), family, routes.attributesOf(route), routes.prefixOf(route));
    expect(routes.isAccepted(route)).toBe(said === undefined);
    return said;
  };
  return { admission, rib, reason };
}
const reviewAll = (admission: Admission): void => {
  while (admission.review(2));
};

describe('Admission', () => {
  it('accepts nothing from a session that nobody described', () => {
    const { rib, reason } = admissionOf();
    announce(rib, 3, one, attributesOf(), false);
    expect(reason(one)).toBe('noReceivePolicy');
  });

  it('asks import rules first, then the guard, then policy', () => {
    const { admission, rib, reason } = admissionOf(new Guard({ alwaysBlock: [one] }));
    admission.setPeer(1, rules(), everything);
    announce(rib, 1, one, attributesOf({ asPath: sequence(64601, OWN_ASN) }), false);
    expect(reason(one)).toBe('asLoop');
    announce(rib, 1, one, attributesOf(), false);
    expect(reason(one)).toBe('alwaysBlocked');
    announce(rib, 1, two, attributesOf(), false);
    expect(reason(two)).toBeUndefined();
    announce(rib, 1, six, attributesOf({ asPath: sequence(64602) }), false);
    expect(reason(six)).toBe('firstAs');
  });

  it('minds martians on sessions that refuse them', () => {
    const { admission, rib, reason } = admissionOf();
    const loopback = prefix('127.1.0.0/16');
    admission.setPeer(1, rules({ refuseMartians: true }), everything);
    announce(rib, 1, loopback, attributesOf(), false);
    expect(reason(loopback)).toBe('martianPrefix');
    admission.setPeer(1, rules(), everything);
    reviewAll(admission);
    expect(reason(loopback)).toBeUndefined();
  });

  it('judges one set by the rules of the session that it came on', () => {
    const { admission, rib } = admissionOf();
    admission.setPeer(1, rules(), everything);
    admission.setPeer(2, rules({ peerAsn: 64602 }), everything);
    const accepted = () => [1, 2].map((p) => rib.counts(p, 'ipv4').accepted);
    for (const p of [one, two]) for (const peer of [1, 2]) announce(rib, peer, p, attributesOf(), false);
    expect(accepted()).toEqual([2, 0]);
    admission.setPeer(2, rules(), everything);
    admission.setPeer(1, rules({ isLocal: (a) => formatAddress(a) === '192.0.2.1' }), everything);
    reviewAll(admission);
    expect(accepted()).toEqual([0, 2]);
  });

  it('forgets what a set said when its id is given to another', () => {
    const { admission, rib, reason } = admissionOf();
    admission.setPeer(1, rules(), everything);
    announce(rib, 1, one, attributesOf({ asPath: sequence(64601, OWN_ASN) }), false);
    withdraw(rib, 1, one);
    expect(rib.attributes.size).toBe(0);
    announce(rib, 1, one, attributesOf(), false);
    expect(reason(one)).toBeUndefined();
  });

  it('looks again at all routes of both families after a change, a few at a time', () => {
    const { admission, rib } = admissionOf();
    const accepted = () => rib.counts(1, 'ipv4').accepted + rib.counts(1, 'ipv6').accepted;
    admission.setPeer(1, rules(), everything);
    for (let i = 0; i < 20; i++) announce(rib, 1, prefix(`198.51.${i}.0/24`), attributesOf(), false);
    announce(rib, 1, six, attributesOf(), false);
    reviewAll(admission);
    expect(accepted()).toBe(21);
    admission.setPeer(1, rules(), new ReceiveFilter({ rules: [{ prefix: six }] }));
    expect(admission.review(5)).toBe(true);
    expect(accepted()).toBe(16);
    // From the start again: the first five come back.
    admission.setPeer(1, rules(), everything);
    reviewAll(admission);
    expect(accepted()).toBe(21);
    admission.setGuard(new Guard({ own: [prefix('198.51.0.0/16')] }));
    reviewAll(admission);
    expect(accepted()).toBe(1);
    admission.removePeer(1);
    reviewAll(admission);
    expect(accepted()).toBe(0);
    expect(admission.review(5)).toBe(false);
  });

  it('cannot review what it is not attached to', () => {
    const admission = new Admission(new AttributeTable(), new Guard());
    expect(() => admission.review(1)).toThrow('attach');
  });
});
