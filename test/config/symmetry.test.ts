import { describe, expect, it } from 'vitest';
import { lacksOf, type VrfFacts, type VrfUse } from '../../src/config/symmetry.ts';
import { address } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';

const inner = (of: string, ...texts: readonly string[]) =>
  new Map(texts.map((text) => [text, { address: address(text), of }]));
const use = (more: Partial<VrfUse> = {}): VrfUse => ({
  families: new Set([4]),
  clusterIps: inner('Service test/web', '172.30.5.5'),
  endpoints: inner('Service test/web', '10.128.2.7', '10.128.2.8'),
  masquerade: true,
  ...more,
});
const early = (to: string, more: Partial<VrfFacts['rules'][number]> = {}) => ({
  family: to.includes(':') ? (6 as const) : (4 as const),
  priority: 998,
  to: prefix(to),
  table: 254,
  ...more,
});
const three = [early('172.30.0.0/16'), early('10.128.0.0/14'), early('169.254.0.0/17')];
const vrf = (more: Partial<VrfFacts> = {}): VrfFacts => ({
  name: 'red',
  rules: three,
  ways: new Set([4, 6]),
  interfaces: [{ name: 'ens4', rpFilter: 2, forwarding: new Set([4, 6]) }],
  ...more,
});
const lacks = (facts: Partial<VrfFacts>, uses: Partial<VrfUse> = {}) => lacksOf(vrf(facts), use(uses));
const kinds = (facts: Partial<VrfFacts>, uses: Partial<VrfUse> = {}) => lacks(facts, uses).map(({ what }) => what);

describe('a VRF in which Services are announced', () => {
  it('lacks nothing with the three rules, a way out, and interfaces that let packets pass', () => {
    expect(lacks({})).toEqual([]);
  });

  it.each([
    [
      'serviceRule',
      0,
      /do not reach 172\.30\.5\.5, cluster address of Service test\/web: no rule before that of VRFs \(1000\)/,
    ],
    ['clusterRule', 1, /do not reach 10\.128\.2\.7, endpoint of Service test\/web \(and 1 more\)/],
    ['masqueradeRule', 2, /what OVN-Kubernetes masquerades with/],
  ])('lacks the %s when it is taken away', (what, index, message) => {
    const found = lacks({ rules: three.filter((_, i) => i !== index) });
    expect(found).toEqual([
      { what, message: expect.stringMatching(message), hint: expect.stringMatching(/priority 998: to .*table 254/) },
    ]);
  });

  it.each<[string, Partial<VrfFacts['rules'][number]>]>([
    ['come after that of VRFs', { priority: 1001 }],
    ['lead to another table', { table: 2 }],
    ['are of the other family', { family: 6 }],
  ])('is not helped by rules that %s', (_, more) => {
    expect(kinds({ rules: three.map((rule) => ({ ...rule, ...more })) })).toEqual([
      'serviceRule',
      'clusterRule',
      'masqueradeRule',
    ]);
  });

  it('needs the third rule only beside OVN-Kubernetes, in whichever of its subnets', () => {
    expect(kinds({ rules: three.slice(0, 2) }, { masquerade: false })).toEqual([]);
    expect(kinds({ rules: [...three.slice(0, 2), early('169.254.169.0/29')] })).toEqual([]);
  });

  it('needs some rule where nobody says which addresses are inside', () => {
    const unknown = { clusterIps: new Map(), endpoints: new Map() };
    expect(kinds({ rules: [] }, unknown)).toEqual(['anyRule']);
    expect(kinds({ rules: [three[0]!, three[2]!] }, unknown)).toEqual([]);
  });

  it('needs each for both families, when it serves both', () => {
    const families = new Set([4, 6] as const);
    const endpoints = inner('Service test/web', '10.128.2.7', 'fd01::7');
    expect(lacks({}, { families, endpoints }).map(({ message }) => message)).toEqual([
      expect.stringMatching(/do not reach fd01::7/),
      expect.stringMatching(/masquerades/),
    ]);
    const rules = [...three, early('fd01::/48'), early('fd69::/112')];
    expect(kinds({ rules }, { families, endpoints })).toEqual([]);
  });

  it('lacks a way out without a default route or learned routes', () => {
    expect(lacks({ ways: new Set([6]) })).toEqual([
      {
        what: 'wayOut',
        message: expect.stringMatching(/red has no IPv4 route out/),
        hint: expect.stringMatching(/0\.0\.0\.0\/0/),
      },
    ]);
  });

  it('lacks interfaces that let packets pass', () => {
    const interfaces = [
      { name: 'ens4', rpFilter: 1, forwarding: new Set([4, 6] as const) },
      { name: 'ens5', rpFilter: 0, forwarding: new Set([6] as const) },
    ];
    expect(lacks({ interfaces }).map(({ what, interface: name, hint }) => [what, name, hint])).toEqual([
      ['rpFilter', 'ens4', expect.stringMatching(/ens4\.rp_filter = 2/)],
      ['forwarding', 'ens5', expect.stringMatching(/ipv4\.conf\.ens5\.forwarding = 1/)],
    ]);
  });

  it('is not asked about what it does not tell', () => {
    expect(kinds({ interfaces: [{ name: 'ens4' }] })).toEqual([]);
  });
});
