import { afterEach, describe, expect, it, vi } from 'vitest';
import { Programmer } from '../../../src/daemon/fib/programmer.ts';
import { address } from '../../../src/lib/address.ts';
import { prefix } from '../../../src/lib/prefix.ts';
import { wordOf } from '../../../src/lib/table.ts';
import { Routes } from '../../../src/vrf/routes.ts';
import { FakeKernel } from '../../support/kernel.ts';
import { waitFor } from '../../support/process.ts';

const [EPERM, ENETUNREACH, ENOSPC] = [1, 101, 28];
const table = 100;

/** A programmer, one table of it, and a kernel. */
class Bench {
  readonly kernel = new FakeKernel();
  readonly routes = new Routes({ family: 4, table, protocol: 186, metric: 20 });
  readonly events: string[] = [];
  readonly programmer = new Programmer(this.kernel.socket(), {
    refused: (error, paused) => this.events.push(`refused ${error}${paused ? ', paused' : ''}`),
    accepted: () => this.events.push('accepted'),
    done: () => {},
    idle: () => {},
  });

  constructor() {
    this.programmer.add(this.routes);
  }

  want(text: string, gateway = '192.0.2.1'): void {
    const p = prefix(text);
    const set = this.routes.sets.retain([{ gateway: address(gateway), link: 7 }]);
    this.routes.want(wordOf(p, 0), 0, 0, 0, p.length, set);
    this.routes.sets.release(set);
  }

  unwant(text: string): void {
    const p = prefix(text);
    this.routes.want(wordOf(p, 0), 0, 0, 0, p.length, 0);
  }

  installed = (n: number) =>
    waitFor(`${n} routes`, () => this.kernel.routes.size === n && this.routes.counts.queued === 0, { everyMs: 2 });
}

let bench: Bench | undefined;
afterEach(async () => {
  vi.useRealTimers();
  await bench?.programmer.close();
});

describe('changes', () => {
  it('of many turns all arrive, whatever is under way', async () => {
    const b = new Bench();
    bench = b;
    for (let n = 0; n < 40; n++) {
      for (let i = 0; i < 500; i++) b.want(`10.${n}.${i & 255}.${(i >> 8) << 7}/25`);
      b.programmer.flush();
      if (n % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await b.installed(20_000);
    expect(b.programmer.changes).toBe(20_000);
    expect(b.events).toEqual([]);
    expect(b.programmer.latency.counts.reduce((sum, count) => sum + count)).toBe(20_000);
  });

  it('that come between two turns leave alone the batch whose answers are to be read', async () => {
    const b = new Bench();
    bench = b;
    b.kernel.refuse = (_, { destination }) => (destination.bytes[0] === 10 ? ENETUNREACH : undefined);
    b.want('10.0.0.0/8');
    b.want('11.0.0.0/8');
    b.programmer.flush();
    b.want('12.0.0.0/8');
    await b.programmer.settled(60_000);
    expect([...b.routes.rows()].map(({ state }) => state)).toEqual(['failed', 'installed', 'installed']);
    b.routes.clear();
    await b.programmer.settled(60_000);
    expect(b.kernel.routes.size).toBe(0);
    expect(b.routes.isEmpty).toBe(true);
  });

  it('that the kernel has carried out are noted, and the next sent, before the call for them has returned', () => {
    const b = new Bench();
    const due: (() => void)[] = [];
    b.kernel.later = (run) => void due.push(run);
    b.want('10.0.0.0/8');
    b.programmer.flush();
    due.shift()!();
    const returned = due.shift()!;
    expect(b.programmer.changes).toBe(0);
    b.want('11.0.0.0/8');
    b.programmer.flush();
    expect(b.programmer.changes).toBe(1);
    due.shift()!();
    expect(b.kernel.routes.size).toBe(2);
    // The buffer of the first may be in use again by now.
    returned();
    expect(b.programmer.changes).toBe(1);
    due.shift()!();
    expect(b.programmer.changes).toBe(2);
    expect(b.routes.counts).toMatchObject({ installed: 2, queued: 0 });
  });

  it('that are being made go out in between when they are many, and otherwise at the end', () => {
    const b = new Bench();
    const due: (() => void)[] = [];
    b.kernel.later = (run) => void due.push(run);
    const more = (n: number) => {
      for (let i = 0; i < 500; i++) b.want(`10.${n}.${i & 255}.${(i >> 8) << 7}/25`);
      b.programmer.advance();
    };
    for (const n of [0, 1, 2]) more(n);
    expect(due.length).toBe(0);
    more(3);
    expect(due.length).toBe(1);
    due.shift()!();
    // It is done, but what waits is little.
    more(4);
    expect([b.programmer.changes, b.kernel.routes.size]).toEqual([0, 2_000]);
    for (const n of [5, 6, 7]) more(n);
    expect(b.programmer.changes).toBe(2_000);
    more(8);
    b.programmer.flush();
    while (due.length > 0) due.shift()!();
    expect([b.programmer.changes, b.kernel.routes.size]).toEqual([4_500, 4_500]);
    expect(b.routes.counts).toMatchObject({ installed: 4_500, queued: 0 });
  });

  it('that nothing waits for are settled at once, and others when the kernel has done them', async () => {
    const b = new Bench();
    bench = b;
    await b.programmer.settled(60_000);
    b.want('10.0.0.0/8');
    await b.programmer.settled(60_000);
    expect(b.kernel.routes.size).toBe(1);
  });
});

describe('refusals', () => {
  it('of one route are told once by reason, and over when it is accepted', async () => {
    const b = new Bench();
    bench = b;
    let closed = true;
    b.kernel.refuse = (_, { destination }) => (closed && destination.bytes[1] === 3 ? ENETUNREACH : undefined);
    for (let i = 0; i < 10; i++) b.want(`10.${i}.0.0/16`);
    b.programmer.kick();
    await waitFor('the refusal', () => b.events.length > 0, { everyMs: 2 });
    expect(b.kernel.routes.size).toBe(9);
    b.programmer.retry();
    await waitFor('a second', () => b.programmer.refusals.get('ENETUNREACH')! >= 2, { everyMs: 2 });
    expect(b.events).toEqual(['refused ENETUNREACH']);
    closed = false;
    // By itself, after a while.
    await b.installed(10);
    expect(b.events).toEqual(['refused ENETUNREACH', 'accepted']);
  });

  it.each([
    ['EPERM', EPERM],
    ['ENOSPC', ENOSPC],
  ])('that would meet every route pause it (%s), and it goes on by itself', async (name, errno) => {
    const b = new Bench();
    bench = b;
    let closed = true;
    let asked = 0;
    b.kernel.refuse = () => {
      asked++;
      return closed ? errno : undefined;
    };
    for (let i = 0; i < 10; i++) b.want(`10.${i}.0.0/16`);
    b.programmer.kick();
    await waitFor('the refusal', () => b.events.length > 0, { everyMs: 2 });
    expect(b.events).toEqual([`refused ${name}, paused`]);
    const before = asked;
    // Nothing is sent before the time is over, whatever comes.
    b.want('10.99.0.0/16');
    b.programmer.flush();
    b.programmer.retry();
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toBe(before);
    closed = false;
    await b.installed(11);
    expect(b.events).toEqual([`refused ${name}, paused`, 'accepted']);
  });

  it('for want of room hold up nothing that is to go, however much is to come before it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const b = new Bench();
    bench = b;
    for (let i = 0; i < 10; i++) b.want(`10.${i}.0.0/16`);
    b.programmer.kick();
    await b.installed(10);
    b.kernel.refuse = (verb) => (verb === 'delete' ? undefined : ENOSPC);
    for (let n = 0; n < 20_000; n++) b.want(`11.${n >> 8}.${n & 255}.0/24`);
    b.programmer.kick();
    await waitFor('the refusal', () => b.events.length > 0, { everyMs: 2 });
    for (let i = 0; i < 10; i++) b.want(`10.${i}.0.0/16`, '192.0.2.2');
    for (let i = 0; i < 5; i++) b.unwant(`10.${i}.0.0/16`);
    b.programmer.kick();
    // Long before anything else is tried again.
    const { requests } = b.kernel;
    await waitFor('five to go', () => b.kernel.routes.size === 5, { everyMs: 2 });
    expect(b.kernel.requests).toBeLessThanOrEqual(requests + 8_000 + 5);
    b.kernel.refuse = () => undefined;
    await vi.advanceTimersByTimeAsync(60_000);
    await b.installed(20_005);
  });
});
