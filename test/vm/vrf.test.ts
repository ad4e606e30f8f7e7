/** Sessions bound to VRFs, under a kernel that has them: user-mode Linux (scripts/vm-run). */
import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';

interface Row {
  readonly name?: string;
  readonly peer?: string;
  readonly vrf?: string;
  readonly state?: string;
  readonly localAddress?: string;
  readonly prefix?: string;
  readonly address?: string;
}

describe('the same peer address in two VRFs', () => {
  const said = new Map<string, readonly Row[]>();

  beforeAll(() => {
    const vm = spawnSync('scripts/vm-run', ['test/vm/vrf.sh'], { encoding: 'utf8', timeout: 280_000 });
    expect(vm.status, `${vm.error ?? ''}\n${vm.stdout}\n${vm.stderr}`).toBe(0);
    for (const line of vm.stdout.split('\n')) {
      const space = line.indexOf(' ');
      if (space > 0) said.set(line.slice(0, space), JSON.parse(line.slice(space + 1)) as Row[]);
    }
    expect(vm.stderr).toBe('');
  }, 300_000);

  it('makes two sessions, one dialled and one called, each in its VRF', () => {
    expect(
      said
        .get('peers')
        ?.map(({ name, vrf, state, address, localAddress }) => [name, vrf, state, address, localAddress]),
    ).toEqual([
      ['blue', 'blue', 'Established', '192.0.2.2', '192.0.2.1'],
      ['red', 'red', 'Established', '192.0.2.2', '192.0.2.1'],
    ]);
  });

  it('and each gets its own Service, and no other', () => {
    expect(said.get('advertised')?.map(({ peer, prefix }) => [peer, prefix])).toEqual([
      ['blue', '203.0.113.20/32'],
      ['red', '203.0.113.10/32'],
    ]);
    expect(said.get('router-red')?.map(({ prefix }) => prefix)).toEqual(['203.0.113.10/32']);
    expect(said.get('router-blue')?.map(({ prefix }) => prefix)).toEqual(['203.0.113.20/32']);
  });

  it('and what they say is told apart', () => {
    expect(said.get('received')?.map(({ peer, vrf, prefix }) => [peer, vrf, prefix])).toEqual([
      ['blue', 'blue', '198.51.100.128/25'],
      ['red', 'red', '198.51.100.0/25'],
    ]);
  });
});
