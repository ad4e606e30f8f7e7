import { describe, expect, it } from 'vitest';
import { FastLoop, type Network } from '../../../src/daemon/fast/loop.ts';
import { packSnapshot, type Report, unpackSnapshot } from '../../../src/daemon/fast/protocol.ts';
import type { Socket } from '../../../src/daemon/fast/tap.ts';
import type { Instruction } from '../../../src/l2/filter.ts';
import type { Protocol } from '../../../src/l2/sender.ts';
import type { Snapshot } from '../../../src/l2/snapshot.ts';
import { toHex } from '../../../src/lib/bytes.ts';
import { filter } from '../../support/bpf.ts';
import { claim, eth0, eth1, request, rules, snapshot, solicitation, vip, vip6, words } from '../../support/layer2.ts';

class Fault extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** A socket on a network that is a list: frames pass its filter, or they do not. */
class FakeSocket implements Socket {
  readonly fd: number;
  readonly key: string;
  readonly index: number;
  program: readonly Instruction[];
  readonly queue: (Uint8Array | number)[] = [];
  readonly groups = new Set<string>();
  mode = 'normal';
  gone = false;
  overruns = 0;
  open = true;
  private readonly net: FakeNet;

  constructor(net: FakeNet, fd: number, index: number, protocol: Protocol, program: readonly Instruction[]) {
    this.net = net;
    this.fd = fd;
    this.index = index;
    this.key = `${index} ${protocol}`;
    this.program = program;
  }

  setFilter(program: readonly Instruction[]): void {
    this.program = program;
  }
  receive(buffer: Uint8Array): number {
    const next = this.queue.shift() ?? 0;
    if (typeof next === 'number') return next;
    buffer.set(next);
    return next.length;
  }
  send(frame: Uint8Array): boolean {
    const protocol = this.key.endsWith('arp') ? 'arp' : 'ndp';
    this.net.sent.push(`${this.index} ${words(protocol, frame)}`);
    return true;
  }
  join(mac: Uint8Array): void {
    this.groups.add(toHex(mac));
  }
  leave(mac: Uint8Array): void {
    this.groups.delete(toHex(mac));
  }
  setReception(mode: string): void {
    this.mode = mode;
  }
  attached(): boolean {
    return !this.gone;
  }
  takeOverruns(): number {
    const { overruns } = this;
    this.overruns = 0;
    return overruns;
  }
  close(): void {
    this.open = false;
  }
}

class FakeNet implements Network {
  now = 0;
  readonly sockets: FakeSocket[] = [];
  readonly sent: string[] = [];
  readonly watched = new Map<Socket, { ready(): void }>();
  readonly reported = new Set<string>();
  /** What fails, by `open INDEX PROTOCOL` or `group INDEX`. */
  readonly faults = new Map<string, string>();
  closed = false;
  readonly groups = {
    join: (index: number, group: Uint8Array) => {
      this.fail(`group ${index}`);
      this.reported.add(`${index} ${toHex(group).slice(-8)}`);
    },
    leave: (index: number, group: Uint8Array) => {
      this.reported.delete(`${index} ${toHex(group).slice(-8)}`);
    },
    close: () => {
      this.closed = true;
    },
  };

  private fail(what: string): void {
    const code = this.faults.get(what);
    if (code !== undefined) throw new Fault(code);
  }
  open(index: number, protocol: Protocol, program: readonly Instruction[]): Socket {
    this.fail(`open ${index} ${protocol}`);
    const socket = new FakeSocket(this, this.sockets.length + 10, index, protocol, program);
    this.sockets.push(socket);
    return socket;
  }
  watch(socket: Socket, one: { ready(): void }): void {
    this.watched.set(socket, one);
  }
  unwatch(socket: Socket): void {
    this.watched.delete(socket);
  }
  nowMs(): number {
    return this.now;
  }
  socket(key: string): FakeSocket {
    return this.sockets.findLast((socket) => socket.key === key && socket.open)!;
  }
  /** A frame arrives; whether the filter lets it through. */
  arrive(key: string, frame: Uint8Array): boolean {
    const socket = this.socket(key);
    if (filter(socket.program, { frame, index: socket.index, type: 1 }) === 0) return false;
    socket.queue.push(frame);
    return true;
  }
}

function make() {
  const net = new FakeNet();
  const reports: Report[] = [];
  const loop = new FastLoop(net, (report) => reports.push(report));
  return {
    net,
    loop,
    reports,
    apply(s: Snapshot): Report | undefined {
      loop.take({ type: 'snapshot', snapshot: packSnapshot(s) });
      return reports.findLast((report) => report.type === 'applied');
    },
    serve(): string[] {
      for (const one of net.watched.values()) one.ready();
      return net.sent.splice(0);
    },
    tick(ms: number): string[] {
      net.now += ms;
      loop.tick();
      return net.sent.splice(0);
    },
  };
}

describe('the fast loop', () => {
  it('opens a socket per interface and protocol, says so, and announces when they are there', () => {
    const { net, apply, tick } = make();
    const s = snapshot([eth0, { ...eth1, ndp: false }], [vip, vip6]);
    expect(apply(s)).toEqual({
      ...{ type: 'applied', number: s.number },
      ports: [
        { index: 2, name: 'eth0', arp: 'on', ndp: 'on', mld: 'on' },
        { index: 3, name: 'eth1', arp: 'on', ndp: 'off', mld: 'off' },
      ],
    });
    expect(net.sockets.map(({ key }) => key)).toEqual(['2 arp', '2 ndp', '3 arp']);
    expect([...net.socket('2 ndp').groups]).toEqual(['3333ff0000c8']);
    expect([...net.reported]).toEqual(['2 ff0000c8']);
    expect(net.sent).toEqual([]);
    expect(tick(0)).toHaveLength(5);
  });

  it('answers what its filters let through', () => {
    const { net, apply, serve, tick } = make();
    apply(snapshot([eth0], [vip, vip6]));
    tick(0);
    expect(net.arrive('2 arp', request(vip))).toBe(true);
    expect(net.arrive('2 arp', request('192.0.2.201'))).toBe(false);
    expect(net.arrive('2 ndp', solicitation(vip6))).toBe(true);
    expect(net.arrive('2 ndp', solicitation('2001:db8::c9'))).toBe(false);
    expect(serve()).toEqual([`2 reply ${vip} to host`, `2 advertisement ${vip6} to host`]);
  });

  it('follows the addresses with filters and groups, on the sockets that it has', () => {
    const { net, apply, tick } = make();
    apply(snapshot([eth0], [vip, vip6]));
    tick(0);
    apply(snapshot([eth0], ['192.0.2.201', '2001:db8::c9'], { rules: { ...rules, reception: 'promiscuous' } }));
    expect(net.sockets).toHaveLength(2);
    expect(net.arrive('2 arp', request(vip))).toBe(false);
    expect(net.arrive('2 arp', request('192.0.2.201'))).toBe(true);
    expect([...net.socket('2 ndp').groups]).toEqual(['3333ff0000c9']);
    expect([...net.reported]).toEqual(['2 ff0000c9']);
    expect(net.sockets.map(({ mode }) => mode)).toEqual(['promiscuous', 'promiscuous']);
    apply(snapshot([eth0], []));
    expect([...net.reported]).toEqual([]);
    expect(net.sockets.every(({ open }) => open)).toBe(true);
    apply(snapshot([], []));
    expect(net.sockets.some(({ open }) => open)).toBe(false);
    expect(net.watched.size).toBe(0);
  });

  it('joins thousands of groups in slices, so that nobody waits for long, and leaves them so', () => {
    const { net, loop, apply, tick, reports } = make();
    const many = Array.from({ length: 1000 }, (_, i) => `2001:db8::${(i + 1).toString(16)}`);
    const steps = (): number[] => {
      const sizes: number[] = [];
      const sum = () => net.socket('2 ndp').groups.size + net.reported.size;
      for (let before = sum(), due = loop.nextDueMs(); due !== undefined && due <= net.now; due = loop.nextDueMs()) {
        tick(0);
        sizes.push(Math.abs(sum() - before));
        before = sum();
        if (sizes.at(-1) === 0) break;
      }
      return sizes;
    };
    apply(snapshot([eth0], many));
    const first = net.socket('2 ndp').groups.size;
    expect(first).toBeLessThan(500);
    expect(Math.max(...steps())).toBeLessThan(500);
    expect([net.socket('2 ndp').groups.size, net.reported.size]).toEqual([1000, 1000]);
    expect(reports.filter(({ type }) => type === 'applied')).toHaveLength(1);
    apply(snapshot([eth0], []));
    expect(Math.max(...steps())).toBeLessThan(500);
    expect([net.socket('2 ndp').groups.size, net.reported.size]).toEqual([0, 0]);
    // What cannot be reported is no reason to do nothing else.
    net.faults.set('group 2', 'EINVAL');
    apply(snapshot([eth0], many));
    steps();
    expect(loop.nextDueMs()! - net.now).toBeLessThanOrEqual(1000);
    tick(1000);
    for (let i = 0; i < 8; i++) tick(1000);
    expect([net.socket('2 ndp').groups.size, net.reported.size]).toEqual([1000, 0]);
  });

  it('tries again what failed, and says when it works', () => {
    const { net, loop, apply, tick, reports } = make();
    net.faults.set('open 2 arp', 'ENODEV');
    net.faults.set('group 2', 'EINVAL');
    const s = snapshot([eth0], [vip, vip6]);
    expect(apply(s)).toMatchObject({ ports: [{ arp: 'ENODEV', ndp: 'on', mld: 'EINVAL' }] });
    expect(loop.nextDueMs()).toBeLessThanOrEqual(1000);
    tick(1000);
    expect(reports.filter((report) => report.type === 'applied')).toHaveLength(1);
    net.faults.clear();
    tick(1000);
    expect(reports.findLast((report) => report.type === 'applied')).toMatchObject({
      ...{ type: 'applied', number: s.number },
      ports: [{ arp: 'on', ndp: 'on', mld: 'on' }],
    });
    expect([...net.reported]).toEqual(['2 ff0000c8']);
  });

  it('announces from the beginning once a socket is there that could not be opened for long', () => {
    const { net, apply, tick } = make();
    net.faults.set('open 2 arp', 'EPERM');
    apply(snapshot([eth0], [vip]));
    for (let i = 0; i < 20; i++) expect(tick(1000)).toEqual([]);
    net.faults.clear();
    tick(1000);
    const lines = [];
    for (let i = 0; i < 100; i++) lines.push(...tick(100));
    expect(lines).toHaveLength(10);
  });

  it('opens another socket when the interface has become another one, and keeps it when it was only down', () => {
    const { net, apply, serve, tick } = make();
    apply(snapshot([eth0], [vip, vip6]));
    const first = net.socket('2 ndp');
    first.queue.push(-100); // ENETDOWN
    serve();
    tick(1000);
    expect(net.socket('2 ndp')).toBe(first);
    // Another one has its index already, and nobody has read that the socket has none.
    first.gone = true;
    apply(snapshot([eth0], [vip, vip6]));
    const second = net.socket('2 ndp');
    expect(second).not.toBe(first);
    expect(first.open).toBe(false);
    expect([...second.groups]).toEqual(['3333ff0000c8']);
    net.arrive('2 ndp', solicitation(vip6));
    net.sent.length = 0;
    expect(serve()).toEqual([`2 advertisement ${vip6} to host`]);
  });

  it('serves every socket its share of a flood', () => {
    const { net, apply, serve } = make();
    apply(snapshot([eth0, eth1], [vip]));
    for (let i = 0; i < 1000; i++) net.arrive('2 arp', request(vip));
    net.arrive('3 arp', request(vip));
    const first = serve();
    expect(first).toHaveLength(65);
    expect(first.at(-1)).toBe(`3 reply ${vip} to host`);
  });

  it('reports counters about once a second while there is news, with what the kernel lost', () => {
    const { net, loop, apply, serve, tick, reports } = make();
    apply(snapshot([eth0], [vip]));
    tick(0);
    for (let i = 0; i < 7; i++) tick(1100);
    reports.length = 0;
    expect(loop.nextDueMs()).toBeUndefined();
    net.arrive('2 arp', request(vip));
    net.arrive('2 arp', request(vip, { operation: 3 }));
    net.socket('2 arp').overruns = 5;
    serve();
    tick(999);
    expect(reports).toEqual([]);
    tick(1);
    expect(reports).toEqual([
      {
        type: 'counters',
        addresses: [{ ip: vip, requests: 1, responses: 1, gratuitous: 10, claims: 0, firstMs: expect.any(Number) }],
        drops: [{ interface: 'eth0', drops: { arpReply: 1, overrun: 5 } }],
      },
    ]);
    expect(loop.nextDueMs()).toBeUndefined();
  });

  it('tells the counters of thousands of addresses in slices, and of each in the end', () => {
    const { apply, tick, reports } = make();
    const many = Array.from({ length: 2500 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    apply(snapshot([eth0], many));
    let sent = 0;
    for (let i = 0; i < 1500; i++) sent += tick(10).length;
    const counters = reports.flatMap((report) => (report.type === 'counters' ? [report.addresses] : []));
    expect(Math.max(...counters.map(({ length }) => length))).toBe(1000);
    const last = new Map(counters.flat().map(({ ip, gratuitous }) => [ip, gratuitous]));
    expect(last.size).toBe(2500);
    expect([...last.values()].reduce((sum, gratuitous) => sum + gratuitous, 0)).toBe(sent);
  });

  it('tells of a claim in the turn in which it is heard, and that it is counted', () => {
    const { net, apply, serve, tick, reports } = make();
    apply(snapshot([eth0], [vip]));
    tick(0);
    for (let i = 0; i < 7; i++) tick(1100);
    reports.length = 0;
    net.arrive('2 arp', claim(vip));
    serve();
    tick(0);
    expect(reports).toEqual([
      { type: 'conflict', ip: vip, interface: 'eth0', mac: '02:00:5e:10:00:02', stage: 'begin' },
      {
        type: 'counters',
        addresses: [{ ip: vip, requests: 0, responses: 0, gratuitous: 12, claims: 1, firstMs: expect.any(Number) }],
        drops: [{ interface: 'eth0', drops: { gratuitous: 1 } }],
      },
    ]);
  });

  it('lets go of everything at the end', () => {
    const { net, loop, apply } = make();
    apply(snapshot([eth0], [vip, vip6]));
    loop.close();
    expect(net.sockets.some(({ open }) => open)).toBe(false);
    expect(net.watched.size).toBe(0);
    expect(net.closed).toBe(true);
  });
});

it('a snapshot comes out of its packed form as it went in', () => {
  const s = snapshot([eth0, eth1], [vip, `${vip6}@eth0,eth1`, '192.0.2.201@eth1', `2001:db8::1@eth0,eth1`, '::@x']);
  expect(unpackSnapshot(structuredClone(packSnapshot(s)))).toEqual(s);
  expect(packSnapshot(s).interfaces).toEqual(['all', ['eth0', 'eth1'], ['eth1'], ['x']]);
  const many = snapshot(
    [],
    Array.from({ length: 70_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}@i${i}`),
  );
  expect(unpackSnapshot(packSnapshot(many))).toEqual(many);
});
