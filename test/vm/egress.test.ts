/** Requests and replies in VRFs, under a kernel that has them: user-mode Linux (scripts/vm-run). */
import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Walk } from '../../src/daemon/walk.ts';

describe('clients with one address in two VRFs', () => {
  const said = new Map<string, string>();

  beforeAll(() => {
    const vm = spawnSync('scripts/vm-run', ['test/vm/egress.sh'], { encoding: 'utf8', timeout: 280_000 });
    expect(vm.status, `${vm.error ?? ''}\n${vm.stdout}\n${vm.stderr}`).toBe(0);
    for (const line of vm.stdout.split('\n')) {
      const [stage, vrf, whom] = line.split(' ', 3);
      const key = `${stage} ${vrf} ${whom}`;
      said.set(key, line.slice(key.length + 1));
    }
    expect(vm.stderr).toBe('');
  }, 300_000);

  const walk = (key: string): Walk => JSON.parse(said.get(key) ?? 'null') as Walk;

  it('have a symmetric way each, by their own VRF', () => {
    for (const vrf of ['red', 'blue'])
      for (const client of ['198.51.100.7', '2001:db8:2::2']) {
        const { symmetric, ways } = walk(`whole ${vrf} ${client}`);
        expect(ways).toMatchObject([
          {
            entry: { interface: `to-${vrf}`, vrf, by: `peer ${vrf}` },
            request: { inputVrf: vrf, output: `pod-${vrf}`, decided: { priority: 998 } },
            reply: { input: `pod-${vrf}`, output: `to-${vrf}`, outputVrf: vrf, decided: { priority: 5000 } },
            turn: null,
          },
        ]);
        expect(symmetric).toBe(true);
      }
  });

  it('get replies from the Service of their VRF, and none from the other one', () => {
    expect(said.get('whole red 10.244.5.5')).toBe('reached');
    expect(said.get('whole red fd00:244:5::5')).toBe('reached');
    expect(said.get('whole blue 10.244.6.5')).toBe('reached');
    expect(said.get('whole red 10.244.6.5')).toBe('silence');
  });

  it('without the rules before that of VRFs are caught there, and the walk names it with the remedy', () => {
    expect(said.get('caught red 10.244.5.5')).toBe('silence');
    expect(walk('caught red 198.51.100.7').ways[0]).toMatchObject({
      symmetric: false,
      request: { decided: { priority: 1000 }, output: 'to-red' },
      turn: {
        where: 'request',
        text: expect.stringMatching(/rule 1000 \(from all lookup the table of the VRF\)/),
        remedy: expect.stringMatching(/priority 998, to the network of/),
      },
    });
  });

  it('without EgressServices get no reply, and the walk names it with the remedy', () => {
    expect(said.get('bare red 10.244.5.5')).toBe('silence');
    expect(walk('bare red 198.51.100.7').ways[0]).toMatchObject({
      symmetric: false,
      request: { output: 'pod-red' },
      turn: { where: 'reply', remedy: expect.stringMatching(/^an EgressService with network "red"/) },
    });
  });
});
