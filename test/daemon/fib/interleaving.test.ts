/**
 * The daemon and the kernel each in its own time: answers and events are late or lost, dumps interrupted, changes refused;
 * others meddle, links, addresses and VRFs come and go, settings change, and the end may come at any moment. What counts is
 * how it ends: with what is wanted, or with nothing of ours, and with all that is others'.
 */
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { FibSettings } from '../../../src/daemon/fib/events.ts';
import { Fib } from '../../../src/daemon/fib/fib.ts';
import { both, type TableRoutes } from '../../../src/daemon/fib/pair.ts';
import type { Place } from '../../../src/daemon/fib/places.ts';
import { address } from '../../../src/lib/address.ts';
import { formatPrefix, prefix } from '../../../src/lib/prefix.ts';
import { wordOf } from '../../../src/lib/table.ts';
import { type Link, LinkFlag } from '../../../src/netlink/link.ts';
import type { Route, RouteSpec } from '../../../src/netlink/route.ts';
import { FakeKernel } from '../../support/kernel.ts';
import { seeded } from '../../support/mutate.ts';

const MAIN = 254;
const [KERNEL, STATIC] = [2, 4];
const [ENOMEM, ENOSPC, ENETDOWN, ENETUNREACH, ENOBUFS] = [12, 28, 100, 101, 105];

const prefixes = ['10.0.0.0/8', '10.1.0.0/16', '10.1.2.0/24', '0.0.0.0/0', '2001:db8::/32', '::/0'].map(prefix);
/** By number, IPv4 and IPv6: gateway and link of each hop. */
const ways = [
  [[['192.0.2.1', 7]], [['fe80::1', 7]]],
  [[['192.0.2.2', 7]], [['fe80::2', 7]]],
  [[['198.51.100.1', 8]], [['fe80::1', 8]]],
  [
    [
      ['192.0.2.1', 7],
      ['198.51.100.1', 8],
    ],
    [
      ['fe80::1', 7],
      ['fe80::1', 8],
    ],
  ],
] as const;
const hopsOf = (way: number, family: 4 | 6) =>
  ways[way]![family === 4 ? 0 : 1].map(([gateway, link]) => ({ gateway: address(gateway), link }));

const settings: readonly FibSettings[] = [
  { install: true, protocol: 186, metric: 20, resolveViaDefault: true },
  { install: true, protocol: 186, metric: 30, resolveViaDefault: true },
  { install: true, protocol: 187, metric: 20, resolveViaDefault: true },
  { install: true, protocol: 186, metric: 20, mtu: 1400, resolveViaDefault: true },
  { install: true, protocol: 186, metric: 0, resolveViaDefault: true },
  { install: false, protocol: 186, metric: 20, resolveViaDefault: true },
];
const ourProtocols: ReadonlySet<number> = new Set(settings.map(({ protocol }) => protocol));

const vrfs = ['', 'red'] as const;
const pick = fc.nat(prefixes.length - 1);
const action = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.constant('want'), fc.constantFrom(...vrfs), pick, fc.nat(ways.length)) },
  { weight: 8, arbitrary: fc.tuple(fc.constant('pass'), fc.constantFrom(0, 1, 5, 30, 30, 300, 3_000)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('meddle'), fc.constantFrom(...vrfs), pick, fc.nat(2)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('other'), fc.constantFrom(MAIN, 100, 200), pick, fc.boolean()) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('link'), fc.constantFrom(7, 8)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('readdress'), fc.constantFrom(7, 8)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('vrf'), fc.constantFrom(0, 100, 100, 200)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('overrun')) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('losing')) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('deaf')) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('interrupting')) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('refuse'), fc.constantFrom(ENOMEM, ENOSPC, ENETUNREACH, ENOBUFS)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('accept')) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('configure'), fc.nat(settings.length - 1)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('sweep')) },
) as fc.Arbitrary<readonly [string, ...(string | number | boolean)[]]>;

const link = (index: number, up: boolean): Link => ({
  index,
  type: 1,
  flags: up ? LinkFlag.up | LinkFlag.lowerUp : 0,
  changed: 0,
  name: `e${index}`,
});

/** A daemon in small: it wants routes of two VRFs, wherever their tables are. */
class World {
  readonly kernel = new FakeKernel();
  readonly fib: Fib;
  clock = 0;
  /** By VRF and prefix: number of the way. */
  private readonly wants = new Map<string, Map<number, number>>(vrfs.map((vrf) => [vrf, new Map()]));
  private readonly bound = new Map<string, TableRoutes | undefined>();
  private settings = settings[0]!;
  /** Keys of the kernel: where others have put routes, and where routes of ours ever were. */
  private readonly others = new Set<string>();
  private readonly everOurs = new Set<string>();
  /** Routes that we have made, as they are in the kernel: what others make in our name is theirs to take away. */
  private readonly made = new Set<string>();
  private refused: number | undefined;
  readonly faults: string[] = [];

  constructor(seed: number, leftovers: readonly number[]) {
    const { kernel } = this;
    const random = seeded(seed);
    this.clock = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => {
      this.clock += 4 * random();
      return this.clock;
    });
    // What is done in slices lets much happen in between.
    vi.stubGlobal('setImmediate', (run: () => void) => setTimeout(run, 6 * random() ** 2));
    kernel.later = (run) => void setTimeout(run, 80 * random() ** 3);
    kernel.lazy = random() < 0.5;
    kernel.refuse = (verb, route) => this.judge(verb, route);
    for (const index of [7, 8]) kernel.setLink(link(index, true));
    for (const index of [7, 8]) this.connect(index);
    this.vrf(100);
    const places: Place[] = [MAIN, 100].map((table) => ({ table, protocol: 186, metric: 20 }));
    for (const n of leftovers) {
      const destination = prefixes[n % prefixes.length]!;
      const spec = { destination, table: places[n % 2]!.table, protocol: 186, priority: 20 };
      kernel.put({ ...spec, hops: hopsOf(n % ways.length, destination.family) });
      this.made.add(this.keyOf(spec));
      this.everOurs.add(this.keyOf(spec));
    }
    this.fib = new Fib(
      this.settings,
      places,
      {
        waysChanged: () => {},
        tablesChanged: () => this.bind(),
        place: () => {},
        leftPlace: () => {},
        refused: () => {},
        accepted: () => {},
        audited: () => {},
        unread: () => {},
        contested: () => {},
        idle: () => {},
      },
      kernel.parts(),
    );
    this.bind();
  }

  async pass(ms: number): Promise<void> {
    this.clock += ms;
    await vi.advanceTimersByTimeAsync(ms);
  }

  async act([verb, ...given]: readonly [string, ...(string | number | boolean)[]]): Promise<void> {
    const { kernel, fib } = this;
    const [a, b, c] = given as [number, number, number];
    switch (verb) {
      case 'pass':
        return this.pass(a);
      case 'want': {
        const [vrf] = given as [string];
        if (c === ways.length) this.wants.get(vrf)!.delete(b);
        else this.wants.get(vrf)!.set(b, c);
        this.want(vrf, b);
        return fib.kick();
      }
      case 'meddle':
        return this.meddle(`${given[0]}`, b, c);
      case 'other':
        return this.other(a, b, given[2] === true);
      case 'link': {
        const up = (kernel.links.get(a)!.flags & LinkFlag.up) === 0;
        kernel.setLink(link(a, up));
        if (up) this.connect(a);
        return;
      }
      case 'readdress': {
        // The last address goes, and another comes.
        const net = this.netOf(a);
        if (![...kernel.routes.values()].some((r) => r.protocol === KERNEL && formatPrefix(r.destination) === net))
          return;
        kernel.drop(MAIN, net, 0);
        kernel.cut(a, [4]);
        return this.connect(a);
      }
      case 'vrf':
        return this.vrf(a);
      case 'overrun':
        return kernel.overrun();
      case 'losing':
      case 'deaf':
      case 'interrupting':
        kernel[verb]++;
        return;
      case 'refuse':
        this.refused = a;
        return;
      case 'accept':
        this.refused = undefined;
        return;
      case 'configure':
        this.settings = settings[a]!;
        return fib.configure(this.settings);
      case 'sweep':
        return fib.sweep();
      default:
        throw new Error(verb);
    }
  }

  /** Whatever was in the way goes away, and there is time. */
  async settle(): Promise<void> {
    this.mend();
    for (const index of [7, 8])
      if ((this.kernel.links.get(index)!.flags & LinkFlag.up) === 0) await this.act(['link', index]);
    for (let n = 0; n < 20; n++) await this.pass(10_000);
    this.fib.sweep();
    for (let n = 0; n < 20; n++) await this.pass(10_000);
  }

  async stop(keep: boolean): Promise<void> {
    const stopped = this.fib.stop(keep);
    setTimeout(() => this.mend(), 3_000);
    let isOver = false;
    void stopped.then(() => {
      isOver = true;
    });
    for (let n = 0; n < 200 && !isOver; n++) await this.pass(100);
    expect(isOver).toBe(true);
    // Nothing goes on afterwards.
    const { requests } = this.kernel;
    await this.pass(100_000);
    expect(this.kernel.requests).toBe(requests);
  }

  /** What we have made, and what is there in our name where we look after it. */
  get ours(): string[] {
    const { metric, protocol } = this.settings;
    const watched = (r: Route) =>
      r.protocol === protocol && this.fib.all.has(r.table) && (r.priority ?? 0) === this.metric(r, metric);
    return [...this.kernel.routes.values()]
      .filter((r) => ourProtocols.has(r.protocol) && (this.made.has(this.keyOf(r)) || watched(r)))
      .map((r) => this.text(r))
      .sort();
  }

  get wanted(): string[] {
    const { install, protocol, metric, mtu } = this.settings;
    if (!install) return [];
    return [...this.wants]
      .flatMap(([vrf, wants]) => {
        const table = this.tableOf(vrf);
        if (table === undefined) return [];
        return [...wants].flatMap(([n, way]) => {
          const destination = prefixes[n]!;
          const hops = hopsOf(way, destination.family);
          const route = { table, destination, protocol, priority: this.metric({ destination }, metric), hops };
          if (this.others.has(this.keyOf(route)) || this.isStrange(route)) return [];
          return this.text({ ...route, ...(mtu !== undefined && { metrics: { mtu } }) });
        });
      })
      .sort();
  }

  /** Of what we have made, what is still there. */
  get left(): string[] {
    return [...this.made].filter((key) => this.kernel.routes.has(key)).sort();
  }

  /** Of what others have put there, what is not any more. */
  get lost(): string[] {
    return [...this.others].filter((key) => this.kernel.routes.get(key)?.protocol !== STATIC);
  }

  /** Somebody else has made one there, in a name that was ours once. */
  private isStrange(route: Pick<Route, 'table' | 'destination' | 'priority' | 'protocol'>): boolean {
    const key = this.keyOf(route);
    const there = this.kernel.routes.get(key);
    return there !== undefined && there.protocol !== route.protocol && !this.made.has(key);
  }

  private mend(): void {
    this.refused = undefined;
    Object.assign(this.kernel, { losing: 0, deaf: 0, interrupting: 0 });
  }

  private tableOf(vrf: string): number | undefined {
    if (vrf === '') return MAIN;
    const info = this.kernel.links.get(9)?.info;
    return info?.kind === 'vrf' ? info.table : undefined;
  }

  private bind(): void {
    if (this.fib === undefined) return;
    for (const vrf of vrfs) {
      const table = this.fib.tableOf(vrf || undefined);
      const found = table === undefined ? undefined : this.fib.routes(table);
      const before = this.bound.get(vrf);
      if (before === found) continue;
      if (before) for (const routes of both(before)) routes.clear();
      this.bound.set(vrf, found);
      for (const n of this.wants.get(vrf)!.keys()) this.want(vrf, n);
    }
    this.fib.kick();
  }

  private want(vrf: string, n: number): void {
    const pair = this.bound.get(vrf);
    if (pair === undefined) return;
    const p = prefixes[n]!;
    const routes = p.family === 4 ? pair.ipv4 : pair.ipv6;
    const way = this.wants.get(vrf)!.get(n);
    const set = way === undefined ? 0 : routes.sets.retain(hopsOf(way, p.family));
    routes.want(wordOf(p, 0), wordOf(p, 1), wordOf(p, 2), wordOf(p, 3), p.length, set);
    routes.sets.release(set);
  }

  /** A change of ours comes to the kernel. */
  private judge(verb: 'add' | 'replace' | 'delete', route: Route): number | undefined {
    const key = this.keyOf(route);
    const there = this.kernel.routes.get(key);
    if (this.refused !== undefined) return this.refused;
    const down = route.hops.some(({ link: index }) => (this.kernel.links.get(index!)!.flags & LinkFlag.up) === 0);
    if (verb !== 'delete' && down) return ENETDOWN;
    if (verb === 'replace' && there?.protocol === STATIC) {
      // The kernel replaces whatever is there. Where ours was until just now, nobody can know better.
      if (!this.everOurs.has(key)) this.faults.push(`replaced another's ${key}`);
      this.others.delete(key);
    }
    if (verb === 'add' && there !== undefined) return undefined;
    if (verb === 'delete') this.made.delete(key);
    else {
      this.made.add(key);
      this.everOurs.add(key);
    }
    return undefined;
  }

  /** Somebody takes ours away, has it lead elsewhere, or makes one in our name. */
  private meddle(vrf: string, n: number, how: number): void {
    const table = this.tableOf(vrf);
    const { protocol, metric } = this.settings;
    if (table === undefined) return;
    const destination = prefixes[n]!;
    const priority = this.metric({ destination }, metric);
    const there = this.kernel.routes.get(this.keyOf({ table, destination, priority }));
    if (there?.protocol === STATIC) return;
    if (how === 0 && there?.protocol === protocol) this.kernel.drop(table, formatPrefix(destination), priority);
    const hops = [{ gateway: address(destination.family === 4 ? '203.0.113.1' : 'fe80::9'), link: 11 }];
    if ((how === 1 && there?.protocol === protocol) || (how === 2 && there === undefined)) {
      this.kernel.put({ table, destination, priority, protocol, hops });
      this.made.delete(this.keyOf({ table, destination, priority }));
      this.everOurs.add(this.keyOf({ table, destination, priority }));
    }
  }

  /** A route of somebody else comes where none is, or goes. */
  private other(table: number, n: number, same: boolean): void {
    const destination = prefixes[n]!;
    const priority = same ? 20 : 5;
    const spec: RouteSpec = { table, destination, priority, protocol: STATIC, hops: [{ link: 11 }] };
    const key = this.keyOf(spec);
    const there = this.kernel.routes.get(key);
    if (there === undefined) {
      this.kernel.put(spec);
      this.others.add(key);
      this.made.delete(key);
    } else if (there.protocol === STATIC) {
      this.kernel.drop(table, formatPrefix(destination), priority);
      this.others.delete(key);
    }
  }

  private vrf(table: number): void {
    const { kernel } = this;
    if (kernel.links.has(9)) kernel.dropLink(9);
    if (table !== 0) kernel.setLink({ ...link(9, true), name: 'red', info: { kind: 'vrf', table } });
  }

  private readonly netOf = (index: number) => (index === 7 ? '192.0.2.0/24' : '198.51.100.0/24');

  private connect(index: number): void {
    this.kernel.put({ table: MAIN, destination: prefix(this.netOf(index)), protocol: KERNEL, hops: [{ link: index }] });
  }

  private readonly metric = ({ destination: { family } }: Pick<Route, 'destination'>, metric: number) =>
    metric === 0 && family === 6 ? 1024 : metric;

  private readonly keyOf = (r: Pick<RouteSpec, 'table' | 'destination' | 'priority'>) =>
    `${r.table} ${formatPrefix(r.destination)} ${r.priority ?? 0}`;

  private readonly text = (r: Pick<Route, 'table' | 'destination' | 'priority' | 'protocol' | 'hops' | 'metrics'>) =>
    `${this.keyOf(r)} ${r.protocol} ${r.metrics?.mtu ?? ''} ${r.hops.map((h) => `${h.gateway?.bytes}%${h.link}`).sort()}`;
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const story = [
  fc.array(action, { maxLength: 40 }),
  fc.integer(),
  fc.uniqueArray(fc.nat(11), { maxLength: 6 }),
] as const;

it('whatever happens, in the end the kernel has what is wanted', async () => {
  const property = fc.asyncProperty(...story, async (actions, seed, leftovers) => {
    const world = new World(seed, leftovers);
    for (const each of actions) await world.act(each);
    await world.settle();
    expect({ ours: world.ours, lost: world.lost, faults: world.faults }).toEqual({
      ours: world.wanted,
      lost: [],
      faults: [],
    });
    await world.stop(true);
  });
  await fc.assert(property, { numRuns: 300 });
});

it('whenever it ends, nothing of ours is left', async () => {
  const property = fc.asyncProperty(...story, async (actions, seed, leftovers) => {
    const world = new World(seed, leftovers);
    for (const each of actions) await world.act(each);
    await world.stop(false);
    expect({ left: world.left, lost: world.lost, faults: world.faults }).toEqual({ left: [], lost: [], faults: [] });
  });
  await fc.assert(property, { numRuns: 300 });
});
