import { describe, expect, it } from 'vitest';
import { address } from '../../src/lib/address.ts';
import { natCommands, natState, readNat } from '../../src/vrf/nat.ts';

const wanted = [
  { from: address('10.244.0.5'), to: address('203.0.113.10') },
  { from: address('fd00::5'), to: address('2001:db8::10') },
];

type Command = { readonly add?: Record<string, unknown>; readonly delete?: Record<string, unknown> };
const commands = (text: string): Command[] => (JSON.parse(text) as { nftables: Command[] }).nftables;

/** As nft lists what the commands made. */
function listing(text: string): { nftables: Record<string, unknown>[] } {
  const made = commands(text).flatMap(({ add }) => (add === undefined ? [] : [add]));
  return { nftables: [{ metainfo: { version: '1.0.6' } }, ...made.slice(1)] };
}

describe('the table of source addresses', () => {
  it('is made anew in one transaction, or taken away', () => {
    const verbs = commands(natCommands(wanted)).flatMap((c) => Object.keys(c).filter((key) => key !== 'metainfo'));
    expect(verbs.slice(0, 3)).toEqual(['add', 'delete', 'add']);
    expect(commands(natCommands([])).slice(1)).toEqual([
      { add: { table: { family: 'inet', name: 'waypost' } } },
      { delete: { table: { family: 'inet', name: 'waypost' } } },
    ]);
  });

  it('is read back as what was wanted', () => {
    expect(readNat(JSON.stringify(listing(natCommands(wanted))))).toEqual(natState(wanted));
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
    expect(readNat(JSON.stringify({ nftables }))).not.toEqual(natState(wanted));
  });
});
