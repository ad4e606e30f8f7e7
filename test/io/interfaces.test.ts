/** The node's own addresses, where several interfaces have the same one. */
import { expect, it } from 'vitest';
import { beside, localAddresses } from '../../src/io/interfaces.ts';
import { formatAddress, parseAddress } from '../../src/lib/address.ts';
import { formatPrefix } from '../../src/lib/prefix.ts';

const interfaces = {
  lo: [
    { address: '127.0.0.1', internal: true },
    { address: '192.0.2.1', internal: true },
    { address: '::1', internal: true },
  ],
  red0: [
    { address: '192.0.2.1', internal: false },
    { address: '2001:db8:a::1', internal: false },
    { address: 'fe80::a', internal: false },
  ],
  blue0: [
    { address: '2001:db8:b::1', internal: false },
    { address: '192.0.2.1', internal: false },
  ],
  eth0: [
    { address: '198.51.100.2', internal: false },
    { address: '2001:db8:c::1', internal: false },
  ],
};
const controllers = new Map([
  ['red0', 'red'],
  ['blue0', 'blue'],
]);
const found = (local: string, place = {}, before = {}) => {
  const controllerOf = (name: string) => controllers.get(name);
  const { transport: _, ...rest } = beside(parseAddress(local)!, interfaces, controllerOf, place, before);
  return Object.fromEntries(Object.entries(rest).map(([kind, address]) => [kind, formatAddress(address)]));
};

it('the addresses beside one are those of the interface that has it', () => {
  expect(found('198.51.100.2')).toEqual({ ipv4: '198.51.100.2', ipv6: '2001:db8:c::1' });
  expect(found('198.51.100.9')).toEqual({});
});

it('of interfaces with the same address, that in the VRF counts', () => {
  expect(found('192.0.2.1', { vrf: 'red' })).toEqual({
    ...{ ipv4: '192.0.2.1', ipv6: '2001:db8:a::1', linkLocal: 'fe80::a' },
  });
  expect(found('192.0.2.1', { vrf: 'blue' })).toEqual({ ipv4: '192.0.2.1', ipv6: '2001:db8:b::1' });
});

it('outside VRFs it is one that is in none, and no address of the loopback stands beside another', () => {
  expect(found('192.0.2.1')).toEqual({ ipv4: '192.0.2.1' });
  expect(found('127.0.0.1')).toEqual({ ipv4: '127.0.0.1', ipv6: '::1' });
});

it('where nothing tells what is in a VRF, the first will do', () => {
  expect(found('198.51.100.2', { vrf: 'red' })).toEqual({ ipv4: '198.51.100.2', ipv6: '2001:db8:c::1' });
});

it('an address that was taken before stays while it is there, whatever comes before it since', () => {
  const eth0 = [...interfaces.eth0];
  interfaces.eth0.splice(1, 0, { address: '2001:db8:c::99', internal: false });
  const before = { ipv6: parseAddress('2001:db8:c::1')! };
  expect(found('198.51.100.2', {}, before)).toEqual({ ipv4: '198.51.100.2', ipv6: '2001:db8:c::1' });
  expect(found('198.51.100.2')).toEqual({ ipv4: '198.51.100.2', ipv6: '2001:db8:c::99' });
  interfaces.eth0.pop();
  expect(found('198.51.100.2', {}, before)).toEqual({ ipv4: '198.51.100.2', ipv6: '2001:db8:c::99' });
  interfaces.eth0 = eth0;
});

it('addresses in a VRF are those of its ports, its own and the loopback’s; without one they are all', () => {
  const at = (cidr: string, internal = false) => ({ address: cidr.split('/')[0]!, cidr, internal });
  const node = {
    lo: [at('127.0.0.1/8', true)],
    red: [at('192.0.2.9/32')],
    red0: [at('10.0.0.1/30')],
    eth0: [at('10.0.0.2/30'), at('2001:db8::2/64')],
  };
  const own = (vrf?: string) => {
    const { addresses, subnets } = localAddresses(vrf, node, (name) => (name === 'red' ? ['red0'] : []));
    return [[...addresses].sort(), subnets.map(formatPrefix).sort()];
  };
  expect(own('red')).toEqual([
    ['10.0.0.1', '127.0.0.1', '192.0.2.9'],
    ['10.0.0.0/30', '127.0.0.0/8', '192.0.2.9/32'],
  ]);
  expect(own()).toEqual([
    ['10.0.0.1', '10.0.0.2', '127.0.0.1', '192.0.2.9', '2001:db8::2'],
    ['10.0.0.0/30', '127.0.0.0/8', '192.0.2.9/32', '2001:db8::/64'],
  ]);
});
