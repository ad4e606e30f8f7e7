import { describe, expect, it } from 'vitest';
import { address } from '../../src/lib/address.ts';
import { formatPrefix, type Prefix, prefix } from '../../src/lib/prefix.ts';
import { wordOf } from '../../src/lib/table.ts';
import { RouteBatch } from '../../src/netlink/batch.ts';
import type { Hop } from '../../src/netlink/hop.ts';
import type { Route, RouteSpec } from '../../src/netlink/route.ts';
import { NO_HOPS, type RouteSettings } from '../../src/vrf/hopset.ts';
import { Routes } from '../../src/vrf/routes.ts';
import { FakeKernel } from '../support/kernel.ts';

const OURS = 186;
const table = 100;
const metric = 20;

const via = (gateway: string, link = 7, weight?: number): Hop => ({
  gateway: address(gateway),
  link,
  ...(weight !== undefined && { weight }),
});

/** The routes of a table and a kernel, joined by hand: `run` carries all changes out, as the daemon does. */
class Bench {
  readonly kernel = new FakeKernel();
  readonly socket = this.kernel.socket();
  readonly routes: Routes;
  readonly said: number[] = [];
  readonly batch = new RouteBatch(100, 1 << 16);

  constructor(more: Partial<RouteSettings> = {}) {
    this.routes = new Routes({ family: 4, table, protocol: OURS, metric, ...more });
  }

  want(text: string, ...hops: Hop[]): void {
    const p = prefix(text);
    const set = this.routes.sets.retain(hops);
    this.routes.want(wordOf(p, 0), wordOf(p, 1), wordOf(p, 2), wordOf(p, 3), p.length, set);
    this.routes.sets.release(set);
  }

  run(): number {
    let n = 0;
    while (this.routes.busy) n += this.send();
    return n;
  }

  send(between: () => void = () => {}): number {
    this.batch.clear();
    const n = this.routes.take(this.batch);
    if (n === 0) return 0;
    this.socket.send(this.batch.finish());
    between();
    this.batch.collect(this.socket);
    this.batch.end();
    this.routes.done(this.batch, (errno) => this.said.push(errno));
    return n;
  }

  audit(during: () => void = () => {}): void {
    this.routes.beginAudit();
    const all = [...this.kernel.routes.values()];
    during();
    for (const route of all) this.routes.seen(route);
    this.routes.endAudit(true);
  }

  state(text: string): string | undefined {
    for (const row of this.routes.rows()) if (formatPrefix(row.prefix) === text) return row.state;
    return undefined;
  }

  get shown(): string[] {
    return this.kernel.shown(table);
  }
}

const route = (destination: string, protocol: number, more: Partial<RouteSpec> = {}): RouteSpec => ({
  destination: prefix(destination),
  table,
  protocol,
  priority: metric,
  hops: [via('192.0.2.9')],
  ...more,
});

describe('what is wanted comes about', () => {
  it('added, replaced, deleted, and nothing kept of it', () => {
    const b = new Bench();
    b.want('10.0.0.0/8', via('192.0.2.1'));
    b.want('0.0.0.0/0', via('192.0.2.1'));
    expect(b.run()).toBe(2);
    expect(b.shown).toEqual(['0.0.0.0/0 192.0.2.1%7*1', '10.0.0.0/8 192.0.2.1%7*1']);
    b.want('10.0.0.0/8', via('192.0.2.2'), via('192.0.2.1', 8, 3));
    b.want('0.0.0.0/0');
    expect(b.run()).toBe(2);
    expect(b.shown).toEqual(['10.0.0.0/8 192.0.2.1%8*3 192.0.2.2%7*1']);
    expect(b.routes.counts).toMatchObject({ wanted: 1, installed: 1, queued: 0 });
    b.want('10.0.0.0/8');
    b.run();
    expect(b.shown).toEqual([]);
    expect(b.routes.isEmpty).toBe(true);
    expect(b.routes.sets.size).toBe(0);
  });

  it('in IPv6, to link-local next hops, and from IPv4 by IPv6 ones', () => {
    const six = new Bench({ family: 6 });
    six.want('2001:db8::/32', via('fe80::1', 3));
    six.want('::/0', via('fe80::1', 3));
    six.run();
    expect([...six.kernel.routes.values()].map((r) => [formatPrefix(r.destination), r.hops])).toEqual([
      ['2001:db8::/32', [via('fe80::1', 3)]],
      ['::/0', [via('fe80::1', 3)]],
    ]);
    const four = new Bench({ mtu: 1400 });
    four.want('10.0.0.0/8', via('fe80::1', 3));
    four.run();
    expect([...four.kernel.routes.values()]).toMatchObject([
      { hops: [via('fe80::1', 3)], metrics: { mtu: 1400 }, priority: metric, protocol: OURS, table },
    ]);
  });

  it('once, whatever was wanted meanwhile', () => {
    const b = new Bench();
    for (const gateway of ['192.0.2.1', '192.0.2.2', '192.0.2.1']) b.want('10.0.0.0/8', via(gateway));
    expect(b.run()).toBe(1);
    b.want('10.0.0.0/8', via('192.0.2.2'));
    b.want('10.0.0.0/8', via('192.0.2.1'));
    expect(b.run()).toBe(0);
    b.want('10.0.0.0/8', via('192.0.2.3'));
    b.send(() => b.want('10.0.0.0/8', via('192.0.2.4')));
    b.run();
    expect(b.shown).toEqual(['10.0.0.0/8 192.0.2.4%7*1']);
  });

  it('the order of next hops makes no difference', () => {
    const b = new Bench();
    b.want('10.0.0.0/8', via('192.0.2.1'), via('192.0.2.2'));
    b.run();
    b.want('10.0.0.0/8', via('192.0.2.2'), via('192.0.2.1'));
    expect(b.run()).toBe(0);
  });

  it('by the thousand', () => {
    const b = new Bench();
    const all: Prefix[] = Array.from({ length: 5000 }, (_, i) => prefix(`10.${i >> 8}.${i & 255}.0/24`));
    for (const p of all) b.want(formatPrefix(p), via('192.0.2.1'));
    expect(b.run()).toBe(5000);
    expect(b.kernel.routes.size).toBe(5000);
    b.routes.clear();
    b.run();
    expect(b.kernel.routes.size).toBe(0);
    expect(b.routes.isEmpty).toBe(true);
  });
});

describe('routes of others', () => {
  it('in the place of ours stay, and ours come when they go', () => {
    const b = new Bench();
    b.kernel.put(route('10.0.0.0/8', 4));
    b.want('10.0.0.0/8', via('192.0.2.1'));
    b.run();
    expect(b.said).toEqual([17]);
    expect(b.routes.auditNeeded).toBe(true);
    b.audit();
    expect(b.state('10.0.0.0/8')).toBe('conflict');
    b.routes.retry();
    b.run();
    b.audit();
    expect(b.kernel.shown(table, 4)).toEqual(['10.0.0.0/8 192.0.2.9%7*1']);
    b.kernel.drop(table, '10.0.0.0/8', metric);
    b.routes.heard('del', asRoute(route('10.0.0.0/8', 4)));
    b.run();
    expect(b.kernel.shown(table, OURS)).toEqual(['10.0.0.0/8 192.0.2.1%7*1']);
    expect(b.routes.counts).toMatchObject({ conflicts: 0, installed: 1 });
  });

  describe('that go while it is not sure what is there: ours comes all the same', () => {
    const blocked = () => {
      const b = new Bench();
      b.kernel.put(route('10.0.0.0/8', 4));
      b.want('10.0.0.0/8', via('192.0.2.1'));
      return b;
    };
    const clear = (b: Bench) => {
      b.kernel.drop(table, '10.0.0.0/8', metric);
      b.routes.heard('del', asRoute(route('10.0.0.0/8', 4)));
    };
    const settles = (b: Bench) => {
      b.run();
      if (b.routes.auditNeeded) b.audit();
      b.run();
      expect(b.shown).toEqual(['10.0.0.0/8 192.0.2.1%7*1']);
      expect(b.routes.counts).toMatchObject({ conflicts: 0, installed: 1, queued: 0 });
    };

    it('before the audit that its refusal asks for', () => {
      const b = blocked();
      b.run();
      clear(b);
      settles(b);
    });

    it('during that audit', () => {
      const b = blocked();
      b.run();
      b.audit(() => clear(b));
      settles(b);
    });

    it('while the refusal is under way', () => {
      const b = blocked();
      b.send(() => clear(b));
      settles(b);
    });
  });

  it('with another metric, or of another table, are nobody’s business', () => {
    const b = new Bench();
    b.kernel.put(route('10.0.0.0/8', 4, { priority: 5 }));
    b.kernel.put(route('10.0.0.0/8', OURS, { table: 7 }));
    b.audit();
    expect(b.routes.isEmpty).toBe(true);
    b.want('10.0.0.0/8', via('192.0.2.1'));
    b.run();
    b.want('10.0.0.0/8');
    b.run();
    expect(b.kernel.routes.size).toBe(2);
  });

  it('that take the place of ours are noticed, and left alone', () => {
    const b = new Bench();
    b.want('10.0.0.0/8', via('192.0.2.1'));
    b.run();
    b.kernel.put(route('10.0.0.0/8', 4));
    b.routes.heard('new', asRoute(route('10.0.0.0/8', 4)));
    expect(b.routes.auditNeeded).toBe(true);
    b.audit();
    b.run();
    b.audit();
    expect(b.state('10.0.0.0/8')).toBe('conflict');
    b.want('10.0.0.0/8');
    b.run();
    expect(b.kernel.shown(table)).toEqual(['10.0.0.0/8 192.0.2.9%7*1']);
  });
});

const asRoute = (spec: RouteSpec) => {
  const kernel = new FakeKernel();
  kernel.put(spec);
  return [...kernel.routes.values()][0]!;
};

describe('meddling', () => {
  it('what is deleted by hand is put back', () => {
    const b = new Bench();
    b.want('10.0.0.0/8', via('192.0.2.1'));
    b.run();
    const [ours] = b.kernel.routes.values();
    b.kernel.drop(table, '10.0.0.0/8', metric);
    b.routes.heard('del', ours!);
    b.run();
    expect(b.shown).toEqual(['10.0.0.0/8 192.0.2.1%7*1']);
  });

  it('what is changed by hand is changed back', () => {
    const b = new Bench();
    b.want('10.0.0.0/8', via('192.0.2.1'));
    b.run();
    b.kernel.put(route('10.0.0.0/8', OURS));
    b.routes.heard('new', asRoute(route('10.0.0.0/8', OURS)));
    b.run();
    expect(b.shown).toEqual(['10.0.0.0/8 192.0.2.1%7*1']);
  });

  it('what went without a word is found by an audit, what came is deleted', () => {
    const b = new Bench();
    b.routes.sweep();
    for (const p of ['10.0.0.0/8', '11.0.0.0/8']) b.want(p, via('192.0.2.1'));
    b.run();
    b.kernel.drop(table, '10.0.0.0/8', metric, { silently: true });
    b.kernel.put(route('12.0.0.0/8', OURS));
    b.audit();
    expect(b.run()).toBe(2);
    expect(b.shown).toEqual(['10.0.0.0/8 192.0.2.1%7*1', '11.0.0.0/8 192.0.2.1%7*1']);
  });

  it('a change during an audit counts, not what the audit read before', () => {
    const b = new Bench();
    b.routes.sweep();
    for (const p of ['10.0.0.0/8', '11.0.0.0/8']) b.want(p, via('192.0.2.1'));
    b.run();
    b.audit(() => {
      b.want('10.0.0.0/8', via('192.0.2.2'));
      b.want('13.0.0.0/8', via('192.0.2.2'));
      b.run();
    });
    expect(b.run()).toBe(0);
    expect(b.shown).toEqual(['10.0.0.0/8 192.0.2.2%7*1', '11.0.0.0/8 192.0.2.1%7*1', '13.0.0.0/8 192.0.2.2%7*1']);
  });

  it('what went during an audit is gone, whatever the audit read before', () => {
    for (const who of ['we', 'others'] as const) {
      const b = new Bench();
      b.want('10.0.0.0/8', via('192.0.2.1'));
      b.run();
      const [ours] = b.kernel.routes.values();
      b.audit(() => {
        b.want('10.0.0.0/8');
        if (who === 'we') b.run();
        else {
          b.kernel.drop(table, '10.0.0.0/8', metric, { silently: true });
          b.routes.heard('del', ours!);
          b.run();
        }
      });
      b.want('10.0.0.0/8', via('192.0.2.1'));
      b.run();
      expect([who, b.shown]).toEqual([who, ['10.0.0.0/8 192.0.2.1%7*1']]);
      b.want('10.0.0.0/8');
      b.run();
      expect([who, b.routes.isEmpty]).toEqual([who, true]);
    }
  });

  it('so is what nobody knew of before', () => {
    const b = new Bench();
    b.kernel.put(route('10.0.0.0/8', OURS, { hops: [via('192.0.2.1')] }));
    const [ours] = b.kernel.routes.values();
    b.audit(() => {
      b.kernel.drop(table, '10.0.0.0/8', metric, { silently: true });
      b.routes.heard('del', ours!);
    });
    b.want('10.0.0.0/8', via('192.0.2.1'));
    b.run();
    expect(b.shown).toEqual(['10.0.0.0/8 192.0.2.1%7*1']);
  });

  it('what may have gone unheard while it was under way is looked at by the audit after that', () => {
    const b = new Bench();
    b.want('10.0.0.0/8', via('192.0.2.1'));
    b.send(() => {
      b.kernel.drop(table, '10.0.0.0/8', metric, { silently: true });
      b.routes.suspect();
      b.audit();
    });
    expect(b.routes.auditNeeded).toBe(true);
    b.audit();
    b.run();
    expect(b.shown).toEqual(['10.0.0.0/8 192.0.2.1%7*1']);
    // Nothing was under way: the next audit is enough.
    b.routes.suspect();
    expect(b.routes.auditNeeded).toBe(false);
  });

  it('what was heard while a change was under way makes it unsure until an audit', () => {
    const b = new Bench();
    b.want('10.0.0.0/8', via('192.0.2.1'));
    b.run();
    const [ours] = b.kernel.routes.values();
    b.want('10.0.0.0/8', via('192.0.2.2'));
    b.send(() => {
      b.kernel.drop(table, '10.0.0.0/8', metric);
      b.routes.heard('del', ours!);
    });
    expect(b.routes.auditNeeded).toBe(true);
    b.audit();
    b.run();
    expect(b.shown).toEqual(['10.0.0.0/8 192.0.2.2%7*1']);
  });
});

describe('leftovers', () => {
  it('stay until the sweep, and serve whoever wants them', () => {
    const b = new Bench();
    for (const p of ['10.0.0.0/8', '11.0.0.0/8', '12.0.0.0/8']) b.kernel.put(route(p, OURS));
    b.audit();
    expect(b.routes.counts).toMatchObject({ leftovers: 3, installed: 0, wanted: 0 });
    b.want('10.0.0.0/8', via('192.0.2.9'));
    b.want('11.0.0.0/8', via('192.0.2.1'));
    const before = b.kernel.requests;
    expect(b.run()).toBe(1);
    expect(b.kernel.requests).toBe(before + 1);
    expect(b.shown).toEqual(['10.0.0.0/8 192.0.2.9%7*1', '11.0.0.0/8 192.0.2.1%7*1', '12.0.0.0/8 192.0.2.9%7*1']);
    b.routes.sweep();
    b.run();
    expect(b.shown).toEqual(['10.0.0.0/8 192.0.2.9%7*1', '11.0.0.0/8 192.0.2.1%7*1']);
    expect(b.routes.counts).toMatchObject({ leftovers: 0, installed: 2 });
  });

  it('that are no routes of our making, blackholes say, are replaced or deleted', () => {
    const b = new Bench();
    for (const p of ['10.0.0.0/8', '11.0.0.0/8']) b.kernel.put(route(p, OURS, { type: 'blackhole', hops: [] }));
    b.audit();
    b.want('10.0.0.0/8', via('192.0.2.1'));
    b.routes.sweep();
    b.run();
    expect(b.shown).toEqual(['10.0.0.0/8 192.0.2.1%7*1']);
  });
});

describe('refusals', () => {
  const [EINVAL, ENETUNREACH] = [22, 101];

  it('are tried again when somebody says so', () => {
    const b = new Bench();
    b.kernel.refuse = () => ENETUNREACH;
    b.want('10.0.0.0/8', via('192.0.2.1'));
    b.run();
    expect([b.said, b.state('10.0.0.0/8'), b.routes.hasDeferred]).toEqual([[ENETUNREACH], 'failed', true]);
    expect(b.run()).toBe(0);
    b.kernel.refuse = () => undefined;
    b.routes.retry();
    b.run();
    expect([b.state('10.0.0.0/8'), b.routes.counts.failed]).toEqual(['installed', 0]);
  });

  it("have the kernel's own words beside the errno, until they are over", () => {
    const b = new Bench();
    const errors = () => [...b.routes.rows()].map(({ error }) => error);
    b.kernel.refuse = (_, { destination }) => (destination.bytes[1] === 2 ? undefined : EINVAL);
    b.kernel.says = 'Nexthop has invalid gateway';
    for (const text of ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16']) b.want(text, via('192.0.2.1'));
    b.run();
    expect(errors()).toEqual(['EINVAL: Nexthop has invalid gateway', null, 'EINVAL: Nexthop has invalid gateway']);
    b.kernel.says = undefined;
    b.routes.retry();
    b.run();
    expect(errors()).toEqual(['EINVAL', null, 'EINVAL']);
    b.kernel.refuse = () => undefined;
    b.routes.retry();
    b.run();
    expect(errors()).toEqual([null, null, null]);
  });

  it('of more routes than anybody reads have the errno alone', () => {
    const b = new Bench();
    b.kernel.refuse = () => EINVAL;
    b.kernel.says = 'Nexthop has invalid gateway';
    for (let i = 0; i < 1_100; i++) b.want(`10.${i >> 8}.${i & 255}.0/24`, via('192.0.2.1'));
    b.run();
    const errors = [...b.routes.rows()].map(({ error }) => error);
    expect(errors.filter((error) => error === 'EINVAL: Nexthop has invalid gateway')).toHaveLength(1_000);
    expect(errors.filter((error) => error === 'EINVAL')).toHaveLength(100);
  });

  it('of a route that nobody wants any more are forgotten', () => {
    const b = new Bench();
    b.kernel.refuse = () => ENETUNREACH;
    b.want('10.0.0.0/8', via('192.0.2.1'));
    b.run();
    b.want('10.0.0.0/8');
    b.routes.retry();
    b.run();
    expect([b.routes.isEmpty, b.routes.counts.failed]).toEqual([true, 0]);
  });

  it('in a batch hit those alone that they are about', () => {
    const b = new Bench();
    b.kernel.refuse = (_, { destination }) => (destination.bytes[1] === 3 ? ENETUNREACH : undefined);
    for (let i = 0; i < 10; i++) b.want(`10.${i}.0.0/16`, via('192.0.2.1'));
    b.run();
    expect(b.routes.counts).toMatchObject({ installed: 9, failed: 1 });
    expect(b.state('10.3.0.0/16')).toBe('failed');
  });

  it('answers that are lost leave doubt, which an audit takes away', () => {
    const b = new Bench();
    for (let i = 0; i < 10; i++) b.want(`10.${i}.0.0/16`, via('192.0.2.1'));
    b.batch.clear();
    b.routes.take(b.batch);
    const bytes = b.batch.finish().slice();
    b.socket.send(bytes);
    while (b.socket.receive() !== undefined);
    b.batch.collect(b.socket);
    b.batch.end();
    b.routes.done(b.batch, () => {});
    b.kernel.drop(table, '10.4.0.0/16', metric, { silently: true });
    expect(b.routes.auditNeeded).toBe(true);
    expect(b.run()).toBe(0);
    b.audit();
    expect(b.run()).toBe(1);
    expect(b.kernel.routes.size).toBe(10);
    expect(b.routes.counts).toMatchObject({ installed: 10, failed: 0, queued: 0 });
  });

  it('what nobody is sure of and nobody wants is deleted, if it is ours', () => {
    const b = new Bench();
    b.kernel.put(route('10.1.0.0/16', 4));
    for (const i of [1, 2]) b.want(`10.${i}.0.0/16`, via('192.0.2.1'));
    b.send();
    b.routes.heard('new', { ...route('10.2.0.0/16', 4), table, flags: 0 } as Route);
    expect(b.routes.auditNeeded).toBe(true);
    b.routes.clear();
    b.run();
    expect(b.routes.isEmpty).toBe(true);
    expect([...b.kernel.routes.values()].map((r) => formatPrefix(r.destination))).toEqual(['10.1.0.0/16']);
  });

  it('two batches are under way, and a prefix is in one of them', () => {
    const b = new Bench();
    const other = new RouteBatch(100, 1 << 16);
    for (let i = 0; i < 3; i++) b.want(`10.${i}.0.0/16`, via('192.0.2.1'));
    b.batch.clear();
    expect(b.routes.take(b.batch)).toBe(3);
    // Before the kernel has answered, one is to lead elsewhere, one to go, and one more to come.
    b.want('10.0.0.0/16', via('192.0.2.2'));
    b.want('10.1.0.0/16');
    b.want('10.3.0.0/16', via('192.0.2.1'));
    other.clear(b.batch);
    expect(b.routes.take(other)).toBe(1);
    expect(b.routes.counts.queued).toBe(4);
    for (const batch of [b.batch, other]) b.socket.send(batch.finish());
    for (const batch of [b.batch, other]) {
      expect(batch.collect(b.socket)).toBe(true);
      batch.end();
      expect(batch.failures.size).toBe(0);
      b.routes.done(batch, () => {});
    }
    expect(b.run()).toBe(2);
    expect(b.shown).toEqual(['10.0.0.0/16 192.0.2.2%7*1', '10.2.0.0/16 192.0.2.1%7*1', '10.3.0.0/16 192.0.2.1%7*1']);
  });

  it('of a deletion whose answer is lost are tried again, and wait for no audit', () => {
    const b = new Bench();
    b.want('10.0.0.0/8', via('192.0.2.1'));
    b.run();
    b.want('10.0.0.0/8');
    b.batch.clear();
    b.routes.take(b.batch);
    b.batch.end();
    b.routes.done(b.batch, () => {});
    expect([b.routes.hasDeferred, b.routes.busy]).toEqual([true, false]);
    b.routes.retry();
    b.run();
    expect([b.shown, b.routes.isEmpty]).toEqual([[], true]);
  });

  it('of a replacement leave doubt where what was there may have gone meanwhile', () => {
    for (const meanwhile of ['heard', 'read'] as const) {
      const b = new Bench();
      b.want('10.0.0.0/8', via('192.0.2.1'));
      b.run();
      const [ours] = b.kernel.routes.values();
      b.kernel.refuse = () => ENETUNREACH;
      b.want('10.0.0.0/8', via('192.0.2.2'));
      const gone = () => b.kernel.drop(table, '10.0.0.0/8', metric, { silently: true });
      if (meanwhile === 'heard')
        b.send(() => {
          gone();
          b.routes.heard('del', ours!);
        });
      else {
        gone();
        b.audit(() => b.send());
      }
      // Back to what is believed to be there.
      b.kernel.refuse = () => undefined;
      b.want('10.0.0.0/8', via('192.0.2.1'));
      b.run();
      expect([meanwhile, b.routes.auditNeeded]).toEqual([meanwhile, true]);
      b.audit();
      b.run();
      expect([meanwhile, b.shown]).toEqual([meanwhile, ['10.0.0.0/8 192.0.2.1%7*1']]);
    }
  });

  it('deleting what is gone already is no failure', () => {
    const b = new Bench();
    b.want('10.0.0.0/8', via('192.0.2.1'));
    b.run();
    b.kernel.drop(table, '10.0.0.0/8', metric, { silently: true });
    b.want('10.0.0.0/8');
    b.run();
    expect([b.said, b.routes.isEmpty]).toEqual([[], true]);
  });
});

it('hop sets without a route are none', () => expect(new Bench().routes.sets.retain([])).toBe(NO_HOPS));
