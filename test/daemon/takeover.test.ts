/** How long addresses are without a node: from its last packet to the first announcement of the next one. */
import { beforeEach, expect, test } from 'vitest';
import { type TakenOver, Takeovers, takenText, takeoverText } from '../../src/daemon/takeover.ts';
import type { ServiceDecision } from '../../src/intent/service.ts';
import { address } from '../../src/lib/address.ts';

/** In the eyes of node-a. */
const owned = (owner: string, ...ips: string[]): ServiceDecision => ({
  key: 'default/web',
  ips: ips.map(address),
  bgp: { announced: false, detail: '', because: [], contributions: [] },
  layer2: { announced: owner === 'node-a', owner, detail: '', because: [], interfaces: 'all' },
});
const no = () => false;
const [one, two] = ['192.0.2.10', '192.0.2.11'];

let told: TakenOver[];
let takeovers: Takeovers;
beforeEach(() => {
  told = [];
  takeovers = new Takeovers((taken) => told.push(taken));
});
const counts = () => [takeovers.failover, takeovers.takeover].map(({ counts }) => counts.reduce((a, b) => a + b));

test('each address is measured from the last packet, and from when it was missed; the node is told of once', () => {
  takeovers.lost('node-b', { heardMs: 1000, noticedMs: 1900 });
  takeovers.decided(owned('node-a', one), owned('node-b', one), no);
  takeovers.decided(owned('node-a', two), owned('node-b', two), no);
  takeovers.settled();
  takeovers.announced(one, 1910);
  expect(told).toEqual([]);
  takeovers.announced(two, 1912);
  // Another burst of it is not another take-over.
  takeovers.announced(two, 5000);
  expect(told).toEqual([{ node: 'node-b', addresses: 2, failoverMs: 912, takeoverMs: 12 }]);
  expect(takenText(told[0]!)).toBe('2 addresses, 912 ms after its last packet, 12 ms after it was missed');
  expect(takeovers.failover.sumSec).toBeCloseTo(0.91 + 0.912);
  expect(takeovers.takeover.sumSec).toBeCloseTo(0.01 + 0.012);
  const text = [...takeoverText(takeovers)].join('');
  expect(text).toContain('waypost_layer2_failover_seconds_bucket{le="0.3"} 0\n');
  expect(text).toContain('waypost_layer2_failover_seconds_bucket{le="1"} 2\n');
  expect(text).toContain('waypost_layer2_takeover_seconds_bucket{le="0.01"} 1\n');
  expect(text).toContain('waypost_layer2_takeover_seconds_count 2\n');
});

test('what moves for another reason, was announced already, or is new is no take-over', () => {
  takeovers.lost('node-b', { heardMs: 1000, noticedMs: 1900 });
  takeovers.decided(owned('node-a', one), owned('node-c', one), no);
  takeovers.decided(owned('node-a', one), undefined, no);
  takeovers.decided(owned('node-a', one), owned('node-a', one), no);
  // Another Service has the address here.
  takeovers.decided(owned('node-a', one), owned('node-b', one), () => true);
  // node-b never had it.
  takeovers.decided(owned('node-a', two), owned('node-b', one), no);
  takeovers.settled();
  // Decided when all that follows from the loss was.
  takeovers.decided(owned('node-a', one), owned('node-b', one), no);
  for (const ip of [one, two]) takeovers.announced(ip, 2000);
  expect(counts()).toEqual([0, 0]);
  expect(told).toEqual([]);
});

test('an announcement of an earlier time, told late, ends nothing', () => {
  takeovers.lost('node-b', { heardMs: 1000, noticedMs: 1900 });
  takeovers.decided(owned('node-a', one), owned('node-b', one), no);
  takeovers.announced(one, 500);
  expect(counts()).toEqual([0, 0]);
  takeovers.announced(one, 1901);
  expect(counts()).toEqual([1, 1]);
});

test('addresses that go, or that another node has, are waited for no longer', () => {
  takeovers.lost('node-b', { heardMs: 1000, noticedMs: 1900 });
  takeovers.decided(owned('node-a', one, two), owned('node-b', one, two), no);
  takeovers.announced(one, 1950);
  takeovers.keep((ip) => ip === one);
  expect(told).toEqual([{ node: 'node-b', addresses: 1, failoverMs: 950, takeoverMs: 50 }]);
  takeovers.announced(two, 9000);
  expect(counts()).toEqual([1, 1]);
  expect(takenText(told[0]!)).toContain('1 address, ');
});
