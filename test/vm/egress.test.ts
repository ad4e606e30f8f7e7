/** Requests and replies in VRFs, under a kernel that has them: user-mode Linux (scripts/vm-run). */
import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Walk } from '../../src/daemon/walk.ts';

describe('clients with one address in two VRFs', () => {
  const said = new Map<string, string>();
  const links: string[] = [];

  beforeAll(() => {
    const vm = spawnSync('scripts/vm-run', ['test/vm/egress.sh'], { encoding: 'utf8', timeout: 280_000 });
    expect(vm.status, `${vm.error ?? ''}\n${vm.stdout}\n${vm.stderr}`).toBe(0);
    for (const line of vm.stdout.split('\n')) {
      if (line.startsWith('link ')) links.push(line.slice(5));
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
    expect(said.get('whole blue fd00:244:6::5')).toBe('reached');
    expect(said.get('whole red 10.244.6.5')).toBe('silence');
  });

  it('are answered by the interface that they asked by, and by no other', () => {
    const ways = [
      ['red', '198.51.100.7', '10.244.5.5', 1],
      ['red', '2001:db8:2::2', 'fd00:244:5::5', 2],
      ['blue', '198.51.100.7', '10.244.6.5', 3],
      ['blue', '2001:db8:2::2', 'fd00:244:6::5', 4],
    ] as const;
    for (const [vrf, client, pod, port] of ways) {
      // The client's own port is another each time; the device of a VRF hears what its members do.
      const seen = links
        .map((line) => line.split(' '))
        .filter((words) => [words[2], words[3]].includes(`${pod}.${port}`) && words[0] !== vrf)
        .map(([link, way, from, to, flags]) => [
          link,
          way,
          ...[from, to].map((end) => end!.replace(/\.\d+$/, '')),
          flags,
        ]);
      expect(new Set(seen.map(String))).toEqual(
        new Set(
          [
            [`to-${vrf}`, 'In', client, pod, 'S'],
            [`pod-${vrf}`, 'Out', client, pod, 'S'],
            [`pod-${vrf}`, 'In', pod, client, 'R.'],
            [`to-${vrf}`, 'Out', pod, client, 'R.'],
          ].map(String),
        ),
      );
    }
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
    // The pod's answer comes in, and leaves by no link.
    expect(links.some((line) => /^pod-red In 10\.244\.5\.5\.7 /.test(line))).toBe(true);
    expect(links.filter((line) => / Out 10\.244\.5\.5\.7 /.test(line))).toEqual([]);
    expect(walk('bare red 198.51.100.7').ways[0]).toMatchObject({
      symmetric: false,
      request: { output: 'pod-red' },
      turn: { where: 'reply', remedy: expect.stringMatching(/^an EgressService with network "red"/) },
    });
  });
});
