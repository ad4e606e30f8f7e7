/** Arbitrary objects of the kernel, as a request can say them and an answer repeat them. */
import * as fc from 'fast-check';
import type { Address, Family } from '../../src/lib/address.ts';
import { equalBytes } from '../../src/lib/bytes.ts';
import type { Codec } from '../../src/netlink/codec.ts';
import { HostReader, HostWriter } from '../../src/netlink/host.ts';
import { codecs, type Kind, type Values } from '../../src/netlink/kinds.ts';
import { anyAddress, anyPrefix } from './ip.ts';

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 0xffff_ffff }));
const index = fc.integer({ min: 1, max: 0x7fff_ffff });
const name = fc.string({ minLength: 1, maxLength: 15, unit: 'grapheme' }).filter((s) => !s.includes('\0'));
const family = fc.constantFrom<Family>(4, 6);
const lladdr = fc.uint8Array({ minLength: 0, maxLength: 32 });
const scope = fc.oneof(
  fc.constantFrom('universe' as const, 'site' as const, 'link' as const, 'host' as const, 'nowhere' as const),
  fc.integer({ min: 1, max: 199 }),
);

/** A record whose keys may each be absent. */
const some = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> =>
  fc.record(model, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>>;

/** Joins what is always there with what may be. */
const join = <A, B>(a: fc.Arbitrary<A>, b: fc.Arbitrary<B>): fc.Arbitrary<A & B> =>
  fc.tuple(a, b).map(([x, y]) => ({ ...x, ...y }));

const kind = <K extends string>(k: K) => fc.record({ kind: fc.constant(k) });
const linkInfo = fc.oneof(
  join(kind('vrf'), some({ table: u32 })),
  join(kind('vlan'), some({ id: u16, protocol: u16, flags: fc.record({ flags: u32, mask: u32 }) })),
  join(
    kind('macvlan'),
    some({
      mode: fc.oneof(
        fc.constantFrom(...(['private', 'vepa', 'bridge', 'passthru', 'source'] as const)),
        fc.constantFrom(0, 3, 32, 0x8000_0000, 0xffff_ffff),
      ),
    }),
  ),
  join(kind('bridge'), some({ stp: fc.boolean(), vlanFiltering: fc.boolean(), vlanDefaultPvid: u16 })),
  join(kind('veth'), some({ peer: some({ name, mtu: u32, address: lladdr }) })),
  kind('dummy'),
  join(kind('other'), fc.record({ name: fc.constantFrom('bond', 'tun', 'constructor', '__proto__') })),
);

const link = join(
  fc.record({ index: fc.integer({ min: 0, max: 0x7fff_ffff }), type: u16, flags: u32, changed: u32 }),
  some({
    name,
    address: lladdr,
    mtu: u32,
    parent: u32,
    master: u32,
    alias: fc.string({ maxLength: 40, unit: 'grapheme' }).filter((s) => !s.includes('\0')),
    linkNamespace: u32,
    operState: fc.oneof(
      fc.constantFrom('unknown' as const, 'down' as const, 'up' as const),
      fc.integer({ min: 7, max: 255 }),
    ),
    carrier: fc.boolean(),
    group: u32,
    info: linkInfo,
  }),
) as fc.Arbitrary<Values['link']>;

const differs = ({ address, peer }: { address: Address; peer?: Address | undefined }) =>
  peer === undefined || !equalBytes(address.bytes, peer.bytes);

const address = family.chain((f) =>
  join(
    fc.record({
      link: u32,
      address: anyAddress(f),
      length: fc.integer({ min: 0, max: f === 4 ? 32 : 128 }),
      flags: u32,
      scope,
    }),
    some({
      peer: anyAddress(f),
      broadcast: anyAddress(f),
      label: name,
      priority: u32,
      protocol: u8,
      lifetimes: fc.record({ preferredSec: u32, validSec: u32 }),
    }),
  ).filter(differs),
) as fc.Arbitrary<Values['address']>;

/** IPv4 routes may lead to next hops of either family. */
const gateway = (f: Family) => (f === 4 ? anyAddress() : anyAddress(6));
const hopFlags = fc.integer({ min: 1, max: 255 });

const hops = (f: Family) =>
  fc.oneof(
    fc.constant([]),
    some({ gateway: gateway(f), link: index, flags: hopFlags })
      .filter((hop) => hop.gateway !== undefined || hop.link !== undefined)
      .map((hop) => [hop]),
    fc.array(some({ gateway: gateway(f), link: index, flags: hopFlags, weight: fc.integer({ min: 2, max: 256 }) }), {
      minLength: 2,
      maxLength: 5,
    }),
  );

const metrics = some({
  lock: u32,
  mtu: u32,
  window: u32,
  advmss: u32,
  hopLimit: u32,
  initialCongestionWindow: u32,
  features: u32,
  initialReceiveWindow: u32,
  quickAck: u32,
});

const route = family.chain((f) =>
  join(
    fc.record({
      destination: anyPrefix(f),
      table: u32,
      protocol: u8,
      scope,
      type: fc.oneof(
        fc.constantFrom('unicast' as const, 'local' as const, 'blackhole' as const, 'prohibit' as const),
        fc.integer({ min: 12, max: 255 }),
      ),
      flags: fc.constant(0),
      hops: hops(f),
    }),
    some({
      source: anyPrefix(f).filter((p) => p.length > 0),
      tos: fc.integer({ min: 1, max: 255 }),
      priority: u32,
      preferredSource: anyAddress(f),
      metrics,
      preference: fc.constantFrom('low' as const, 'medium' as const, 'high' as const, 2, 77),
      nextHop: u32,
    }),
  ).map((r) => (r.nextHop === undefined ? r : { ...r, hops: [] })),
) as fc.Arbitrary<Values['route']>;

const range = (item: fc.Arbitrary<number>) => fc.record({ first: item, last: item });

const rule = family.chain((f) =>
  join(
    fc.record({
      family: fc.constant(f),
      priority: u32,
      action: fc.oneof(
        fc.constantFrom('table' as const, 'goto' as const, 'blackhole' as const, 'prohibit' as const),
        fc.constantFrom(4, 5, 9, 255),
      ),
      table: u32,
      protocol: u8,
      flags: u32,
    }),
    some({
      from: anyPrefix(f).filter((p) => p.length > 0),
      to: anyPrefix(f).filter((p) => p.length > 0),
      tos: fc.integer({ min: 1, max: 255 }),
      input: name,
      output: name,
      mark: u32,
      mask: u32,
      uids: range(u32),
      ipProtocol: u8,
      sourcePorts: range(u16),
      destinationPorts: range(u16),
      target: u32,
      l3mdev: fc.constant(true),
      suppressPrefixLength: fc.integer({ min: 0, max: 128 }),
      suppressGroup: fc.integer({ min: 0, max: 0xffff_fffe }),
    }),
  ).map((r) => (r.l3mdev ? { ...r, table: 0 } : r)),
) as fc.Arbitrary<Values['rule']>;

const neighbour = join(
  fc.record({ link: index, address: anyAddress(), state: u16, flags: u8, type: fc.constant(0) }),
  some({ octets: lladdr, protocol: u8 }),
) as fc.Arbitrary<Values['neighbour']>;

const nextHop = fc.option(family, { nil: undefined }).chain((f) =>
  join(
    fc.record({
      id: u32,
      scope: fc.constant('universe' as const),
      protocol: u8,
      flags: u32,
      ...(f === undefined ? {} : { family: fc.constant(f) }),
    }),
    some({
      link: u32,
      blackhole: fc.constant(true as const),
      group: fc.array(fc.record({ id: u32, weight: fc.integer({ min: 1, max: 65536 }) }), { minLength: 1 }),
      groupType: u16,
      ...(f === undefined ? {} : { gateway: anyAddress(f) }),
    }),
  ),
) as fc.Arbitrary<Values['nextHop']>;

export const anyValue: { readonly [K in Kind]: fc.Arbitrary<Values[K]> } = {
  link,
  address,
  route,
  rule,
  neighbour,
  nextHop,
};

/** The body of a message about this object. */
export function encodeBody<K extends Kind>(kind: K, value: Values[K]): Uint8Array {
  const w = new HostWriter(1 << 16);
  (codecs[kind] as unknown as Codec<unknown, unknown, unknown>).encode(w, value, 'add');
  return w.finish();
}

export function decodeBody<K extends Kind>(kind: K, bytes: Uint8Array): Values[K] | undefined {
  return (codecs[kind] as unknown as Codec<Values[K], never, never>).decode(new HostReader(bytes));
}
