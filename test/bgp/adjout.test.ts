import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AdjRibOut } from '../../src/bgp/adjout.ts';
import type { AddressFamily } from '../../src/bgp/const.ts';
import { type Context, DEFAULT_CONTEXT, maxMessageOf } from '../../src/bgp/context.ts';
import type { PathAttributes } from '../../src/bgp/path.ts';
import { address } from '../../src/lib/address.ts';
import { canonical } from '../../src/lib/diff.ts';
import { formatPrefix, type Prefix, prefix } from '../../src/lib/prefix.ts';
import { Receiver, type Said } from '../support/receiver.ts';

const template = (more: Partial<PathAttributes> = {}): PathAttributes => ({ origin: 'igp', asPath: [], ...more });

const NOT_HERE = 64500;
/** As a session does it: next hop self, our AS in front, no LOCAL_PREF; and one community that keeps a route to us. */
function exportRoute(attributes: PathAttributes, family: AddressFamily): PathAttributes | undefined {
  if (attributes.communities?.includes(NOT_HERE)) return undefined;
  const { localPref: _, ...rest } = attributes;
  return {
    ...rest,
    asPath: [{ type: 'sequence', asns: [64496] }, ...attributes.asPath],
    nextHop: address(family === 'ipv4' ? '192.0.2.1' : '2001:db8::1'),
  };
}

const familyIn = (p: Prefix): AddressFamily => (p.family === 4 ? 'ipv4' : 'ipv6');

/** What the far end must have: canonical text by prefix. */
function expected(
  desired: ReadonlyMap<string, readonly [Prefix, PathAttributes]>,
  context: Context,
): Map<string, string> {
  const table = new Map<string, string>();
  for (const [text, [p, attributes]] of desired) {
    const exported = context.families.includes(familyIn(p)) && exportRoute(attributes, familyIn(p));
    const fits = context.maxMessage > 4096 || (attributes.communities?.length ?? 0) < 1000;
    if (exported && fits) table.set(text, canonical(exported));
  }
  return table;
}

function drain(out: AdjRibOut, receiver: Receiver, maxOctets = 65_536): Said[] {
  const said: Said[] = [];
  for (let bytes = out.pull(maxOctets); bytes !== undefined; bytes = out.pull(maxOctets)) {
    expect(bytes.length).toBeGreaterThan(0);
    expect(bytes.length).toBeLessThan(maxOctets + receiver.context.maxMessage);
    said.push(...receiver.take(bytes));
  }
  expect(out.pending).toBe(false);
  return said;
}

const advertised = (out: AdjRibOut): Map<string, string> =>
  new Map([...out.advertised()].map((r) => [formatPrefix(r.prefix), canonical(r.attributes)]));

/** Sizes of what is kept: nothing may be left behind by what is gone. */
function sizes(out: AdjRibOut) {
  return (['ipv4', 'ipv6'] as const).map((family) => {
    const outbound = Reflect.get(out, 'families')[family];
    const templates = Reflect.get(outbound, 'templates');
    return {
      prefixes: outbound.prefixes.size,
      templates: Reflect.get(templates, 'interned').size,
      buckets: templates.buckets.size,
      waiting: outbound.waiting.size,
      pending: outbound.pending,
      due: Reflect.get(outbound, 'due'),
      refused: outbound.refused,
    };
  });
}
const EMPTY = { prefixes: 0, templates: 0, buckets: 0, waiting: 0, pending: 0, due: 0, refused: 0 };

const slash32 = (n: number): Prefix => ({ family: 4, bytes: Uint8Array.of(10, n >> 16, n >> 8, n), length: 32 });

describe('AdjRibOut', () => {
  const universe = [
    ...['0.0.0.0/0', '10.0.0.0/8', '10.0.0.0/9', '192.0.2.0/24', '192.0.2.1/32', '203.0.113.128/25'],
    ...['::/0', '2001:db8::/32', '2001:db8::/48', '2001:db8::1/128'],
  ].map(prefix);
  // Called at each use or once for all: equal sets in different objects are the same set.
  const templates: readonly (() => PathAttributes)[] = [
    () => template(),
    () => template({ med: 7 }),
    () => template({ communities: [1, 2] }),
    // Exported as the first one is.
    () => template({ localPref: 200 }),
    () => template({ communities: [NOT_HERE] }),
    // Fits extended messages only.
    () => template({ communities: Array.from({ length: 1100 }, (_, i) => i) }),
  ];
  const shared = templates.map((make) => make());
  const route = fc
    .tuple(fc.constantFrom(...universe), fc.nat(templates.length - 1), fc.boolean())
    .map(([p, n, anew]) => [p, anew ? templates[n]!() : shared[n]!] as const);
  const contexts: readonly Context[] = [
    DEFAULT_CONTEXT,
    { ...DEFAULT_CONTEXT, families: ['ipv4'] },
    { ...DEFAULT_CONTEXT, families: ['ipv6'] },
    { ...DEFAULT_CONTEXT, maxMessage: maxMessageOf(true) },
    { ...DEFAULT_CONTEXT, addPathSend: ['ipv4'], addPathReceive: ['ipv4'] },
    { ...DEFAULT_CONTEXT, fourOctetAs: false },
  ];
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('set' as const), route }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('delete' as const), prefix: fc.constantFrom(...universe) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('replace' as const), routes: fc.array(route, { maxLength: 8 }) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('open' as const), context: fc.constantFrom(...contexts) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('refresh' as const),
        family: fc.constantFrom<AddressFamily>('ipv4', 'ipv6'),
        enhanced: fc.boolean(),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('pull' as const), maxOctets: fc.constantFrom(1, 60, 4096) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('drain' as const) }) },
  );

  it('gives the peer what is desired, and nothing twice, whatever happens meanwhile', () => {
    const seen = { refusals: 0, marks: 0, withdrawals: 0 };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const out = new AdjRibOut();
        const desired = new Map<string, readonly [Prefix, PathAttributes]>();
        let receiver: Receiver | undefined;
        let ended: AddressFamily[] = [];
        // Families of which routes may come again because the peer asked.
        let refreshed: AddressFamily[] = [];
        const listen = (said: readonly Said[]): void => {
          for (const s of said) {
            if (s.kind === 'endOfRib') {
              expect(ended).not.toContain(s.family);
              ended.push(s.family);
            } else if (s.kind === 'reach' || s.kind === 'withdraw') {
              if (s.kind === 'withdraw') seen.withdrawals++;
              if (!refreshed.includes(s.family)) expect(s).toMatchObject({ news: true });
            } else {
              seen.marks++;
              expect(refreshed).toContain(s.family);
              expect(ended).toContain(s.family);
            }
          }
        };
        const finish = (): void => {
          if (receiver === undefined) return;
          listen(drain(out, receiver, 4096));
          const want = expected(desired, receiver.context);
          expect(receiver.table).toEqual(want);
          expect(advertised(out)).toEqual(want);
          expect([...ended].sort()).toEqual([...receiver.context.families].sort());
          const oversized = [...desired.values()].filter(
            ([p, a]) =>
              receiver!.context.families.includes(familyIn(p)) &&
              receiver!.context.maxMessage === 4096 &&
              (a.communities?.length ?? 0) > 1000,
          );
          seen.refusals += oversized.length;
          expect(out.oversized.map(formatPrefix).sort()).toEqual(oversized.map(([p]) => formatPrefix(p)).sort());
          refreshed = [];
        };
        for (const s of [...steps, { kind: 'drain' as const }]) {
          if (s.kind === 'set') {
            const [p, attributes] = s.route;
            out.set(p, attributes);
            desired.set(formatPrefix(p), [p, attributes]);
          } else if (s.kind === 'delete') {
            out.delete(s.prefix);
            desired.delete(formatPrefix(s.prefix));
          } else if (s.kind === 'replace') {
            out.replace(s.routes);
            desired.clear();
            for (const r of s.routes) desired.set(formatPrefix(r[0]), r);
          } else if (s.kind === 'open') {
            receiver = new Receiver(s.context);
            ended = [];
            refreshed = [];
            out.open(s.context, exportRoute);
          } else if (s.kind === 'close') {
            receiver = undefined;
            out.close();
            expect(advertised(out).size).toBe(0);
            expect(out.pull(4096)).toBeUndefined();
          } else if (s.kind === 'refresh') {
            out.refresh(s.family, s.enhanced);
            if (receiver?.context.families.includes(s.family)) refreshed.push(s.family);
          } else if (s.kind === 'pull') {
            const bytes = out.pull(s.maxOctets);
            if (bytes !== undefined) listen(receiver!.take(bytes));
            expect(advertised(out)).toEqual(receiver?.table ?? new Map());
          } else finish();
          for (const family of ['ipv4', 'ipv6'] as const) {
            const mine = [...desired.values()].filter(([p]) => familyIn(p) === family).length;
            const there = [...(receiver?.table.keys() ?? [])].filter(
              (p) => p.includes(':') === (family === 'ipv6'),
            ).length;
            expect(out.counts(family)).toMatchObject({ desired: mine, advertised: there });
          }
        }
        out.replace([]);
        if (receiver !== undefined) listen(drain(out, receiver));
        expect(sizes(out)).toEqual([EMPTY, EMPTY]);
      }),
      { numRuns: 100 },
    );
    // The walk must have been to the corners.
    for (const n of Object.values(seen)) expect(n).toBeGreaterThan(10);
  });

  it('fills messages: 1000 host routes with one attribute set take the fewest possible UPDATEs', () => {
    const attributes = template();
    const sizes: number[] = [];
    for (const context of [DEFAULT_CONTEXT, { ...DEFAULT_CONTEXT, maxMessage: maxMessageOf(true) }]) {
      const out = new AdjRibOut();
      for (let i = 0; i < 1000; i++) out.set(slash32(i), attributes);
      out.open(context, exportRoute);
      const receiver = new Receiver(context);
      const said = drain(out, receiver);
      expect(receiver.table.size).toBe(1000);
      expect(said.at(-1)).toEqual({ kind: 'endOfRib', family: 'ipv4' });
      // 19 header, 4 lengths, ORIGIN 4, AS_PATH 3 + 6, NEXT_HOP 7; five octets a host route; two End-of-RIB marks.
      const fixed = 19 + 4 + 4 + 9 + 7;
      expect(out.messagesSent).toBe(Math.ceil(1000 / Math.floor((context.maxMessage - fixed) / 5)) + 2);
      expect(out.messagesSent).toBe(receiver.updates.length);
      sizes.push(out.messagesSent - 2);
    }
    expect(sizes).toEqual([2, 1]);
  });

  it.each<AddressFamily>(['ipv4', 'ipv6'])('packs %s withdrawals into as many messages as they need', (family) => {
    const all = Array.from({ length: 3000 }, (_, i) =>
      family === 'ipv4' ? slash32(i) : prefix(`2001:db8::${i.toString(16)}/128`),
    );
    const out = new AdjRibOut();
    out.replace(all.map((p) => [p, template()] as const));
    out.open(DEFAULT_CONTEXT, exportRoute);
    const receiver = new Receiver(DEFAULT_CONTEXT);
    drain(out, receiver);
    receiver.updates.length = 0;
    out.replace([]);
    drain(out, receiver);
    expect(receiver.table.size).toBe(0);
    // IPv4: 19 + 4 around, 5 each; IPv6: 7 more for MP_UNREACH, 17 each.
    const each = family === 'ipv4' ? Math.floor((4096 - 23) / 5) : Math.floor((4096 - 30) / 17);
    expect(receiver.updates.length).toBe(Math.ceil(3000 / each));
  });

  it('sends nothing for what is changed back in time', () => {
    const out = new AdjRibOut();
    const p = slash32(1);
    out.set(p, template());
    out.open(DEFAULT_CONTEXT, exportRoute);
    const receiver = new Receiver(DEFAULT_CONTEXT);
    drain(out, receiver);
    const { messagesSent } = out;
    out.set(slash32(2), template());
    out.delete(slash32(2));
    out.set(p, template({ med: 1 }));
    out.set(p, template());
    out.delete(p);
    out.set(p, template());
    // Other template, same route on this session.
    out.set(p, template({ localPref: 5 }));
    expect(out.pending).toBe(false);
    expect(out.pull(65_536)).toBeUndefined();
    expect(out.messagesSent).toBe(messagesSent);
  });

  it('withdraws before it announces, over all families', () => {
    const out = new AdjRibOut();
    out.set(slash32(1), template());
    out.set(prefix('2001:db8::/32'), template());
    out.open(DEFAULT_CONTEXT, exportRoute);
    const receiver = new Receiver(DEFAULT_CONTEXT);
    drain(out, receiver);
    out.set(slash32(2), template());
    out.delete(slash32(1));
    out.set(prefix('2001:db8:1::/48'), template());
    out.delete(prefix('2001:db8::/32'));
    expect(drain(out, receiver).map((s) => s.kind)).toEqual(['withdraw', 'withdraw', 'reach', 'reach']);
  });

  it('ends the initial routes with End-of-RIB, whatever is set meanwhile', () => {
    const out = new AdjRibOut();
    for (let i = 0; i < 3000; i++) out.set(slash32(i), template());
    out.open({ ...DEFAULT_CONTEXT, families: ['ipv4'] }, exportRoute);
    const receiver = new Receiver({ ...DEFAULT_CONTEXT, families: ['ipv4'] });
    let said: Said[] = [];
    // A new route with each pull: if the mark waited for the queue to be empty, it would wait for ever.
    for (let i = 0; i < 20; i++) {
      for (let k = 0; k < 900; k++) out.set(slash32(10_000 + 1000 * i + k), template({ med: i }));
      said = [...said, ...receiver.take(out.pull(4096)!)];
    }
    const end = said.findIndex((s) => s.kind === 'endOfRib');
    expect(end).toBeGreaterThan(2999);
    expect(end).toBeLessThan(said.length - 1);
    const first = new Set(said.slice(0, end).flatMap((s) => (s.kind === 'reach' ? [s.prefix] : [])));
    for (let i = 0; i < 3000; i++) expect(first.has(formatPrefix(slash32(i)))).toBe(true);
  });

  it('puts marks around an enhanced refresh, and none around a plain one', () => {
    const context: Context = { ...DEFAULT_CONTEXT, families: ['ipv4'] };
    const out = new AdjRibOut();
    for (let i = 0; i < 3; i++) out.set(slash32(i), template());
    out.open(context, exportRoute);
    const receiver = new Receiver(context);
    drain(out, receiver);
    out.refresh('ipv4', false);
    out.refresh('ipv6', true);
    expect(drain(out, receiver).map((s) => s.kind)).toEqual(['reach', 'reach', 'reach']);
    out.refresh('ipv4', true);
    out.delete(slash32(2));
    expect(drain(out, receiver).map((s) => s.kind)).toEqual([
      'withdraw',
      'beginOfRefresh',
      'reach',
      'reach',
      'endOfRefresh',
    ]);
    out.replace([]);
    drain(out, receiver);
    out.refresh('ipv4', true);
    expect(drain(out, receiver).map((s) => s.kind)).toEqual(['beginOfRefresh', 'endOfRefresh']);
    expect(out.marksSent).toBe(4);
  });

  it('sends a route again in a refresh although its withdrawal was taken back meanwhile', () => {
    const context: Context = { ...DEFAULT_CONTEXT, families: ['ipv4'] };
    const out = new AdjRibOut();
    out.set(slash32(1), template());
    out.open(context, exportRoute);
    const receiver = new Receiver(context);
    drain(out, receiver);
    out.delete(slash32(1));
    out.refresh('ipv4', true);
    out.set(slash32(1), template());
    drain(out, receiver);
    expect([...receiver.table.keys()]).toEqual([formatPrefix(slash32(1))]);
  });

  it('serves a refresh that comes too early once the initial routes are out, and many as one', () => {
    const context: Context = { ...DEFAULT_CONTEXT, families: ['ipv4'] };
    const out = new AdjRibOut();
    out.set(slash32(1), template());
    out.open(context, exportRoute);
    for (const enhanced of [false, true, false]) out.refresh('ipv4', enhanced);
    const kinds = drain(out, new Receiver(context)).map((s) => s.kind);
    expect(kinds).toEqual(['reach', 'endOfRib', 'beginOfRefresh', 'reach', 'endOfRefresh']);
  });

  it('withdraws what no message can hold any more, says so, and tries again with other attributes', () => {
    const out = new AdjRibOut();
    const p = slash32(1);
    out.set(p, template());
    out.open(DEFAULT_CONTEXT, exportRoute);
    const receiver = new Receiver(DEFAULT_CONTEXT);
    drain(out, receiver);
    out.set(p, templates[5]!());
    expect(drain(out, receiver)).toMatchObject([{ kind: 'withdraw', prefix: formatPrefix(p) }]);
    expect(out.oversized.map(formatPrefix)).toEqual([formatPrefix(p)]);
    // The same again is no news; neither is a refresh.
    out.set(p, templates[5]!());
    out.refresh('ipv4', false);
    expect(drain(out, receiver)).toEqual([]);
    out.set(p, template());
    expect(drain(out, receiver)).toMatchObject([{ kind: 'reach', prefix: formatPrefix(p) }]);
    expect(out.oversized).toEqual([]);
  });

  it('refuses attributes past the 65535 octets of any message as it does any others', () => {
    const out = new AdjRibOut();
    const context = { ...DEFAULT_CONTEXT, maxMessage: maxMessageOf(true) };
    out.set(slash32(1), template({ communities: Array.from({ length: 20_000 }, (_, i) => i) }));
    out.set(slash32(2), template());
    out.open(context, exportRoute);
    const receiver = new Receiver(context);
    drain(out, receiver);
    expect([...receiver.table.keys()]).toEqual([formatPrefix(slash32(2))]);
    expect(out.oversized.map(formatPrefix)).toEqual([formatPrefix(slash32(1))]);
  });

  it('asks once for each template and family, and again in the next session', () => {
    const out = new AdjRibOut();
    for (let i = 0; i < 100; i++) {
      out.set(slash32(i), template({ med: i % 2 }));
      out.set(prefix(`2001:db8::${i}/128`), template({ med: i % 2 }));
    }
    let asked = 0;
    const counting = (a: PathAttributes, f: AddressFamily) => {
      asked++;
      return exportRoute(a, f);
    };
    for (let session = 1; session <= 2; session++) {
      out.open(DEFAULT_CONTEXT, counting);
      drain(out, new Receiver(DEFAULT_CONTEXT));
      expect(asked).toBe(4 * session);
      out.close();
    }
  });

  it('never hands out the same memory twice', () => {
    const out = new AdjRibOut();
    for (let i = 0; i < 3000; i++) out.set(slash32(i), template());
    out.open(DEFAULT_CONTEXT, exportRoute);
    const first = out.pull(4096)!;
    const copy = Uint8Array.from(first);
    const second = out.pull(4096)!;
    expect(second.buffer).not.toBe(first.buffer);
    expect(first).toEqual(copy);
  });
});
