/** The node's network by policies, under a kernel that has VRFs: user-mode Linux (scripts/vm-run). */
import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import type { VrfRow } from '../../src/daemon/network/view.ts';

/** What was said, by the first word of each line. */
const said = new Map<string, string[]>();
const all = (key: string): readonly string[] => said.get(key) ?? [];
const one = (key: string): string => {
  const lines = all(key);
  if (lines.length !== 1) throw new Error(`${lines.length} lines begin with ${key}`);
  return lines[0]!;
};
const json = <T = Record<string, unknown>[]>(key: string): T => JSON.parse(one(key) || '[]') as T;

beforeAll(() => {
  const env = { ...process.env, VM_SECONDS: '560' };
  const vm = spawnSync('scripts/vm-run', ['test/vm/network.sh'], { encoding: 'utf8', timeout: 570_000, env });
  expect(vm.status, `${vm.error ?? ''}\n${vm.stdout}\n${vm.stderr}`).toBe(0);
  for (const line of vm.stdout.split('\n').filter(Boolean)) {
    const space = `${line} `.indexOf(' ');
    const key = line.slice(0, space);
    said.set(key, [...all(key), line.slice(space + 1)]);
  }
}, 600_000);

describe('two VRFs with the same networks', () => {
  it('are made, with their interfaces, tables that end, and the rules for what the cluster uses', () => {
    expect(json('links')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          ifname: 'red',
          ifalias: 'waypost',
          linkinfo: expect.objectContaining({ info_data: { table: 2 } }),
        }),
        expect.objectContaining({ ifname: 'to-red', master: 'red' }),
        expect.objectContaining({ ifname: 'red-extra', master: 'red', mtu: 1400 }),
        expect.objectContaining({
          ifname: 'red-extra.7',
          link: 'red-extra',
          linkinfo: expect.objectContaining({ info_kind: 'vlan' }),
        }),
        expect.objectContaining({ ifname: 'to-blue', master: 'blue' }),
      ]),
    );
    for (const table of ['table2-4', 'table3-4'])
      expect(json(table)).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ dst: 'default', gateway: '192.0.2.2', metric: 150 }),
          expect.objectContaining({ dst: 'default', type: 'unreachable', metric: 4278198272 }),
        ]),
      );
    for (const table of ['table2-6', 'table3-6'])
      expect(json(table)).toContainEqual(expect.objectContaining({ dst: 'default', type: 'unreachable' }));
    const rules = json('rules').filter(({ priority }) => priority === 998);
    expect(rules.map(({ dst }) => dst).sort()).toEqual(['10.128.0.0', '169.254.0.0', '172.30.0.0']);
  });

  it('and an interface that goes into one keeps its addresses and neighbours, and its routes follow it', () => {
    expect(json('table2-4')).toContainEqual(expect.objectContaining({ dst: '203.0.113.0/24', gateway: '192.0.2.2' }));
    expect(json('table2-6')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ dst: '2001:db8:2::/64', dev: 'to-red' }),
        expect.objectContaining({ dst: '2001:db8:9::/64', gateway: '2001:db8:2::2' }),
      ]),
    );
    expect(
      json('neighbours')
        .map(({ dst }) => dst)
        .sort(),
    ).toEqual(['192.0.2.77', '2001:db8:2::77']);
    expect(
      json('proxies')
        .map(({ dst }) => dst)
        .sort(),
    ).toEqual(['192.0.2.78', '2001:db8:2::78']);
    const [link] = json<{ addr_info: { local: string }[] }[]>('local');
    expect(link!.addr_info.map(({ local }) => local)).toContain('fe80::1');
    expect(json('main').map(({ dst }) => dst)).not.toContain('203.0.113.0/24');
    expect(json('main')).toContainEqual(expect.objectContaining({ dst: 'default', gateway: '198.51.100.1' }));
  });

  it('and so do its next-hop objects, the groups that they are in, and the routes that lead there', () => {
    expect(json('nexthops')).toEqual([
      expect.objectContaining({ id: 77, gateway: '192.0.2.2', dev: 'to-red' }),
      expect.objectContaining({ id: 78, gateway: '2001:db8:2::2', dev: 'to-red' }),
      expect.objectContaining({ id: 79, gateway: '192.0.3.2', dev: 'bond1' }),
      expect.objectContaining({ id: 80, group: [{ id: 77 }, { id: 79, weight: 3 }] }),
      expect.objectContaining({ id: 81, gateway: '198.51.100.1', dev: 'to-main' }),
      expect.objectContaining({ id: 82, group: [{ id: 77 }, { id: 81 }], type: 'resilient' }),
    ]);
    expect(json('table2-4')).toContainEqual(expect.objectContaining({ dst: '203.0.115.0/24', nhid: 80 }));
    expect(json('table2-6')).toContainEqual(expect.objectContaining({ dst: '2001:db8:a::/64', nhid: 78 }));
    expect(json('main').map(({ dst }) => dst)).not.toContain('203.0.115.0/24');
  });

  it('and so does a bond, whose members stay in it; one of another mode is waited for', () => {
    const links = json<{ ifname: string }[]>('links').filter(({ ifname }) => ifname.startsWith('bond1'));
    expect(links).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          ifname: 'bond1',
          master: 'red',
          mtu: 1400,
          linkinfo: expect.objectContaining({ info_data: expect.objectContaining({ mode: 'active-backup' }) }),
        }),
        expect.objectContaining({ ifname: 'bond1a', master: 'bond1' }),
        expect.objectContaining({ ifname: 'bond1b', master: 'bond1' }),
      ]),
    );
    expect(json('table2-4')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ dst: '192.0.3.0/24', dev: 'bond1', protocol: 'kernel' }),
        expect.objectContaining({ dst: '203.0.114.0/24', gateway: '192.0.3.2' }),
      ]),
    );
    expect(json('table2-6')).toContainEqual(expect.objectContaining({ dst: '2001:db8:3::/64', dev: 'bond1' }));
    expect(one('bond')).toBe('bond bond2 has mode active-backup, not balance-rr: bonds are not changed');
  });

  it('hold a session each with the same peer address', () => {
    expect(json('peers').map(({ name, vrf, state, address }) => [name, vrf, state, address])).toEqual([
      ['blue', 'blue', 'Established', '192.0.2.2'],
      ['red', 'red', 'Established', '192.0.2.2'],
    ]);
  });

  it('answer clients with the same address by the interface that they asked by, IPv4 and IPv6', () => {
    for (const key of ['node-red', 'node-blue', 'pod-red', 'pod-blue', 'node6-red', 'node6-blue'])
      expect([key, one(key)]).toEqual([key, 'true']);
    expect(one('leak')).toBe('false');
    // The pod's answers go to red alone.
    expect(one('crossed')).toBe('false');
  });

  it('forward, are not strict about the way back, and nothing else changes', () => {
    const sysctls = [
      'to-main/forwarding',
      'to-main/rp_filter',
      'to-red/forwarding',
      'to-red/rp_filter',
      'red/rp_filter',
    ];
    expect(sysctls.map((name) => one(`sysctl-${name}`))).toEqual(['1', '0', '1', '2', '2']);
    expect([one('sysctl-pod-red/rp_filter'), one('sysctl-lo/forwarding')]).toEqual(['0', '0']);
  });

  it('are shown', () => {
    const rows = json<VrfRow[]>('vrfs');
    expect(
      rows.map(({ name, table, interfaces, managed, state }) => [name, table, interfaces, managed, state]),
    ).toEqual([
      ['blue', 3, ['to-blue'], true, 'applied'],
      ['red', 2, ['bond1', 'red-extra', 'to-red'], true, 'applied'],
    ]);
    expect(rows[1]!.rules.map(({ rule }) => rule)).toContain('998: from all to 172.30.0.0/16 lookup 254');
    expect(rows[1]!.sysctls).toMatchObject({
      'net.ipv4.conf.to-red.rp_filter': '2',
      'net.ipv4.tcp_l3mdev_accept': '1',
    });
  });
});

it('another process and a reload change nothing in the kernel', () => {
  expect(one('again')).toBe('0');
});

describe('a policy that takes the default gateway away', () => {
  it('is taken back, and says why', () => {
    expect(json('cut')).toEqual([]);
    expect(one('gateway')).toBe('true');
    const green = json<VrfRow[]>('cut-vrfs').find(({ name }) => name === 'green');
    expect(green).toMatchObject({ exists: false, state: 'failed', policies: ['cut'] });
    expect(green?.reason).toBe('no IPv4 default gateway is left, where 198.51.100.1 answered before');
    expect(one('cut-log')).toContain('no IPv4 default gateway is left');
  });

  it('and leaves everything as it was', () => {
    expect(all('after-cut')).toEqual([]);
  });
});

it('a process killed in the middle of a change leaves it to the next one to go back', () => {
  expect(json('middle-master')).not.toEqual([]);
  expect(one('kill-log')).toBe('1');
  expect(all('after-kill')).toEqual([]);
});

it('without its documents the node is as it was, line by line', () => {
  expect(Number(one('lines'))).toBeGreaterThan(100);
  expect(all('after-all')).toEqual([]);
});
