/** A VRF's table with routes of its own and of VRFs that it imports from. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AddressFamily } from '../../../src/bgp/const.ts';
import { AttributeTable } from '../../../src/bgp/intern.ts';
import { LocRib } from '../../../src/bgp/locrib.ts';
import { Rib } from '../../../src/bgp/rib.ts';
import { type Origin, Target } from '../../../src/daemon/fib/target.ts';
import { type Address, address } from '../../../src/lib/address.ts';
import { formatPrefix, prefix } from '../../../src/lib/prefix.ts';
import type { Way } from '../../../src/vrf/reach.ts';
import { Routes } from '../../../src/vrf/routes.ts';
import { announce, attributesOf, peers, withdraw } from '../../support/decide.ts';

/** The routes of a VRF, all of whose next hops are on one link. */
class Vrf implements Origin {
  readonly rib: Rib;
  readonly locRib: LocRib;
  readonly link: number;
  isUp = true;
  private targets: readonly Target[] = [];

  constructor(attributes: AttributeTable, link: number) {
    this.link = link;
    this.rib = new Rib(attributes);
    this.locRib = new LocRib(this.rib, () => (this.isUp ? 0 : undefined));
    this.locRib.nextHops.forgotten = (id) => {
      for (const target of this.targets) target.forget(this, id);
    };
    for (const [i, peer] of peers.entries()) this.locRib.setPeer(i, peer);
  }

  get uses(): number {
    return this.targets.length;
  }

  join(target: Target): void {
    this.targets = [...this.targets, target];
  }

  part(target: Target): void {
    this.targets = this.targets.filter((other) => other !== target);
  }

  resolve(gateway: Address): Way | undefined {
    return this.isUp ? { hops: [{ gateway, link: this.link }], metric: 0, onLink: true } : undefined;
  }

  linkOf(): number | undefined {
    return this.isUp ? this.link : undefined;
  }

  /** A few steps of what is to be done. True while there is more. */
  work(budget: number): boolean {
    const decided = (family: AddressFamily, id: number, _: number, after: number) => {
      for (const target of this.targets) if (target.family === family) target.decided(this, id, after);
    };
    const sweeping = this.rib.sweep(budget);
    return this.locRib.work(budget, decided) || sweeping;
  }
}

class Bench {
  readonly attributes = new AttributeTable();
  readonly red = new Vrf(this.attributes, 7);
  readonly blue = new Vrf(this.attributes, 8);
  readonly green = new Vrf(this.attributes, 9);
  readonly routes: Readonly<Record<AddressFamily, Routes>>;
  readonly targets: readonly Target[];

  constructor() {
    const of = (family: 4 | 6) => new Routes({ family, table: 10, protocol: 186, metric: 20 });
    this.routes = { ipv4: of(4), ipv6: of(6) };
    this.targets = (['ipv4', 'ipv6'] as const).map((family) => new Target(family, this.routes[family], [this.red]));
  }

  get vrfs(): readonly Vrf[] {
    return [this.red, this.blue, this.green];
  }

  imports(...vrfs: readonly Vrf[]): void {
    for (const target of this.targets) target.setOrigins([this.red, ...vrfs]);
  }

  set(vrf: Vrf, isUp: boolean): void {
    vrf.isUp = isUp;
    vrf.locRib.nextHopsChanged();
    for (const target of this.targets) target.waysChanged();
  }

  work(budget = 1000): boolean {
    const working = this.vrfs.map((vrf) => vrf.work(budget)).some(Boolean);
    return this.targets.map((target) => target.fill(budget)).some(Boolean) || working;
  }

  /** What is wanted: prefix, and the links that it leads over. */
  get shown(): string[] {
    while (this.work());
    return Object.values(this.routes)
      .flatMap((routes) => [...routes.rows()].map(({ prefix: p, set }) => ({ p, hops: routes.sets.hops(set) })))
      .filter(({ hops }) => hops.length > 0)
      .map(({ p, hops }) => `${formatPrefix(p)} ${hops.map(({ link }) => link)}`)
      .sort();
  }
}

const nextHopOf = (family: 4 | 6, n: number) => address(family === 4 ? `192.0.2.${n + 1}` : `2001:db8::${n + 1}`);
const tell = (vrf: Vrf, text: string, n = 0) => {
  const p = prefix(text);
  announce(vrf.rib, 0, p, attributesOf({ nextHop: nextHopOf(p.family, n) }), false);
};

describe('imports', () => {
  it('fill what the VRF has no route to itself, the first of them before the others', () => {
    const b = new Bench();
    tell(b.red, '10.0.0.0/8');
    for (const text of ['10.0.0.0/8', '11.0.0.0/8', '2001:db8::/32']) tell(b.blue, text);
    for (const text of ['10.0.0.0/8', '11.0.0.0/8', '12.0.0.0/8']) tell(b.green, text);
    expect(b.shown).toEqual(['10.0.0.0/8 7']);
    b.imports(b.green);
    expect(b.shown).toEqual(['10.0.0.0/8 7', '11.0.0.0/8 9', '12.0.0.0/8 9']);
    b.imports(b.blue, b.green);
    expect(b.shown).toEqual(['10.0.0.0/8 7', '11.0.0.0/8 8', '12.0.0.0/8 9', '2001:db8::/32 8']);
    // Its own comes, and goes.
    tell(b.red, '11.0.0.0/8');
    expect(b.shown).toContain('11.0.0.0/8 7');
    withdraw(b.red.rib, 0, prefix('11.0.0.0/8'));
    expect(b.shown).toContain('11.0.0.0/8 8');
    withdraw(b.blue.rib, 0, prefix('11.0.0.0/8'));
    expect(b.shown).toContain('11.0.0.0/8 9');
    b.imports();
    expect(b.shown).toEqual(['10.0.0.0/8 7']);
    expect(b.vrfs.map(({ uses }) => uses)).toEqual([2, 0, 0]);
  });

  it('have one next hop in two VRFs for two', () => {
    const b = new Bench();
    tell(b.red, '10.0.0.0/8');
    tell(b.blue, '11.0.0.0/8');
    b.imports(b.blue);
    expect(b.shown).toEqual(['10.0.0.0/8 7', '11.0.0.0/8 8']);
    b.set(b.red, false);
    expect(b.shown).toEqual(['11.0.0.0/8 8']);
    tell(b.blue, '10.0.0.0/8');
    expect(b.shown).toEqual(['10.0.0.0/8 8', '11.0.0.0/8 8']);
    b.set(b.blue, false);
    b.set(b.red, true);
    expect(b.shown).toEqual(['10.0.0.0/8 7']);
  });

  it('end with the table: nothing is wanted, and nobody is told any more', () => {
    const b = new Bench();
    tell(b.red, '10.0.0.0/8');
    tell(b.blue, '11.0.0.0/8');
    b.imports(b.blue);
    expect(b.shown).toHaveLength(2);
    for (const target of b.targets) target.close();
    expect(Object.values(b.routes).map(({ counts, sets }) => [counts.wanted, sets.size])).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(b.vrfs.map(({ uses }) => uses)).toEqual([0, 0, 0]);
  });

  it('come to the same whatever happens, and in whatever order', () => {
    const texts = ['10.0.0.0/8', '10.1.0.0/16', '0.0.0.0/0', '2001:db8::/32'];
    const vrf = fc.nat(2);
    const step = fc.oneof(
      fc.record({ do: fc.constant('tell' as const), vrf, n: fc.nat(3), hop: fc.nat(2) }),
      fc.record({ do: fc.constant('withdraw' as const), vrf, n: fc.nat(3) }),
      fc.record({ do: fc.constant('import' as const), order: fc.constantFrom([], [1], [2], [1, 2], [2, 1]) }),
      fc.record({ do: fc.constant('set' as const), vrf, isUp: fc.boolean() }),
      fc.record({ do: fc.constant('work' as const), budget: fc.nat(3) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const b = new Bench();
        const has = b.vrfs.map(() => new Set<string>());
        let order: readonly number[] = [];
        for (const s of steps) {
          if (s.do === 'tell') {
            tell(b.vrfs[s.vrf]!, texts[s.n]!, s.hop);
            has[s.vrf]!.add(texts[s.n]!);
          } else if (s.do === 'withdraw') {
            withdraw(b.vrfs[s.vrf]!.rib, 0, prefix(texts[s.n]!));
            has[s.vrf]!.delete(texts[s.n]!);
          } else if (s.do === 'import') {
            order = s.order;
            b.imports(...order.map((i) => b.vrfs[i]!));
          } else if (s.do === 'set') b.set(b.vrfs[s.vrf]!, s.isUp);
          else b.work(s.budget);
        }
        const expected = texts.flatMap((text) => {
          const from = [0, ...order].find((i) => b.vrfs[i]!.isUp && has[i]!.has(text));
          return from === undefined ? [] : [`${text} ${b.vrfs[from]!.link}`];
        });
        expect(b.shown).toEqual(expected.sort());
      }),
      { numRuns: 500 },
    );
  });
});
