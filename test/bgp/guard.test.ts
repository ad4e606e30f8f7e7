import { describe, expect, it } from 'vitest';
import { Guard, GuardFlag } from '../../src/bgp/guard.ts';
import { prefix } from '../../src/lib/prefix.ts';
import { wordOf } from '../../src/lib/table.ts';

const { blocked, own, martian } = GuardFlag;
const guard = new Guard({
  alwaysBlock: ['10.0.0.0/8', '2001:db8:1::/48'].map(prefix),
  own: ['10.1.0.0/16', '192.0.2.0/24'].map(prefix),
});
const flagsOf = (text: string, of = guard) => {
  const p = prefix(text);
  return of.flags(p.family, wordOf(p, 0), wordOf(p, 1), wordOf(p, 2), wordOf(p, 3), p.length);
};

describe('Guard', () => {
  it.each([
    ['10.0.0.0/8', blocked],
    ['10.2.0.0/16', blocked],
    ['10.1.2.0/24', blocked | own],
    ['0.0.0.0/0', 0],
    ['10.0.0.0/7', 0],
    ['192.0.2.1/32', own],
    ['2001:db8:1:2::/64', blocked],
    ['2001:db8::/32', 0],
    ['127.1.0.0/16', martian],
    ['0.0.0.0/8', martian],
    ['fe80::/64', martian],
    ['::/0', 0],
    ['172.16.0.0/12', 0],
  ])('what %s lies in: %i', (text, flags) => {
    expect(flagsOf(text)).toBe(flags);
  });

  it('knows martians without being told', () => {
    expect(flagsOf('224.0.0.5/32', new Guard())).toBe(martian);
  });
});
