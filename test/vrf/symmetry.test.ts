import { describe, expect, it } from 'vitest';
import { address } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';
import type { Link } from '../../src/netlink/link.ts';
import type { Route } from '../../src/netlink/route.ts';
import type { Rule } from '../../src/netlink/rule.ts';
import { type Leg, legOf } from '../../src/vrf/leg.ts';
import { turnOf, type Ways } from '../../src/vrf/symmetry.ts';

const links = new Map<number, Link>(
  (
    [
      [2, 'eth0', {}],
      [3, 'red', { info: { kind: 'vrf', table: 10 } }],
      [4, 'ens4', { master: 3 }],
      [5, 'pods', {}],
    ] as const
  ).map(([index, name, more]) => [index, { index, name, type: 1, flags: 0, changed: 0, ...more }]),
);
const rules: Rule[] = [
  { family: 4, priority: 0, action: 'table', table: 255, protocol: 2, flags: 0 },
  { family: 4, priority: 1000, action: 'table', table: 0, l3mdev: true, protocol: 2, flags: 0 },
  { family: 4, priority: 5000, action: 'table', table: 10, from: prefix('10.244.0.5/32'), protocol: 158, flags: 0 },
  { family: 4, priority: 32766, action: 'table', table: 254, protocol: 2, flags: 0 },
];
const route = (table: number, link: number, more: Partial<Route> = {}): Route => ({
  destination: prefix('0.0.0.0/0'),
  table,
  protocol: 3,
  scope: 'universe',
  type: 'unicast',
  flags: 0,
  hops: [{ link, weight: 1, flags: 0, gateway: address('192.0.2.1') }],
  ...more,
});

const client = address('198.51.100.7');
const pod = address('10.244.0.5');
const request = { source: client, destination: pod, input: 4, mark: 0 };
const reply = { source: pod, destination: client, input: 5, mark: 0 };

describe('one way', () => {
  it('is decided by the first rule that it meets and that leads to the table of the answer', () => {
    expect(legOf(reply, { route: route(10, 4) }, rules, links)).toEqual({
      from: '10.244.0.5',
      to: '198.51.100.7',
      input: 'pods',
      inputVrf: null,
      passed: [{ priority: 0, text: 'from all lookup local', table: 255, protocol: 2 }],
      decided: { priority: 5000, text: 'from 10.244.0.5 lookup 10 (VRF red)', table: 10, protocol: 158 },
      table: '10 (VRF red)',
      output: 'ens4',
      outputVrf: 'red',
      gateway: '192.0.2.1',
      local: false,
      error: null,
    });
  });

  it('ends in the node, or nowhere', () => {
    const local = legOf(request, { route: route(255, 1, { type: 'local' }) }, rules, links);
    expect(local).toMatchObject({ local: true, output: null, error: null });
    const refused = legOf(request, { route: route(10, 0, { type: 'unreachable', hops: [] }) }, rules, links);
    expect(refused).toMatchObject({ output: null, error: 'unreachable', decided: { priority: 1000 } });
    const failed = legOf(request, { error: { code: 'ENETUNREACH' } }, rules, links);
    expect(failed).toMatchObject({ decided: null, table: null, error: 'ENETUNREACH' });
    expect(failed.passed.map(({ priority }) => priority)).toEqual([0, 1000, 32766]);
  });
});

const leg = (more: Partial<Leg>): Leg => ({
  ...legOf(request, { route: route(254, 5, { hops: [{ link: 5, weight: 1, flags: 0 }] }) }, rules, links),
  ...more,
});
const back = (table: number, link: number): Leg => legOf(reply, { route: route(table, link) }, rules, links);
const ways = (more: Partial<Ways> = {}): Ways => ({
  entry: { interface: 'ens4', vrf: 'red', by: 'peer red' },
  request: leg({}),
  own: leg({}),
  reply: back(10, 4),
  table: 10,
  egress: true,
  ...more,
});

describe('requests and replies', () => {
  it('by one interface are symmetric', () => {
    expect(turnOf(ways())).toBeUndefined();
    expect(turnOf(ways({ entry: { interface: 'eth0', vrf: null, by: 'peer' }, reply: back(254, 2) }))).toBeUndefined();
  });

  it('of which the reply leaves by another turn there, and an EgressService is the remedy', () => {
    const unruled = legOf(
      reply,
      { route: route(254, 2) },
      rules.filter(({ priority }) => priority !== 5000),
      links,
    );
    expect(turnOf(ways({ reply: unruled, egress: false }))).toEqual({
      where: 'reply',
      text: 'the reply from 10.244.0.5 leaves by eth0 via 192.0.2.1, and requests come in by ens4 (VRF red): rule 32766 (from all lookup main)',
      remedy: 'an EgressService with network "red", or a rule before 32766: from 10.244.0.5 lookup 10',
    });
  });

  it('of which the reply finds no way turn there', () => {
    const nowhere = legOf(reply, { error: { code: 'ENETUNREACH' } }, rules, links);
    expect(turnOf(ways({ reply: nowhere }))).toMatchObject({
      where: 'reply',
      text: expect.stringMatching(/finds no way to 198\.51\.100\.7: ENETUNREACH/),
      remedy: expect.stringMatching(/default route, in table 10/),
    });
    const elsewhere = legOf(reply, { error: { code: 'ENETUNREACH' } }, rules.slice(0, 2), links);
    expect(turnOf(ways({ reply: elsewhere, egress: false }))!.remedy).toMatch(/EgressService with network "red"/);
  });

  it('of which the request is caught in the table of the VRF turn there, and the rules before it are the remedy', () => {
    const caught = legOf(request, { route: route(10, 4) }, rules, links);
    expect(turnOf(ways({ request: caught }))).toEqual({
      where: 'request',
      text: 'the request that comes in by ens4 (VRF red) goes to 10.244.0.5 by ens4 via 192.0.2.1 (VRF red), where the node itself reaches it by pods: rule 1000 (from all lookup the table of the VRF)',
      remedy: expect.stringMatching(/priority 998, to the network of 10\.244\.0\.5, lookup main/),
    });
  });

  it('of which the request is dropped turn there, for the reason that keeps it', () => {
    const dropped = (code: string) => legOf(request, { error: { code } }, rules, links);
    const strict = { rpFilter: 1, forwarding: true };
    expect(turnOf(ways({ request: dropped('EXDEV'), sysctls: strict }))!.remedy).toMatch(/ens4\.rp_filter = 2/);
    const closed = { rpFilter: 0, forwarding: false };
    expect(turnOf(ways({ request: dropped('EHOSTUNREACH'), sysctls: closed }))!.remedy).toMatch(/forwarding of ens4/);
    expect(turnOf(ways({ request: dropped('ENETUNREACH') }))!.remedy).toMatch(/priority 998/);
  });
});
