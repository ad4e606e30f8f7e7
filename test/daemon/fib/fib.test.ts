/** The kernel's tables as the daemon sees them, before a kernel that is none; time is what the test makes of it. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FibSettings } from '../../../src/daemon/fib/events.ts';
import { Fib } from '../../../src/daemon/fib/fib.ts';
import type { Place } from '../../../src/daemon/fib/places.ts';
import { address } from '../../../src/lib/address.ts';
import { formatPrefix, prefix } from '../../../src/lib/prefix.ts';
import { wordOf } from '../../../src/lib/table.ts';
import { type Link, LinkFlag } from '../../../src/netlink/link.ts';
import type { RouteSpec } from '../../../src/netlink/route.ts';
import { unreadable } from '../../../src/netlink/unreadable.ts';
import { FakeKernel } from '../../support/kernel.ts';

const [EPERM, ENOMEM, ENETUNREACH] = [1, 12, 101];
const MAIN = 254;
const link = (index: number, flags: number = LinkFlag.up | LinkFlag.lowerUp): Link => ({
  index,
  type: 1,
  flags,
  changed: 0,
  name: `e${index}`,
});
const usual: FibSettings = { install: true, protocol: 186, metric: 20, resolveViaDefault: true };
const place: Place = { table: MAIN, protocol: 186, metric: 20 };
const hops = [{ gateway: address('192.0.2.1'), link: 7 }];
const left = (text: string, more: Partial<RouteSpec> = {}): RouteSpec => ({
  destination: prefix(text),
  table: MAIN,
  protocol: 186,
  priority: 20,
  hops,
  ...more,
});

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] }));
afterEach(() => void vi.useRealTimers());

class Bench {
  readonly kernel = new FakeKernel();
  readonly said: string[] = [];
  fib!: Fib;
  private readonly wants = new Map<string, string>();

  constructor() {
    this.kernel.setLink(link(7));
    this.connect();
  }

  /** The subnet of the link. */
  connect(): void {
    this.kernel.put({
      table: MAIN,
      destination: prefix('192.0.2.0/24'),
      protocol: 2,
      scope: 'link',
      hops: [{ link: 7 }],
    });
  }

  start(settings: FibSettings = usual, places: readonly Place[] = []): this {
    const { kernel, said } = this;
    const words = ({ table, protocol, metric }: Place) => `${table} ${protocol} ${metric}`;
    this.fib = new Fib(
      settings,
      places,
      {
        waysChanged: () => {},
        tablesChanged: () => this.fill(),
        place: (p) => said.push(`place ${words(p)}`),
        leftPlace: (p) => said.push(`left ${words(p)}`),
        refused: (error, paused) => said.push(`refused ${error}${paused ? ', paused' : ''}`),
        accepted: () => said.push('accepted'),
        audited: () => {},
        unread: (problem) => said.push(problem === undefined ? 'read' : `unread: ${problem}`),
        contested: (p) => said.push(`contested ${words(p)}`),
        idle: () => {},
      },
      kernel.parts(),
    );
    return this;
  }

  want(text: string, gateway?: string): void {
    if (gateway === undefined) this.wants.delete(text);
    else this.wants.set(text, gateway);
    this.tell(text);
    this.fib.kick();
  }

  async pass(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms);
  }

  /** Ends it, and gives how long that took. */
  async stop(): Promise<number> {
    let isOver = false;
    void this.fib.stop(false).then(() => {
      isOver = true;
    });
    for (let ms = 0; ; ms += 100) {
      await this.pass(100);
      if (isOver) return ms;
    }
  }

  /** Ours, as they are there. */
  get shown(): string[] {
    return [...this.kernel.routes.values()]
      .filter(({ protocol }) => protocol > 4)
      .map(
        (r) =>
          `${formatPrefix(r.destination)} ${r.protocol} ${r.priority}${r.metrics?.mtu ? ` mtu ${r.metrics.mtu}` : ''}`,
      )
      .sort();
  }

  private fill(): void {
    for (const text of this.wants.keys()) this.tell(text);
    this.fib?.kick();
  }

  private tell(text: string): void {
    const p = prefix(text);
    const pair = this.fib?.routes(MAIN);
    const routes = p.family === 4 ? pair?.ipv4 : pair?.ipv6;
    if (routes === undefined) return;
    const gateway = this.wants.get(text);
    const set = gateway === undefined ? 0 : routes.sets.retain([{ gateway: address(gateway), link: 7 }]);
    routes.want(wordOf(p, 0), wordOf(p, 1), wordOf(p, 2), wordOf(p, 3), p.length, set);
    routes.sets.release(set);
  }
}

/** With two routes that are there. */
async function running(settings: FibSettings = usual): Promise<Bench> {
  const b = new Bench().start(settings);
  await b.pass(100);
  for (const text of ['10.0.0.0/8', '11.0.0.0/8']) b.want(text, '192.0.2.1');
  await b.pass(1_000);
  expect(b.shown).toHaveLength(2);
  return b;
}

describe('the end', () => {
  it.each([
    [
      'has no memory for a while',
      (b: Bench) => {
        let refusals = 3;
        b.kernel.refuse = () => (refusals-- > 0 ? ENOMEM : undefined);
      },
    ],
    [
      'loses its answers',
      (b: Bench) => {
        b.kernel.losing = 2;
      },
    ],
    [
      'cannot be told',
      (b: Bench) => {
        b.kernel.deaf = 2;
      },
    ],
  ])('is waited for while the kernel %s', async (_, trouble) => {
    const b = await running();
    trouble(b);
    expect(await b.stop()).toBeLessThan(15_000);
    expect(b.shown).toEqual([]);
  });

  it('does not wait where changes are forbidden', async () => {
    const b = await running();
    b.kernel.refuse = () => EPERM;
    expect(await b.stop()).toBeLessThan(1_000);
    expect(b.shown).toHaveLength(2);
  });

  it('comes after a while all the same', async () => {
    const b = await running();
    b.kernel.refuse = () => ENOMEM;
    expect(await b.stop()).toBeGreaterThan(14_000);
  });

  it('takes what earlier processes left, though nothing has been read yet', async () => {
    const b = new Bench();
    b.kernel.put(left('10.0.0.0/8'));
    b.kernel.put(left('11.0.0.0/8', { protocol: 4 }));
    b.start(usual, [place]);
    await b.stop();
    expect([...b.kernel.routes.values()].map((r) => r.protocol).sort()).toEqual([2, 4]);
  });

  it('is the end: doubts that are left make nobody read', async () => {
    const b = await running();
    b.kernel.losing = 1;
    b.want('12.0.0.0/8', '192.0.2.1');
    await b.pass(1);
    await b.stop();
    expect(b.shown).toEqual([]);
    const { requests } = b.kernel;
    await b.pass(100_000);
    expect(b.kernel.requests).toBe(requests);
  });
});

describe('what earlier processes left', () => {
  it('is not forgotten before it was read, however early it is to go', async () => {
    const b = new Bench();
    b.kernel.put(left('10.0.0.0/8'));
    b.start(usual, [place]);
    b.fib.sweep();
    await b.pass(10);
    expect(b.said).toEqual([]);
    await b.pass(1_000);
    expect(b.shown).toEqual([]);
    expect(b.said).toEqual([`left ${MAIN} 186 20`]);
  });

  it('goes too where other settings come before anybody has looked at what is there under those before', async () => {
    const b = new Bench();
    b.kernel.put(left('10.0.0.0/8'));
    b.start(usual, [place]);
    // Its routes would have another MTU: what is known of them so far counts no more.
    b.fib.configure({ ...usual, mtu: 1400 });
    await b.pass(30);
    expect(b.fib.routes(MAIN)!.ipv4.isAudited).toBe(false);
    b.fib.configure({ ...usual, metric: 30 });
    await b.pass(1_000);
    expect(b.shown).toEqual([]);
  });

  it('has the MTU that is wanted, or is replaced', async () => {
    const b = new Bench();
    b.kernel.put(left('10.0.0.0/8'));
    b.start({ ...usual, mtu: 1400 }, [place]);
    await b.pass(100);
    b.want('10.0.0.0/8', '192.0.2.1');
    await b.pass(1_000);
    expect(b.shown).toEqual(['10.0.0.0/8 186 20 mtu 1400']);
  });

  it('with another metric does not go in the place of ours', async () => {
    const b = new Bench();
    const six = { hops: [{ gateway: address('fe80::1'), link: 7 }] };
    b.kernel.put(left('2001:db8::/32', six));
    b.start({ ...usual, metric: 0 }, [place]);
    await b.pass(100);
    b.want('2001:db8::/32', 'fe80::1');
    await b.pass(1_000);
    expect(b.shown).toEqual(['2001:db8::/32 186 1024', '2001:db8::/32 186 20']);
    b.want('2001:db8::/32');
    await b.pass(1_000);
    expect(b.shown).toEqual(['2001:db8::/32 186 20']);
  });
});

it('what earlier processes left with another protocol makes room for ours when it goes', async () => {
  const b = new Bench();
  b.kernel.put(left('10.0.0.0/8'));
  b.start({ ...usual, protocol: 187 }, [place]);
  await b.pass(100);
  b.want('10.0.0.0/8', '192.0.2.1');
  await b.pass(1_000);
  expect(b.shown).toEqual(['10.0.0.0/8 186 20']);
  b.fib.sweep();
  await b.pass(10_000);
  expect(b.shown).toEqual(['10.0.0.0/8 187 20']);
});

describe('other settings', () => {
  it.each([
    ['metric', { ...usual, metric: 30 }, ' 186 30'],
    ['protocol', { ...usual, protocol: 187 }, ' 187 20'],
    ['MTU', { ...usual, mtu: 1400 }, ' 186 20 mtu 1400'],
  ])('of the %s: routes go and come', async (_, settings, text) => {
    const b = await running();
    b.fib.configure(settings);
    await b.pass(1_000);
    expect(b.shown).toEqual(['10.0.0.0/8', '11.0.0.0/8'].map((p) => `${p}${text}`));
  });

  it('count too where every route was refused under those before', async () => {
    const b = new Bench().start();
    let closed = true;
    b.kernel.refuse = () => (closed ? ENETUNREACH : undefined);
    await b.pass(100);
    b.want('10.0.0.0/8', '192.0.2.1');
    await b.pass(100);
    expect(b.said).toEqual([`place ${MAIN} 186 20`, 'refused ENETUNREACH']);
    b.fib.configure({ ...usual, metric: 30 });
    closed = false;
    await b.pass(1_000);
    expect(b.shown).toEqual(['10.0.0.0/8 186 30']);
  });

  it('of the protocol: what is read meanwhile includes those that go', async () => {
    const b = await running();
    let closed = true;
    b.kernel.refuse = () => (closed ? ENOMEM : undefined);
    b.fib.configure({ ...usual, protocol: 187 });
    await b.pass(100);
    // An address goes and comes, which is reason enough.
    const { made } = b.fib.auditor;
    b.kernel.drop(MAIN, '192.0.2.0/24', 0);
    b.connect();
    await b.pass(1_000);
    expect(b.fib.auditor.made).toBeGreaterThan(made);
    closed = false;
    await b.pass(5_000);
    expect(b.shown).toEqual(['10.0.0.0/8 187 20', '11.0.0.0/8 187 20']);
  });
});

describe('what the kernel does not tell', () => {
  it('with the last address of a link its routes go: they are put back', async () => {
    const b = await running();
    b.kernel.drop(MAIN, '192.0.2.0/24', 0);
    b.kernel.cut(7, [4]);
    b.connect();
    expect(b.shown).toEqual([]);
    await b.pass(1_000);
    expect(b.shown).toHaveLength(2);
  });

  it('a next-hop object is another now: where a route leads by it is read again', async () => {
    const b = await running();
    const object = { id: 7, gateway: address('192.0.2.9'), link: 7 };
    const { made } = b.fib.auditor;
    b.kernel.tellNextHop(object);
    await b.pass(1_000);
    expect(b.fib.auditor.made).toBe(made);
    b.kernel.put({ table: MAIN, destination: prefix('198.51.100.0/24'), protocol: 4, nextHop: 7 });
    b.kernel.tellNextHop(object);
    await b.pass(1_000);
    expect(b.fib.auditor.made).toBeGreaterThan(made);
  });

  it('a route of another that was in the way has gone: ours comes', async () => {
    const b = new Bench();
    b.kernel.put(left('10.0.0.0/8', { protocol: 4 }));
    b.start();
    await b.pass(100);
    b.want('10.0.0.0/8', '192.0.2.1');
    await b.pass(1_000);
    expect(b.shown).toEqual([]);
    b.kernel.drop(MAIN, '10.0.0.0/8', 20, { silently: true });
    b.kernel.overrun();
    await b.pass(20_000);
    expect(b.shown).toEqual(['10.0.0.0/8 186 20']);
  });
});

/** A route whose next hop is longer than all that there is of it. */
const odd = Uint8Array.from([
  2, 24, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0, 8, 0, 1, 0, 198, 51, 100, 0, 99, 0, 5, 0, 192, 0, 2, 1,
]);

describe('routes that cannot be read', () => {
  it('are passed over, at the start and later: nobody else is disturbed', async () => {
    const b = new Bench();
    b.kernel.odd.push(odd);
    const before = unreadable.counts.get('route') ?? 0;
    b.start();
    await b.pass(100);
    for (const text of ['10.0.0.0/8', '11.0.0.0/8']) b.want(text, '192.0.2.1');
    await b.pass(1_000);
    expect(b.shown).toEqual(['10.0.0.0/8 186 20', '11.0.0.0/8 186 20']);
    expect(unreadable.counts.get('route')).toBeGreaterThan(before);
    b.kernel.tellOdd();
    b.kernel.drop(MAIN, '10.0.0.0/8', 20);
    await b.pass(1_000);
    expect(b.shown).toHaveLength(2);
    await b.stop();
    expect(b.shown).toEqual([]);
    expect(b.said).toEqual([`place ${MAIN} 186 20`]);
  });

  it('make no more audits than they must, however often they are told of', async () => {
    const b = await running();
    b.kernel.odd.push(odd);
    const { made } = b.fib.auditor;
    for (let n = 0; n < 1_000; n++) {
      b.kernel.tellOdd();
      await b.pass(100);
    }
    expect(b.fib.auditor.made - made).toBeLessThan(30);
    expect(b.shown).toHaveLength(2);
  });
});

describe('a kernel that never tells all its routes', () => {
  it('is told of with the reason, asked less and less often, and told of again once it does', async () => {
    const b = new Bench();
    b.kernel.unread = ENOMEM;
    b.start();
    b.want('10.0.0.0/8', '192.0.2.1');
    await b.pass(100);
    expect(b.said).toEqual([]);
    await b.pass(900);
    expect(b.said).toEqual(['unread: ENOMEM']);
    expect(b.fib.auditor.problem).toBe('ENOMEM');
    await b.pass(60_000);
    const { made } = b.fib.auditor;
    await b.pass(60_000);
    expect(b.fib.auditor.made - made).toBeLessThanOrEqual(7);
    expect(b.shown).toEqual([]);
    b.kernel.unread = undefined;
    await b.pass(20_000);
    expect(b.said).toEqual(['unread: ENOMEM', 'read', `place ${MAIN} 186 20`]);
    expect(b.fib.auditor.problem).toBeUndefined();
    expect(b.shown).toEqual(['10.0.0.0/8 186 20']);
  });

  it('is no news while it only changes now and then', async () => {
    const b = new Bench();
    b.kernel.interrupting = 4;
    b.start();
    b.want('10.0.0.0/8', '192.0.2.1');
    await b.pass(5_000);
    expect(b.said).toEqual([`place ${MAIN} 186 20`]);
    expect(b.shown).toHaveLength(1);
  });
});

/** As FRR does with routes that somebody takes away. */
it('a program that makes its routes in our name, and again when they go, ends with all of them', async () => {
  const b = await running();
  b.fib.sweep();
  const theirs = ['20.0.0.0/8', '21.0.0.0/8'];
  for (const text of theirs) b.kernel.put(left(text));
  let again = 0;
  for (let ms = 0; ms < 20_000; ms += 10) {
    for (const text of theirs)
      if (!b.kernel.routes.has(`${MAIN} ${text} 20`)) {
        b.kernel.put(left(text));
        again++;
      }
    await b.pass(10);
  }
  expect(again).toBeGreaterThan(100);
  expect(again).toBeLessThan(1_100);
  expect(b.said.filter((text) => text.startsWith('contested'))).toEqual([`contested ${MAIN} 186 20`]);
  // Ours are ours, all the same.
  expect(b.shown).toHaveLength(4);
  b.want('10.0.0.0/8');
  b.want('20.0.0.0/8', '192.0.2.1');
  await b.pass(1_000);
  expect(b.shown.map((text) => text.split(' ')[0])).toEqual(['11.0.0.0/8', '20.0.0.0/8', '21.0.0.0/8']);
});
