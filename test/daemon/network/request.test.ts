import { describe, expect, it } from 'vitest';
import { requestOf } from '../../../src/daemon/network/request.ts';
import { address } from '../../../src/lib/address.ts';
import { prefix } from '../../../src/lib/prefix.ts';
import type { RouteState } from '../../../src/vrf/state.ts';
import type { Step } from '../../../src/vrf/step.ts';

const links: Readonly<Record<string, number>> = { eth0: 2, red: 7 };
const request = (step: Exclude<Step, { readonly do: 'sysctl' }>) =>
  requestOf(step, (name) => {
    const index = links[name];
    if (index === undefined) throw new Error(`${name} does not exist`);
    return index;
  });

const gateway = address('192.0.2.1');
const route = (more: Partial<RouteState> = {}): RouteState => ({
  ...{ destination: prefix('10.0.0.0/8'), table: 2, type: 'unicast', protocol: 3, priority: 5 },
  hops: [{ gateway, device: 'eth0', flags: 0x11 }],
  ...more,
});

describe('a route', () => {
  it('is told with the index of its link, and without what the kernel says of it', () => {
    expect(request({ do: 'addRoute', route: route() }).value).toMatchObject({ hops: [{ gateway, link: 2 }] });
  });

  it('is deleted by its next hops, as another one may have the same key', () => {
    const { value } = request({
      do: 'deleteRoute',
      route: route({ preferredSource: gateway, metrics: { mtu: 1400 } }),
    });
    const { destination, table, type, protocol, priority } = route();
    expect(value).toEqual({ destination, table, type, protocol, priority, hops: [{ gateway, link: 2 }] });
    expect(request({ do: 'deleteRoute', route: route({ nextHop: 9 }) }).value).toMatchObject({ nextHop: 9 });
    expect(request({ do: 'deleteRoute', route: route({ nextHop: 9 }) }).value).not.toHaveProperty('hops');
    const none = route({ type: 'unreachable', hops: [{ device: 'lo' }] });
    expect(request({ do: 'deleteRoute', route: none }).value).not.toHaveProperty('hops');
  });
});

it('what is about a link that does not exist is no request about any', () => {
  const gone = route({ hops: [{ gateway, device: 'eth9' }] });
  expect(() => request({ do: 'addRoute', route: gone })).toThrow('eth9 does not exist');
  expect(() => request({ do: 'setLink', name: 'eth0', to: { master: 'blue' } })).toThrow('blue does not exist');
  expect(request({ do: 'setLink', name: 'eth0', to: { master: null } }).value).toEqual({ index: 2, master: 0 });
  expect(request({ do: 'setLink', name: 'eth0', to: { master: 'red' } }).value).toEqual({ index: 2, master: 7 });
});
