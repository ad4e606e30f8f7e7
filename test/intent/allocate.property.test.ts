/** The allocator against its rules applied by brute force, over random histories. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Pool, Service } from '../../src/config/model.ts';
import { Allocator } from '../../src/intent/allocate.ts';
import type { Assignment } from '../../src/intent/assignment.ts';
import { leaseOf } from '../../src/intent/lease.ts';
import {
  type Address,
  compareAddresses,
  type Family,
  formatAddress,
  fromBigInt,
  toBigInt,
} from '../../src/lib/address.ts';
import { bounds, contains } from '../../src/lib/prefix.ts';
import { allocation, ingress, pool, request, service } from '../support/model.ts';

const candidates: Pool[] = [
  pool('a', ['192.0.2.254-192.0.3.1', '192.0.2.8/31'], { avoidBuggyIps: true }),
  pool('b', ['10.0.0.0/30', '2001:db8::/126']),
  pool('c', ['2001:db8:c::/127', '10.0.1.0/31'], { allocation: allocation({ priority: 1, namespaces: ['red'] }) }),
  pool('d', ['10.0.2.0/30'], { autoAssign: false }),
];
const named = [
  '192.0.2.254',
  '192.0.3.0',
  '10.0.0.1',
  '10.0.0.2',
  '10.0.1.0',
  '10.0.2.3',
  '2001:db8::2',
  '203.0.113.1',
];

/** One time in `n`, else undefined. */
const rarely = <T>(n: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: n - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

const arbitraryService = fc
  .record({
    name: fc.constantFrom('red/a', 'red/b', 'red/c', 'blue/d', 'blue/e', 'blue/f', 'blue/g'),
    ipFamilyPolicy: fc.constantFrom<Service['ipFamilyPolicy']>('SingleStack', 'PreferDualStack', 'RequireDualStack'),
    ipFamilies: fc.constantFrom<Family[]>([], [4], [6], [4, 6], [6, 4]),
    sharingKey: fc.constantFrom('', '', 'k', 'l'),
    externalTrafficPolicy: fc.constantFrom('Cluster' as const, 'Cluster' as const, 'Local' as const),
    ports: fc.uniqueArray(fc.constantFrom(80, 443, 53), { minLength: 1, maxLength: 2 }),
    pool: rarely(6, fc.constantFrom('a', 'b', 'd', 'gone')),
    address: rarely(5, fc.constantFrom(...named)),
    status: rarely(8, fc.constantFrom(...named)),
  })
  .map(({ name, ports, sharingKey, pool, address, status, ...rest }) =>
    service(name, {
      ...rest,
      selector: 'app=web',
      ports: ports.map((port) => ({ protocol: 'TCP', port })),
      ingress: status === undefined ? [] : ingress(status),
      request: request({ sharingKey, addresses: address === undefined ? [] : [address], ...(pool && { pool }) }),
    }),
  );

type Step =
  | { readonly do: 'assign'; readonly service: Service }
  | { readonly do: 'release'; readonly name: string }
  | { readonly do: 'pools'; readonly pools: readonly Pool[] };
const arbitraryStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: arbitraryService.map((s) => ({ do: 'assign' as const, service: s })) },
  {
    weight: 3,
    arbitrary: fc.constantFrom('red/a', 'red/b', 'blue/d', 'blue/e').map((name) => ({ do: 'release' as const, name })),
  },
  { weight: 1, arbitrary: fc.shuffledSubarray(candidates).map((pools) => ({ do: 'pools' as const, pools })) },
);

/** What is held, as the answers of the allocator say. */
interface World {
  pools: readonly Pool[];
  readonly held: Map<
    string,
    { readonly service: Service; readonly ips: readonly Address[]; readonly claimed: boolean }
  >;
}

const has = (ips: readonly Address[], ip: Address) => ips.some((other) => compareAddresses(other, ip) === 0);
const inPool = (p: Pool, ip: Address) => p.addresses.some((e) => e.prefixes.some((x) => contains(x, ip)));
const avoided = (p: Pool, ip: Address) => p.avoidBuggyIps && ip.family === 4 && [0, 255].includes(ip.bytes[3]!);
const keyOf = (s: Service) => `${s.namespace}/${s.name}`;

function compatible(a: Service, b: Service): boolean {
  const [x, y] = [leaseOf(a, [], false), leaseOf(b, [], false)];
  return (
    x.sharingKey !== '' &&
    x.sharingKey === y.sharingKey &&
    x.backendKey === y.backendKey &&
    !x.ports.some((p) => y.ports.includes(p))
  );
}

/** The first address of a pool's family in listed order that nobody keeps the Service from: MetalLB's walk. */
function walk(world: World, p: Pool, family: Family, s: Service): Address | undefined {
  for (const block of p.addresses.flatMap((e) => e.prefixes)) {
    if (block.family !== family) continue;
    const [first, last] = bounds(block);
    for (let v = toBigInt(first); v <= toBigInt(last); v++) {
      const ip = fromBigInt(family, v);
      const holders = [...world.held.values()].filter((h) => keyOf(h.service) !== keyOf(s) && has(h.ips, ip));
      if (!avoided(p, ip) && holders.every((h) => compatible(h.service, s))) return ip;
    }
  }
  return undefined;
}

/** MetalLB's choice for a Service without status, without a request and without addresses; undefined when none is left. */
function choice(world: World, s: Service): string | undefined {
  const admits = (p: Pool) => p.allocation === undefined || p.allocation.namespaces.includes(s.namespace);
  const auto = world.pools.filter((p) => p.autoAssign && admits(p));
  const groups = s.request.pool
    ? [world.pools.filter((p) => p.name === s.request.pool && admits(p))]
    : [auto.filter((p) => p.allocation), auto.filter((p) => !p.allocation)];
  const primary = s.ipFamilies[0] ?? 4;
  const dual = s.ipFamilyPolicy !== 'SingleStack' || s.ipFamilies.length > 1;
  for (const pools of groups) {
    const found = pools.map((p) => ({ 4: walk(world, p, 4, s), 6: walk(world, p, 6, s) }));
    const whole = found.find((f) => (dual ? f[4] && f[6] : f[primary]));
    const text = (...ips: (Address | undefined)[]) => ips.map((ip) => formatAddress(ip!)).join(' ');
    if (whole) return dual ? text(whole[4], whole[6]) : text(whole[primary]);
    if (s.ipFamilyPolicy !== 'PreferDualStack') continue;
    const half = found.find((f) => f[primary])?.[primary] ?? found.map((f) => f[4] ?? f[6]).find(Boolean);
    if (half) return text(half);
  }
  return undefined;
}

function check(world: World, a: Allocator): void {
  const entries = [...world.held.values()];
  for (const [i, x] of entries.entries()) {
    for (const y of entries.slice(i + 1)) {
      if ((x.claimed && y.claimed) || !x.ips.some((ip) => has(y.ips, ip))) continue;
      expect(compatible(x.service, y.service), `${keyOf(x.service)} and ${keyOf(y.service)}`).toBe(true);
    }
    if (!x.claimed) expect(world.pools.some((p) => x.ips.every((ip) => inPool(p, ip)))).toBe(true);
  }
  for (const p of world.pools) {
    const distinct = new Set(entries.flatMap((x) => x.ips.filter((ip) => inPool(p, ip)).map(formatAddress)));
    const usage = a.usage(p.name);
    expect(usage.ipv4.inUse + usage.ipv6.inUse).toBe(distinct.size);
    const services = entries.filter((x) => x.ips.length > 0 && x.ips.every((ip) => inPool(p, ip)));
    expect(usage.services).toBe(services.length);
  }
}

/** Runs a history; `judge` sees each answer before it becomes part of the world. */
function play(steps: readonly Step[], judge: (world: World, s: Service, answer: Assignment) => void): Allocator {
  const a = new Allocator();
  const world: World = { pools: [], held: new Map() };
  const setPools = (pools: readonly Pool[]) => {
    world.pools = pools;
    for (const key of a.setPools(new Map(pools.map((p) => [p.name, p])), new Map())) world.held.delete(key);
  };
  setPools(candidates);
  for (const step of steps) {
    if (step.do === 'pools') setPools(step.pools);
    else if (step.do === 'release') expect(a.release(step.name)).toBe(world.held.delete(step.name));
    else {
      const key = keyOf(step.service);
      const answer = a.assign(step.service);
      for (const other of answer.evicted) expect(world.held.delete(other)).toBe(true);
      judge(world, step.service, answer);
      const claimed = step.service.ingress.length > 0;
      const ips = answer.assigned ? answer.ips : step.service.ingress.flatMap((entry) => entry.address ?? []);
      world.held.delete(key);
      if (ips.length > 0) world.held.set(key, { service: step.service, ips, claimed });
    }
    expect([...a.holders()].sort()).toEqual([...world.held.keys()].sort());
    check(world, a);
  }
  return a;
}

const history = fc.array(arbitraryStep, { maxLength: 40, size: 'max' });

test('holders are compatible, addresses lie in pools, and a free choice is the one MetalLB’s walk finds', () => {
  let chosen = 0;
  let failed = 0;
  fc.assert(
    fc.property(history, (steps) => {
      play(steps, (world, s, answer) => {
        const requested = s.ingress.length > 0 || s.request.addresses.length > 0;
        if (requested || (answer.assigned && answer.origin === 'kept')) return;
        const given = answer.assigned ? answer.ips.map(formatAddress).join(' ') : undefined;
        if (given === undefined) failed++;
        else chosen++;
        expect(given).toBe(choice(world, s));
      });
    }),
    { numRuns: 400 },
  );
  // The property says nothing unless both happen often.
  expect(chosen).toBeGreaterThan(400);
  expect(failed).toBeGreaterThan(100);
});

test('what is asked for is what is given', () => {
  fc.assert(
    fc.property(history, (steps) => {
      play(steps, (world, s, answer) => {
        if (!answer.assigned) return;
        const texts = answer.ips.map(formatAddress);
        if (s.ingress.length > 0) expect(texts).toEqual(s.ingress.map((entry) => entry.text));
        else if (s.request.addresses.length > 0) expect(texts).toEqual(s.request.addresses.map(formatAddress));
        else if (answer.origin === 'kept')
          expect(world.held.get(keyOf(s))?.ips.every((ip) => has(answer.ips, ip))).toBe(true);
        if (s.request.pool && s.ingress.length === 0) expect(answer.pool).toBe(s.request.pool);
        const p = world.pools.find((x) => x.name === answer.pool)!;
        expect(answer.ips.every((ip) => inPool(p, ip))).toBe(true);
        if (s.ingress.length === 0) expect(answer.ips.some((ip) => avoided(p, ip))).toBe(false);
      });
    }),
    { numRuns: 200 },
  );
});

test('the same history gives the same answers, and asking twice changes nothing', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const answers: Assignment[] = [];
      const once = play(steps, (_, __, answer) => answers.push(answer));
      const again: Assignment[] = [];
      const twice = play(
        steps.flatMap((s): Step[] => (s.do === 'assign' ? [s, s] : [s])),
        (_, __, answer) => again.push(answer),
      );
      const plain = (a: Assignment | undefined) =>
        a?.assigned ? a.ips.map(formatAddress) : a && [a.reason, a.message];
      expect(again.filter((_, i) => i % 2 === 0).map(plain)).toEqual(answers.map(plain));
      expect(again.filter((_, i) => i % 2 === 1).map(plain)).toEqual(answers.map(plain));
      expect(twice.snapshot()).toEqual(once.snapshot());
    }),
    { numRuns: 150 },
  );
});

test('a restart restores everything that no status contradicts', () => {
  fc.assert(
    fc.property(
      fc.array(
        arbitraryService.filter((s) => s.ingress.length === 0),
        { maxLength: 25 },
      ),
      (services) => {
        const before = play(
          services.map((s) => ({ do: 'assign' as const, service: s })),
          () => {},
        );
        const after = new Allocator();
        after.setPools(new Map(candidates.map((p) => [p.name, p])), new Map());
        expect(after.restore(JSON.parse(JSON.stringify(before.snapshot())))).toEqual([]);
        expect(after.snapshot()).toEqual(before.snapshot());
        const last = new Map(services.map((s) => [keyOf(s), s]));
        for (const s of [...last.values()].reverse()) {
          const answer = after.assign(s);
          if (before.holds(keyOf(s))) expect(answer).toMatchObject({ assigned: true, origin: 'kept' });
        }
      },
    ),
    { numRuns: 150 },
  );
});
