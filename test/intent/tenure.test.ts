/** Who had an address last, and who takes part. */
import { describe, expect, it } from 'vitest';
import { membersOf } from '../../src/intent/members.ts';
import { Tenure } from '../../src/intent/tenure.ts';
import { configuration, listed, node, speaker } from '../support/model.ts';

describe('tenure', () => {
  it('follows decisions, and outlasts the time in which nobody can announce the address', () => {
    const tenure = new Tenure();
    tenure.set('default/web', '192.0.2.1', 'node-a');
    tenure.set('default/web', '192.0.2.1', undefined);
    expect(tenure.owner('192.0.2.1')).toBe('node-a');
    tenure.set('default/web', '192.0.2.1', 'node-b');
    expect(tenure.snapshot()).toEqual([{ ip: '192.0.2.1', owner: 'node-b' }]);
  });

  it('ends with the last Service that has the address, and not before', () => {
    const tenure = new Tenure();
    tenure.set('default/web', '192.0.2.1', 'node-a');
    tenure.set('default/api', '192.0.2.1', 'node-a');
    tenure.set('default/web', undefined, undefined);
    expect(tenure.owner('192.0.2.1')).toBe('node-a');
    tenure.set('default/api', '192.0.2.2', 'node-b');
    expect(tenure.owner('192.0.2.1')).toBeUndefined();
    expect(tenure.snapshot()).toEqual([{ ip: '192.0.2.2', owner: 'node-b' }]);
  });

  it('knows what an earlier run knew, of addresses that are still wanted', () => {
    const tenure = new Tenure();
    tenure.recall([
      { ip: '192.0.2.1', owner: 'node-c' },
      { ip: '192.0.2.9', owner: 'node-c' },
    ]);
    expect(tenure.owner('192.0.2.1')).toBe('node-c');
    tenure.set('default/web', '192.0.2.1', undefined);
    expect(tenure.snapshot()).toEqual([{ ip: '192.0.2.1', owner: 'node-c' }]);
    tenure.clear();
    expect(tenure.owner('192.0.2.1')).toBeUndefined();
  });
});

describe('static members', () => {
  const members = (nodes: readonly string[]) =>
    membersOf(
      configuration({
        speaker: speaker({ name: 'node-b', membership: listed(...nodes) }),
        nodes: [node('node-a'), node('node-c')],
      }),
    );

  it('are this node and those that documents name', () => {
    const all = members([]);
    expect(all.names).toEqual(['node-b', 'node-a', 'node-c']);
    expect(['node-a', 'node-b', 'node-x'].map((name) => all.isAlive(name))).toEqual([true, true, false]);
  });

  it('or those of the list alone', () => {
    const listed = members(['node-b', 'node-x']);
    expect(['node-a', 'node-b', 'node-c', 'node-x'].map((name) => listed.isAlive(name))).toEqual([
      ...[false, true, false, true],
    ]);
  });
});
