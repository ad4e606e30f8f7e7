import { describe, expect, it } from 'vitest';
import { prefix } from '../../src/lib/prefix.ts';
import type { Rule } from '../../src/netlink/rule.ts';
import { diffRules, ruleKey, ruleOps, type WantedRule } from '../../src/vrf/rules.ts';

const OURS = 119;

const wanted = (more: Partial<WantedRule> = {}): WantedRule => ({
  family: 4,
  priority: 5000,
  from: prefix('10.1.2.3/32'),
  table: 2,
  ...more,
});
/** As the kernel tells it. */
const there = (protocol: number, more: Partial<Rule> = {}): Rule => ({
  ...wanted(),
  priority: 5000,
  action: 'table',
  table: 2,
  protocol,
  flags: 0,
  ...more,
});

describe('rules by want and have', () => {
  it('are added where there is none', () => {
    expect(diffRules([wanted()], [], OURS)).toEqual({ add: [wanted()], remove: [] });
  });

  it('need nothing when all are there', () => {
    expect(diffRules([wanted()], [there(OURS)], OURS)).toEqual({ add: [], remove: [] });
  });

  it('of ours that nobody wants go, those of others stay', () => {
    const stranger = there(OURS, { from: prefix('10.9.9.9/32') });
    const foreign = there(3, { from: prefix('10.8.8.8/32') });
    expect(diffRules([], [stranger, foreign], OURS)).toEqual({ add: [], remove: [stranger] });
  });

  it('of others that say the same do the work', () => {
    expect(diffRules([wanted()], [there(3)], OURS)).toEqual({ add: [], remove: [] });
  });

  it('that are there twice are made one', () => {
    expect(diffRules([wanted()], [there(OURS), there(OURS)], OURS).remove).toHaveLength(1);
  });

  it('with another table are other rules: the new one comes before the old one goes', () => {
    const diff = diffRules([wanted({ table: 1002 })], [there(OURS)], OURS);
    expect(ruleOps(diff, OURS).map(({ verb, value }) => [verb, 'table' in value && value.table])).toEqual([
      ['add', 1002],
      ['delete', 2],
    ]);
  });

  it('carry our mark, and are deleted by everything that is known of them', () => {
    const [add] = ruleOps(diffRules([wanted()], [], OURS), OURS);
    expect(add!.value).toEqual({ ...wanted(), protocol: OURS });
    const [remove] = ruleOps(diffRules([], [there(OURS)], OURS), OURS);
    expect(remove!.value).toEqual({ ...wanted(), action: 'table', protocol: OURS });
  });

  it('with l3mdev are deleted without a table', () => {
    const [remove] = ruleOps({ add: [], remove: [there(OURS, { l3mdev: true, table: 0 })] }, OURS);
    expect(remove!.value).not.toHaveProperty('table');
  });

  it.each<[string, Partial<WantedRule>]>([
    ['priority', { priority: 5001 }],
    ['family and source', { family: 6, from: prefix('fd00::1/128') }],
    ['source', { from: prefix('10.1.2.4/32') }],
    ['destination', { to: prefix('10.0.0.0/8') }],
    ['input', { input: 'eth0' }],
    ['mark', { mark: 1 }],
    ['source port', { ipProtocol: 6, sourcePorts: { first: 30000, last: 30000 } }],
    ['action', { action: 'blackhole' }],
    ['suppressed length', { suppressPrefixLength: 0 }],
  ])('are told apart by their %s', (_, more) => {
    expect(ruleKey(wanted(more))).not.toBe(ruleKey(wanted()));
  });

  it('are the same whether a default is written or not', () => {
    expect(ruleKey(wanted({ mark: 5 }))).toBe(ruleKey(wanted({ mark: 5, mask: 0xffff_ffff })));
    expect(ruleKey(wanted({ to: prefix('0.0.0.0/0') }))).toBe(ruleKey(wanted()));
    expect(ruleKey(there(0))).toBe(ruleKey(wanted()));
  });

  it('are inverted or not', () => {
    expect(ruleKey(there(0, { flags: 2 }))).not.toBe(ruleKey(there(0)));
  });
});
