/** Addresses on the loopback of a kernel that is a list. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Loopback } from '../../src/daemon/loopback.ts';
import type { Kernel } from '../../src/daemon/loopbackkernel.ts';
import { Services } from '../../src/daemon/services.ts';
import { formatAddress } from '../../src/lib/address.ts';
import { NetlinkError } from '../../src/netlink/errors.ts';
import type { LinkAddress } from '../../src/netlink/ifaddr.ts';
import type { Op } from '../../src/netlink/kinds.ts';
import {
  advertisement,
  configuration,
  ingress,
  layer2Advertisement,
  pool,
  service,
  speaker,
} from '../support/model.ts';

const EPERM = 1;

class FakeKernel implements Kernel {
  readonly loopback = 1;
  /** It forgets tags, as kernels before 5.18 do. */
  forgetful = false;
  refusal: number | undefined;
  arp: string[] = [];
  have: LinkAddress[] = [];
  closed = false;
  changed: () => void = () => {};
  /** How often its addresses were asked for. */
  looks = 0;
  addresses = (): LinkAddress[] => {
    this.looks++;
    return this.have;
  };
  answering = (): string[] => this.arp;
  nameOf = (link: number): string => `link${link}`;
  close(): void {
    this.closed = true;
  }
  apply(ops: readonly Op[]): (NetlinkError | undefined)[] {
    return ops.map((op) => {
      if (op.kind !== 'address') throw new Error('only addresses');
      if (this.refusal !== undefined) return new NetlinkError(this.refusal);
      const { protocol, ...spec } = op.value;
      const same = (one: LinkAddress) => formatAddress(one.address) === formatAddress(spec.address);
      if (op.verb === 'delete') this.have = this.have.filter((one) => !same(one));
      else this.have.push({ flags: 0, scope: 'host', ...spec, ...(!this.forgetful && protocol && { protocol }) });
      return undefined;
    });
  }
  get texts(): string[] {
    return this.have.map((one) => formatAddress(one.address)).sort();
  }
}

let stateDir: string;
let kernel: FakeKernel;
/** No other daemon has put addresses there. */
let ours: boolean;
let log: Record<string, unknown>[];
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'waypost-test-'));
  kernel = new FakeKernel();
  ours = true;
  log = [];
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

/** A process: it may end without a word. */
function start() {
  /** Addresses that other hosts have. */
  const elsewhere = new Set<string>();
  const loopback = new Loopback({
    log: pino({ base: null }, { write: (line: string) => log.push(JSON.parse(line)) }),
    isOurs: () => ours,
    yielded: (ip, decision) => decision.layer2.announced && elsewhere.has(formatAddress(ip)),
    kernel: (changed) => {
      kernel.changed = changed;
      return kernel;
    },
  });
  const services = new Services();
  return {
    loopback,
    elsewhere,
    /** @param told what is done between the decisions and the end of the peers' news */
    load(protocols: readonly ('bgp' | 'layer2')[], all: readonly ReturnType<typeof service>[], told = () => {}) {
      const config = configuration({
        speaker: speaker({ loopbackAddresses: protocols, stateDir }),
        pools: [pool('lab', ['192.0.2.0/24', '2001:db8::/64'])],
        advertisements: [advertisement('bgp', ['lab'], { serviceSelectors: [] })],
        layer2Advertisements: [layer2Advertisement('l2', ['lab'], { nodeSelectors: [] })],
        services: all,
      });
      loopback.configure(config);
      services.apply(config);
      for (let one = services.step(); one !== undefined; one = services.step()) loopback.decided(one.key, one.after);
      loopback.resolved();
      told();
      loopback.settled();
    },
  };
}
const web = service('web', { ingress: ingress('192.0.2.1', '2001:db8::1') });
const turn = () => new Promise((resolve) => setImmediate(resolve));
const said = (text: string) => log.filter(({ msg }) => String(msg).includes(text));

test('nothing is asked of the kernel where nothing is wanted', () => {
  const { loopback, load } = start();
  load([], [web]);
  expect(kernel.texts).toEqual([]);
  expect(loopback.state('192.0.2.1')).toBeUndefined();
});

test('they come before peers are told, go after, and at the end', () => {
  const { loopback, load } = start();
  load(['bgp'], [web], () => expect(kernel.texts).toEqual(['192.0.2.1', '2001:db8::1']));
  expect(loopback.state('192.0.2.1')).toBe('put');
  expect(kernel.have).toMatchObject([
    { link: 1, length: 32, scope: 'host', protocol: 186 },
    { link: 1, length: 128, lifetimes: { preferredSec: 0, validSec: 0xffff_ffff }, protocol: 186 },
  ]);
  load(['bgp'], [], () => expect(kernel.texts).toHaveLength(2));
  expect(kernel.texts).toEqual([]);
  load(['layer2'], [web]);
  expect(kernel.texts).toHaveLength(2);
  loopback.stop();
  expect(kernel.texts).toEqual([]);
  expect(kernel.closed).toBe(true);
});

test('what another host has on layer 2 is not here, unless peers are told of it', async () => {
  const { loopback, elsewhere, load } = start();
  load(['bgp', 'layer2'], [web]);
  elsewhere.add('192.0.2.1');
  loopback.claimed();
  await turn();
  expect(kernel.texts).toEqual(['192.0.2.1', '2001:db8::1']);
  load(['layer2'], [web]);
  expect(kernel.texts).toEqual(['2001:db8::1']);
  expect(loopback.state('192.0.2.1')).toBeUndefined();
  elsewhere.add('2001:db8::1');
  loopback.claimed();
  await turn();
  expect(kernel.texts).toEqual([]);
  elsewhere.clear();
  loopback.claimed();
  await turn();
  expect(kernel.texts).toEqual(['192.0.2.1', '2001:db8::1']);
});

test('nothing goes before peers are told, whatever else is looked at meanwhile', async () => {
  const { loopback, load } = start();
  load(['bgp'], [web, service('more', { ingress: ingress('192.0.2.2') })]);
  loopback.decided('default/web', undefined);
  loopback.claimed();
  await turn();
  expect(kernel.texts).toEqual(['192.0.2.1', '192.0.2.2', '2001:db8::1']);
  loopback.resolved();
  expect(kernel.texts).toHaveLength(3);
  loopback.settled();
  expect(kernel.texts).toEqual(['192.0.2.2']);
});

test('of thousands of addresses that another node keeps the kernel is asked once', async () => {
  const { loopback, elsewhere, load } = start();
  load(['layer2'], [web]);
  const before = kernel.looks;
  elsewhere.add('192.0.2.1');
  for (let i = 0; i < 10_000; i++) loopback.claimed();
  await turn();
  expect(kernel.texts).toEqual(['2001:db8::1']);
  expect(kernel.looks - before).toBe(1);
  loopback.claimed();
  loopback.stop();
  await turn();
  expect(kernel.texts).toEqual([]);
});

test('what was there before stays, and is taken over when it goes', async () => {
  const { loopback, load } = start();
  kernel.have = [{ link: 7, address: web.ingress[0]!.address!, length: 24, flags: 0, scope: 'universe' }];
  load(['bgp'], [web]);
  expect(kernel.have.filter(({ link }) => link === 1)).toHaveLength(1);
  expect(loopback.state('192.0.2.1')).toBe('present');
  expect(said('it is left as it is')).toMatchObject([{ ips: '192.0.2.1 on link7' }]);
  kernel.have = kernel.have.filter(({ link }) => link === 1);
  kernel.changed();
  await expect.poll(() => kernel.texts, { timeout: 60_000 }).toEqual(['192.0.2.1', '2001:db8::1']);
  loopback.stop();
  expect(kernel.texts).toEqual([]);
});

test.each([true, false])('a process that was killed leaves nothing behind (kernel without tags: %s)', (forgetful) => {
  kernel.forgetful = forgetful;
  start().load(['bgp'], [web, service('old', { ingress: ingress('192.0.2.9') })]);
  expect(kernel.texts).toEqual(['192.0.2.1', '192.0.2.9', '2001:db8::1']);
  const second = start();
  second.load(['bgp'], [web]);
  expect(kernel.texts).toEqual(['192.0.2.1', '2001:db8::1']);
  expect(second.loopback.state('192.0.2.1')).toBe('put');
  start().load([], [web]);
  expect(kernel.texts).toEqual([]);
});

test('what an earlier process left is no longer ours where another daemon puts addresses there now', () => {
  start().load(['bgp'], [web]);
  ours = false;
  start().load([], []);
  expect(kernel.texts).toHaveLength(2);
  ours = true;
  start().load([], []);
  expect(kernel.texts).toEqual([]);
});

test('what could not be remembered is, once there is room', () => {
  kernel.forgetful = true;
  vi.useFakeTimers();
  try {
    rmSync(stateDir, { recursive: true });
    writeFileSync(stateDir, '');
    start().load(['bgp'], [web]);
    expect(kernel.texts).toHaveLength(2);
    expect(said('cannot be remembered over a restart')).toHaveLength(1);
    rmSync(stateDir);
    vi.advanceTimersByTime(10_000);
  } finally {
    vi.useRealTimers();
  }
  start().load([], []);
  expect(kernel.texts).toEqual([]);
});

test('after another boot what stands there is not ours', () => {
  kernel.forgetful = true;
  start().load(['bgp'], [web]);
  const file = join(stateDir, 'loopback.json');
  const saved = JSON.parse(readFileSync(file, 'utf8'));
  expect(saved.ips).toEqual(['192.0.2.1', '2001:db8::1']);
  rmSync(file);
  start().load([], []);
  expect(kernel.texts).toHaveLength(2);
});

test('a refusal is told once, with its remedy, and shown', () => {
  kernel.refusal = EPERM;
  const { loopback, load } = start();
  load(['bgp'], [web]);
  load(['bgp'], [web, service('more', { ingress: ingress('192.0.2.2') })]);
  expect(said('CAP_NET_ADMIN is needed')).toHaveLength(1);
  expect(loopback.state('192.0.2.1')).toBe('EPERM');
  kernel.refusal = undefined;
  load(['bgp'], [web]);
  expect(loopback.state('192.0.2.1')).toBe('put');
});

test('where the kernel would answer ARP for them everywhere, it is told once', () => {
  kernel.arp = ['eth0', 'eth1'];
  const { load } = start();
  load(['bgp'], [service('six', { ingress: ingress('2001:db8::6') })]);
  expect(said('arp_ignore')).toEqual([]);
  load(['bgp'], [web]);
  load(['bgp'], [web, service('more', { ingress: ingress('192.0.2.2') })]);
  expect(said('arp_ignore=1')).toMatchObject([{ level: 40, interfaces: ['eth0', 'eth1'] }]);
});
