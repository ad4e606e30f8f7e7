/** Groups that are kept up to date, against what comes out when the same addresses are filed for the first time. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Contest } from '../../src/intent/elect.ts';
import { type Circumstances, Spread } from '../../src/intent/spread.ts';
import { sha256 } from '../../src/io/digest.ts';

const names = ['a', 'b', 'c', 'd', 'e'];
const hash = (text: string): number => {
  const octets = sha256(new TextEncoder().encode(text)).subarray(0, 6);
  return octets.reduce((value, octet) => value * 256 + octet, 0);
};
/** @param classes letters of the nodes in each */
function contest(ip: string, classes: readonly string[], sole?: string): Contest {
  const best = (letters: string) => [...letters].sort((x, y) => hash(x + ip) - hash(y + ip));
  return { classes: classes.map(best), rank: hash(ip), sole };
}
const all: Circumstances = { stands: () => true };
function settle(spread: Spread, circumstances: Circumstances = all): string[] {
  const moved: string[] = [];
  while (spread.pending) moved.push(...spread.settle(circumstances));
  return moved;
}
const loads = (spread: Spread, ips: readonly string[]): Record<string, number> => {
  const found: Record<string, number> = {};
  for (const ip of ips) {
    const owner = spread.of(ip)?.owner ?? 'none';
    found[owner] = (found[owner] ?? 0) + 1;
  }
  return found;
};
const ips = (count: number) => Array.from({ length: count }, (_, i) => `ip${i}`);

describe('groups', () => {
  it('do not know of each other', () => {
    const spread = new Spread();
    for (const ip of ips(9)) spread.file(`s-${ip}`, { ip, contest: contest(ip, ['abc']) });
    settle(spread);
    expect(loads(spread, ips(9))).toEqual({ a: 3, b: 3, c: 3 });
    spread.file('x', { ip: 'x', contest: contest('x', ['ab']) });
    expect(settle(spread)).toEqual(['x']);
    expect([...spread.of('x')!.loads.keys()].sort()).toEqual(['a', 'b']);
    expect([...spread.of('ip0')!.loads]).toHaveLength(3);
  });

  it('are those of the first Service of an address, and of the next one when that goes', () => {
    const spread = new Spread();
    spread.file('t', { ip: 'x', contest: contest('x', ['b']) });
    spread.file('s', { ip: 'x', contest: contest('x', ['a']) });
    settle(spread);
    expect(spread.of('x')?.owner).toBe('a');
    spread.file('s', undefined);
    expect(settle(spread)).toEqual(['t']);
    expect(spread.of('x')?.owner).toBe('b');
    spread.file('t', undefined);
    settle(spread);
    expect(spread.of('x')).toBeUndefined();
  });

  it('of what only one node can serve ask nothing else of it', () => {
    const spread = new Spread();
    spread.file('s', { ip: 'x', contest: contest('x', ['ab'], 'a') });
    spread.file('t', { ip: 'y', contest: contest('y', ['ab']) });
    settle(spread, { ...all, stands: (_, sole) => sole });
    expect([spread.of('x')?.owner, spread.of('y')?.owner]).toEqual(['a', undefined]);
  });

  it('count an address once that leaves and comes back before anybody looks', () => {
    const spread = new Spread();
    for (const ip of ips(4)) spread.file(`s-${ip}`, { ip, contest: contest(ip, ['ab']) });
    settle(spread);
    for (const classes of ['abc', 'ab', 'abc', 'ab'])
      spread.file('s-ip0', { ip: 'ip0', contest: contest('ip0', [classes]) });
    spread.file('s-ip1', undefined);
    spread.file('s-ip1', { ip: 'ip1', contest: contest('ip1', ['ab']) });
    settle(spread);
    expect(Object.fromEntries(spread.of('ip0')!.loads)).toEqual({ a: 2, b: 2 });
  });

  it('are asked again only where something has changed', () => {
    const spread = new Spread();
    const filed = () => {
      for (const ip of ips(20)) spread.file(`s-${ip}`, { ip, contest: contest(ip, ['abc']) });
    };
    filed();
    expect(settle(spread)).toHaveLength(20);
    filed();
    expect(spread.pending).toBe(false);
  });
});

/** By the bits of a number. */
const letters = (bits: number) => names.filter((_, i) => bits & (1 << i)).join('');
const operation = fc.record({
  what: fc.constantFrom('file', 'file', 'file', 'drop', 'down', 'settle'),
  service: fc.nat(80),
  ip: fc.nat(50),
  bits: fc.constantFrom(31, 31, 31, 7, 24),
  more: fc.constantFrom(0, 0, 8),
});

it('whatever was filed, moved and dropped, what comes out is what is filed at once, in another order', () => {
  fc.assert(
    fc.property(fc.array(operation, { minLength: 1, maxLength: 300 }), (operations) => {
      const spread = new Spread();
      const filed = new Map<string, { readonly ip: string; readonly contest: Contest }>();
      const moved = new Set<string>();
      let down = '';
      const circumstances = { ...all, stands: (name: string) => !down.includes(name) };
      const owners = new Map<string, string | undefined>();
      const note = () => {
        for (const service of settle(spread, circumstances)) moved.add(service);
        for (const [service, { ip }] of filed) {
          const owner = spread.of(ip)!.owner;
          // Whose address is elsewhere was told of.
          if (owners.has(ip) && owners.get(ip) !== owner) expect(moved).toContain(service);
        }
        owners.clear();
        for (const { ip } of filed.values()) owners.set(ip, spread.of(ip)!.owner);
        moved.clear();
      };
      for (const { what, service, ip, bits, more } of operations) {
        const key = `s${service}`;
        if (what === 'settle') note();
        else if (what === 'down') {
          down = letters(service % 31);
          spread.unsettle();
        } else if (what === 'drop') {
          filed.delete(key);
          spread.file(key, undefined);
        } else {
          const classes = [letters(bits & ~more), letters(bits & more)].filter(Boolean);
          const one = { ip: `ip${ip}`, contest: contest(`ip${ip}`, classes) };
          filed.set(key, one);
          spread.file(key, one);
        }
      }
      note();
      const fresh = new Spread();
      for (const [service, one] of [...filed].reverse()) fresh.file(service, one);
      settle(fresh, circumstances);
      for (const { ip } of filed.values()) expect(spread.of(ip)).toEqual(fresh.of(ip));
    }),
    { numRuns: 200 },
  );
});
