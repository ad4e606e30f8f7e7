import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Guard, GuardFlag } from '../../src/bgp/guard.ts';
import { type PrefixRule, ReceiveFilter, type ReceivePolicy } from '../../src/bgp/receive.ts';
import { bitsOf, type Family, fromBigInt } from '../../src/lib/address.ts';
import { contains, formatPrefix, type Prefix, prefix, prefixOf } from '../../src/lib/prefix.ts';
import { wordOf } from '../../src/lib/table.ts';

const guard = new Guard({
  alwaysBlock: ['10.0.0.0/8', '2001:db8:bad::/48'].map(prefix),
  own: ['192.0.2.0/24', '203.0.113.7/32', '2001:db8:1::/48'].map(prefix),
});

/** What becomes of each prefix under a policy, by its reason. */
function judge(policy: ReceivePolicy, ...texts: string[]): (string | undefined)[] {
  const filter = new ReceiveFilter(policy);
  return texts.map((text) => {
    const { accepted, reason } = filter.judge(prefix(text), guard);
    expect(accepted).toBe(reason === undefined);
    return reason;
  });
}

const rule = (text: string, lengths: Omit<PrefixRule, 'prefix'> = {}): PrefixRule => ({
  prefix: prefix(text),
  ...lengths,
});

describe('ReceiveFilter', () => {
  it('accepts nothing by default', () => {
    expect(judge({}, '198.51.100.0/24', '0.0.0.0/0', '2001:db8::/32')).toEqual(Array(3).fill('noReceivePolicy'));
    expect(judge({ rules: [] }, '198.51.100.0/24')).toEqual(['noReceivePolicy']);
    expect(judge({}, '10.1.0.0/16')).toEqual(['alwaysBlocked']);
  });

  it('takes all but default routes, its own prefixes and what is blocked', () => {
    expect(judge({ all: true }, '198.51.100.0/24', '2001:db8::/32', '192.0.0.0/8')).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(judge({ all: true }, '0.0.0.0/0', '::/0')).toEqual(['defaultRoute', 'defaultRoute']);
    expect(judge({ all: true }, '192.0.2.0/24', '192.0.2.128/25', '203.0.113.7/32', '2001:db8:1:2::/64')).toEqual(
      Array(4).fill('ownPrefix'),
    );
    expect(judge({ all: true }, '192.0.2.0/23', '203.0.113.6/32')).toEqual([undefined, undefined]);
    expect(judge({ all: true }, '10.0.0.0/8', '10.255.0.1/32', '2001:db8:bad::1/128')).toEqual(
      Array(3).fill('alwaysBlocked'),
    );
    expect(judge({ all: true }, '8.0.0.0/6')).toEqual([undefined]);
  });

  it('takes a prefix exactly, unless ge or le open it', () => {
    const at = [
      '198.51.0.0/15',
      '198.51.0.0/16',
      '198.51.0.0/17',
      '198.51.100.0/24',
      '198.51.100.1/32',
      '198.50.0.0/16',
    ];
    const open = (lengths: Omit<PrefixRule, 'prefix'>) =>
      judge({ rules: [rule('198.51.0.0/16', lengths)] }, ...at).map((r) => (r === undefined ? 'yes' : r));
    const no = 'notAllowed';
    expect(open({})).toEqual([no, 'yes', no, no, no, no]);
    expect(open({ le: 24 })).toEqual([no, 'yes', 'yes', 'yes', no, no]);
    expect(open({ ge: 24 })).toEqual([no, no, no, 'yes', 'yes', no]);
    expect(open({ ge: 17, le: 24 })).toEqual([no, no, 'yes', 'yes', no, no]);
    expect(open({ ge: 16, le: 16 })).toEqual([no, 'yes', no, no, no, no]);
  });

  it('takes default routes and its own prefixes when they are asked for by name only', () => {
    const everything = { rules: [rule('0.0.0.0/0', { le: 32 })] };
    expect(judge(everything, '0.0.0.0/0', '192.0.2.0/24', '198.51.100.0/24')).toEqual([
      'defaultRoute',
      'ownPrefix',
      undefined,
    ]);
    const named = { all: true, rules: [rule('0.0.0.0/0'), rule('192.0.2.0/24'), rule('::/0')] };
    expect(judge(named, '0.0.0.0/0', '::/0', '192.0.2.0/24', '192.0.2.0/25')).toEqual([
      undefined,
      undefined,
      undefined,
      'ownPrefix',
    ]);
    expect(judge({ rules: [rule('0.0.0.0/0')] }, '0.0.0.0/0', '::/0')).toEqual([undefined, 'defaultRoute']);
    expect(judge({ rules: [rule('10.1.0.0/16')] }, '10.1.0.0/16')).toEqual(['alwaysBlocked']);
  });

  it('goes by the first rule that matches', () => {
    const but = [rule('198.51.100.0/24', { deny: true }), rule('198.51.0.0/16', { le: 24 })];
    expect(judge({ rules: but }, '198.51.100.0/24', '198.51.101.0/24')).toEqual(['notAllowed', undefined]);
    expect(judge({ rules: but.toReversed() }, '198.51.100.0/24')).toEqual([undefined]);
    const inside = [
      rule('198.51.100.0/24', { le: 32, deny: true }),
      rule('198.51.100.7/32'),
      rule('198.51.0.0/16', { le: 32 }),
    ];
    expect(judge({ rules: inside }, '198.51.100.7/32', '198.51.99.7/32')).toEqual(['notAllowed', undefined]);
    const named = [rule('0.0.0.0/0', { deny: true }), rule('0.0.0.0/0')];
    expect(judge({ rules: named }, '0.0.0.0/0')).toEqual(['defaultRoute']);
    expect(judge({ rules: named.toReversed() }, '0.0.0.0/0')).toEqual([undefined]);
  });

  it('blocks even a default route that was asked for, when all is blocked', () => {
    const all = new Guard({ alwaysBlock: [prefix('0.0.0.0/0')] });
    const filter = new ReceiveFilter({ rules: [rule('0.0.0.0/0'), rule('::/0')] });
    expect(filter.judge(prefix('0.0.0.0/0'), all).reason).toBe('alwaysBlocked');
    expect(filter.judge(prefix('::/0'), all).reason).toBeUndefined();
  });

  it('refuses lengths that cannot be', () => {
    const bad: Omit<PrefixRule, 'prefix'>[] = [
      { ge: 15 },
      { le: 15 },
      { ge: 25, le: 24 },
      { le: 33 },
      { ge: 33 },
      { le: 24.5 },
    ];
    for (const lengths of bad)
      expect(() => new ReceiveFilter({ rules: [rule('198.51.0.0/16', lengths)] })).toThrow(RangeError);
    expect(() => new ReceiveFilter({ rules: [rule('2001:db8::/32', { le: 128 })] })).not.toThrow();
  });

  it.each([4, 6] as const)('says of IPv%i what the rules say one by one', (family: Family) => {
    const bits = bitsOf(family);
    const any = fc
      .record({ top: fc.nat(3), low: fc.nat(3), length: fc.oneof(fc.nat(4), fc.constantFrom(31, bits - 1, bits)) })
      .map(({ top, low, length }) =>
        prefixOf(fromBigInt(family, (BigInt(top) << BigInt(bits - 2)) | BigInt(low)), length),
      );
    const anyRule = any.chain((p) =>
      fc
        .tuple(
          fc.option(fc.integer({ min: p.length, max: bits })),
          fc.option(fc.integer({ min: p.length, max: bits })),
          fc.boolean(),
        )
        .map(([x, y, deny]): PrefixRule => {
          const [low, high] = x !== null && y !== null && x > y ? [y, x] : [x, y];
          return {
            prefix: p,
            ...(low !== null && { ge: low }),
            ...(high !== null && { le: high }),
            ...(deny && { deny }),
          };
        }),
    );
    const list = fc.array(any, { maxLength: 3 });
    const fits = ({ prefix: outer, ge, le }: PrefixRule, p: Prefix) => {
      if (!contains(outer, p)) return false;
      if (ge === undefined && le === undefined) return p.length === outer.length;
      return p.length >= (ge ?? outer.length) && p.length <= (le ?? bits);
    };
    const same = (a: Prefix, b: Prefix) => formatPrefix(a) === formatPrefix(b);
    fc.assert(
      fc.property(
        fc.array(anyRule, { maxLength: 8 }),
        fc.boolean(),
        list,
        list,
        fc.array(any, { minLength: 1, maxLength: 12 }),
        (rules, all, alwaysBlock, own, asked) => {
          const filter = new ReceiveFilter({ rules, all });
          const guarding = new Guard({ alwaysBlock, own });
          const slow = (p: Prefix): string | undefined => {
            if (alwaysBlock.some((b) => contains(b, p))) return 'alwaysBlocked';
            if (!all && rules.length === 0) return 'noReceivePolicy';
            const denied = rules.findIndex((r) => r.deny && fits(r, p));
            const before = denied < 0 ? rules : rules.slice(0, denied);
            const isName = (r: PrefixRule) => !r.deny && r.ge === undefined && r.le === undefined;
            if (before.some((r) => isName(r) && same(r.prefix, p))) return undefined;
            if (p.length === 0) return 'defaultRoute';
            if (own.some((o) => contains(o, p))) return 'ownPrefix';
            if (all) return undefined;
            return before.some((r) => fits(r, p)) ? undefined : 'notAllowed';
          };
          for (const p of [...asked, ...rules.map((r) => r.prefix)])
            expect(filter.judge(p, guarding).reason).toBe(slow(p));
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('Guard', () => {
  const flags = (g: Guard, text: string) => {
    const p = prefix(text);
    return g.flags(p.family, wordOf(p, 0), wordOf(p, 1), wordOf(p, 2), wordOf(p, 3), p.length);
  };

  it('says of a prefix all that it lies in', () => {
    const own = [prefix('127.1.0.0/16')];
    const g = new Guard({ alwaysBlock: [prefix('127.1.2.0/24')], own });
    expect(flags(g, '127.0.0.0/8')).toBe(GuardFlag.martian);
    expect(flags(g, '127.1.0.0/16')).toBe(GuardFlag.martian | GuardFlag.own);
    expect(flags(g, '127.1.2.3/32')).toBe(GuardFlag.martian | GuardFlag.own | GuardFlag.blocked);
    expect(flags(g, '126.0.0.0/7')).toBe(0);
    expect(flags(g, 'fe80::1/128')).toBe(GuardFlag.martian);
    expect(flags(g, '0.0.0.0/0')).toBe(0);
  });
});
