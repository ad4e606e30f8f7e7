/** Layer 2 on interfaces that this machine's own kernel may not have: VLANs, members of VRFs, bonds (scripts/vm-run). */
import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Layer2Row } from '../../src/daemon/views.ts';

describe('on the interfaces of a node', () => {
  const said = new Map<string, string>();
  /** What the tools and the daemon said in there. */
  let transcript = '';

  beforeAll(() => {
    const vm = spawnSync('scripts/vm-run', ['bash', 'test/vm/layer2.sh'], { encoding: 'utf8', timeout: 280_000 });
    expect(vm.status, `${vm.error ?? ''}\n${vm.stdout}\n${vm.stderr}`).toBe(0);
    transcript = vm.stderr;
    for (const line of vm.stdout.split('\n')) {
      const space = line.indexOf(' ');
      if (space > 0) said.set(line.slice(0, space), line.slice(space + 1));
    }
  }, 300_000);

  const answers = (...names: string[]) => Object.fromEntries(names.map((name) => [name, said.get(name)]));

  it('a published pool is announced on the VLAN sub-interface that is named, and nowhere else', () => {
    expect(answers('vlan', 'untagged', 'member', 'bond'), transcript).toEqual({
      ...{ vlan: 'yes', untagged: 'no', member: 'no', bond: 'no' },
    });
    expect(said.get('leaks'), transcript).toBe('0');
    expect(Number(said.get('said'))).toBeGreaterThan(0);
    const rows = JSON.parse(said.get('rows')!) as Layer2Row[];
    expect(rows.find(({ service }) => service === 'default/nginx-lb')).toMatchObject({
      ip: '10.180.204.250',
      announced: true,
      interfaces: ['underlay0.341'],
    });
  });

  it('members of a VRF answer, bonds answer in place of their members', () => {
    const names = ['member-other', 'bond-other', 'member-other6', 'bond-other6'];
    expect(answers(...names), transcript).toEqual(Object.fromEntries(names.map((name) => [name, 'yes'])));
    const rows = JSON.parse(said.get('rows')!) as Layer2Row[];
    const others = rows.filter(({ service }) => service === 'default/other').map(({ interfaces }) => interfaces);
    const everywhere = ['bond0', 'member0', 'underlay0', 'underlay0.341'];
    expect(others).toEqual([everywhere, everywhere]);
  });

  it('a bond that goes over to another member announces both families there, unasked', () => {
    expect(said.get('backup-before')).toBe('0');
    expect(Number(said.get('backup-after'))).toBeGreaterThanOrEqual(2);
    expect(answers('backup-four', 'backup-six'), transcript).toEqual({ 'backup-four': 'yes', 'backup-six': 'yes' });
  });
});
