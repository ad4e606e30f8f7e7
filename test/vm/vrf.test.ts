/** Sessions bound to VRFs, under a kernel that has them: user-mode Linux (scripts/vm-run). */
import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';

interface Row {
  readonly name?: string;
  readonly peer?: string;
  readonly vrf?: string;
  readonly table?: number;
  readonly state?: string;
  readonly localAddress?: string;
  readonly prefix?: string;
  readonly address?: string;
  readonly nexthops?: readonly { via: string; dev: string }[];
}
/** As iproute2 has it. */
interface Route {
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly protocol: string;
}

const sides = [
  { vrf: 'blue', table: 20, own: ['198.18.20.0/24', '2001:db8:20::/48'] },
  { vrf: 'red', table: 10, own: ['198.18.10.0/24', '2001:db8:10::/48'] },
];
const both = ['198.51.100.0/24', '2001:db8:100::/48'];

describe('the same peer address in two VRFs', () => {
  const said = new Map<string, readonly string[]>();
  const all = (key: string) => said.get(key) ?? [];
  const rows = (key: string) => JSON.parse(all(key)[0] ?? 'null') as readonly Row[];

  beforeAll(() => {
    const vm = spawnSync('scripts/vm-run', ['test/vm/vrf.sh'], { encoding: 'utf8', timeout: 280_000 });
    expect(vm.status, `${vm.error ?? ''}\n${vm.stdout}\n${vm.stderr}`).toBe(0);
    for (const line of vm.stdout.split('\n')) {
      const space = line.indexOf(' ');
      const key = line.slice(0, space);
      if (space > 0) said.set(key, [...all(key), line.slice(space + 1)]);
    }
    expect(vm.stderr).toBe('');
  }, 300_000);

  it('makes two sessions, one dialled and one called, each in its VRF', () => {
    expect(
      rows('peers').map(({ name, vrf, state, address, localAddress }) => [name, vrf, state, address, localAddress]),
    ).toEqual([
      ['blue', 'blue', 'Established', '192.0.2.2', '192.0.2.1'],
      ['red', 'red', 'Established', '192.0.2.2', '192.0.2.1'],
    ]);
  });

  it('each watched by BFD in its VRF', () => {
    expect(rows('bfd').map(({ peer, vrf, state }) => [peer, vrf, state])).toEqual([
      ['192.0.2.2', 'blue', 'Up'],
      ['192.0.2.2', 'red', 'Up'],
    ]);
    for (const vrf of ['red', 'blue']) expect(all(`bfd-${vrf}`)).toEqual(['192.0.2.1 eth0 Up']);
  });

  it('and each gets its own Service, and no other', () => {
    expect(rows('advertised').map(({ peer, prefix }) => [peer, prefix])).toEqual([
      ['blue', '203.0.113.20/32'],
      ['red', '203.0.113.10/32'],
    ]);
    expect(all('router-red')).toEqual(['203.0.113.10/32']);
    expect(all('router-blue')).toEqual(['203.0.113.20/32']);
  });

  it('and what they say is told apart', () => {
    for (const { vrf, own } of sides) {
      const received = rows('received').filter((row) => row.peer === vrf && row.vrf === vrf);
      expect(received.map(({ prefix }) => prefix).sort()).toEqual([...own, ...both].sort());
    }
    expect(rows('received')).toHaveLength(8);
  });

  it('and lands in the table of its VRF, and in no other', () => {
    for (const { vrf, table, own } of sides) {
      const shown = rows('routes').filter((row) => row.table === table);
      expect(shown.map(({ prefix }) => prefix).sort()).toEqual([...own, ...both].sort());
      for (const row of shown)
        expect(row).toMatchObject({
          vrf,
          state: 'installed',
          nexthops: [{ via: row.prefix!.includes(':') ? '2001:db8:2::2' : '192.0.2.2', dev: `to-${vrf}` }],
        });
      const learned = kernel(`table-${table}`).filter(({ protocol }) => protocol === 'bgp');
      expect(learned.map(({ dst }) => dst).sort()).toEqual([...own, ...both].sort());
      for (const { dev } of learned) expect(dev).toBe(`to-${vrf}`);
    }
    expect(kernel('table-main').filter(({ protocol }) => protocol === 'bgp')).toEqual([]);
  });

  it('so that clients with the same address are answered by the link that they asked by', () => {
    const ways = ['198.51.100.7 192.0.2.1', '2001:db8:100::7 2001:db8:2::1'];
    for (const { vrf } of sides) expect(all(`reach-${vrf}`)).toEqual(ways);
    const echoes = ways.flatMap((way) => {
      const [client, node] = way.split(' ');
      return sides.flatMap(({ vrf }) => [
        `to-${vrf} In ${client} > ${node} request`,
        `to-${vrf} Out ${node} > ${client} reply`,
      ]);
    });
    expect([...all('link')].sort()).toEqual(echoes.sort());
  });

  const kernel = (key: string): readonly Route[] =>
    (['-4', '-6'] as const).flatMap((family) => JSON.parse(all(key + family)[0] || '[]') as readonly Route[]);
});
