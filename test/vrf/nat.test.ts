import { describe, expect, it } from 'vitest';
import { address } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';
import type { Rule } from '../../src/netlink/rule.ts';
import { insideOf, natCommands, natState, readNat } from '../../src/vrf/nat.ts';

const translations = [
  { from: address('10.244.0.5'), to: address('203.0.113.10') },
  { from: address('fd00::5'), to: address('2001:db8::10') },
];
const wanted = natState(translations, ['10.244.0.0/16', 'fd00::/8']);

type Command = { readonly add?: Record<string, unknown>; readonly delete?: Record<string, unknown> };
const commands = (text: string): Command[] => (JSON.parse(text) as { nftables: Command[] }).nftables;

/** As nft lists what the commands made. */
function listing(text: string): { nftables: Record<string, unknown>[] } {
  const made = commands(text).flatMap(({ add }) => (add === undefined ? [] : [add]));
  return { nftables: [{ metainfo: { version: '1.0.6' } }, ...made.slice(1)] };
}

const isInside = ({ rule }: Record<string, unknown>): boolean =>
  String((rule as { comment?: string } | undefined)?.comment).startsWith('waypost: inside');

describe('the table of source addresses', () => {
  it('is made anew in one transaction, or taken away', () => {
    const verbs = commands(natCommands(wanted)).flatMap((c) => Object.keys(c).filter((key) => key !== 'metainfo'));
    expect(verbs.slice(0, 3)).toEqual(['add', 'delete', 'add']);
    expect(commands(natCommands(natState([], ['10.244.0.0/16']))).slice(1)).toEqual([
      { add: { table: { family: 'inet', name: 'waypost' } } },
      { delete: { table: { family: 'inet', name: 'waypost' } } },
    ]);
  });

  it('is read back as what was wanted', () => {
    expect(readNat(JSON.stringify(listing(natCommands(wanted))))).toEqual(wanted);
  });

  it('touches no table but its own', () => {
    for (const { add, delete: gone } of commands(natCommands(wanted)))
      for (const value of Object.values({ ...add, ...gone }) as { table?: string; name?: string }[])
        expect(value.table ?? value.name).toBe('waypost');
  });

  it.each<[string, (all: Record<string, unknown>[]) => Record<string, unknown>[]]>([
    ['a rule is missing', (all) => all.filter((o) => (o.rule as { comment?: string })?.comment !== 'waypost: source4')],
    ['a rule was added', (all) => [...all, { rule: { comment: 'mine', expr: [] } }]],
    ['a rule was added without a comment', (all) => [...all, { rule: { expr: [] } }]],
    ['a chain was added', (all) => [...all, { chain: { name: 'other', hook: 'postrouting', prio: 0 } }]],
    [
      'a network inside was moved behind the sources',
      (all) => [...all.filter((o) => !isInside(o)), ...all.filter(isInside)],
    ],
    ['a set was added', (all) => [...all, { set: { name: 'other' } }]],
    ['a map is missing', (all) => all.filter((o) => (o.map as { name?: string })?.name !== 'source6')],
    ['nothing is in it', (all) => all.slice(0, 1)],
  ])('is not as it was written when %s', (_, change) => {
    const { nftables } = listing(natCommands(wanted));
    const changed = change(nftables);
    expect(changed).not.toEqual(nftables);
    expect(readNat(JSON.stringify({ nftables: changed }))).toBeUndefined();
  });

  it('holds something else when an address was changed', () => {
    const { nftables } = listing(natCommands(wanted));
    const map = nftables.find((o) => (o.map as { name?: string })?.name === 'source4')!.map as { elem: string[][] };
    map.elem = [['10.244.0.5', '203.0.113.99']];
    expect(readNat(JSON.stringify({ nftables }))).not.toEqual(wanted);
  });

  it('holds something else when a network inside was forgotten', () => {
    const { nftables } = listing(natCommands(wanted));
    const without = nftables.filter((o) => (o.rule as { comment?: string })?.comment !== 'waypost: inside fd00::/8');
    expect(readNat(JSON.stringify({ nftables: without }))).toEqual(natState(translations, ['10.244.0.0/16']));
  });
});

describe('the networks inside', () => {
  const rule = (to: string | undefined, more: Partial<Rule> = {}): Rule => ({
    ...{ family: 4, priority: 998, action: 'table', table: 254, protocol: 157, flags: 0 },
    ...(to !== undefined && { to: prefix(to) }),
    ...more,
  });

  it('are those that rules before the network lead to the main table, whoever made them', () => {
    const rules = [
      rule('172.30.0.0/16'),
      rule('10.128.0.0/14', { protocol: 3 }),
      rule('172.30.0.0/16', { priority: 999 }),
      rule('fd00::/8', { family: 6 }),
    ];
    expect(insideOf(rules, 5000)).toEqual(['10.128.0.0/14', '172.30.0.0/16', 'fd00::/8']);
  });

  it.each<[string, Rule]>([
    ['for certain packets alone', rule('10.0.0.0/8', { from: prefix('10.1.0.0/16') })],
    ['by mark', rule('10.0.0.0/8', { mark: 1, mask: 1 })],
    ['to anywhere', rule(undefined)],
    ['to anywhere but there', rule('10.0.0.0/8', { flags: 2 })],
    ['to another table', rule('10.0.0.0/8', { table: 2 })],
    ['to nowhere', rule('10.0.0.0/8', { action: 'unreachable', table: 0 })],
    ['too late', rule('10.0.0.0/8', { priority: 5000 })],
  ])('are none that a rule leads %s', (_, other) => {
    expect(insideOf([other], 5000)).toEqual([]);
  });
});
