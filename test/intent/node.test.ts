import { expect, test } from 'vitest';
import { thisNode } from '../../src/intent/node.ts';
import { configuration, node, speaker } from '../support/model.ts';

test('without a Node document the host name label is the name', () => {
  const found = thisNode(configuration({ speaker: speaker({ name: 'node-a' }) }));
  expect(found).toEqual({
    name: 'node-a',
    labels: { 'kubernetes.io/hostname': 'node-a' },
    networkUnavailable: false,
    excluded: false,
    drained: false,
  });
});

test('the Speaker overrides the Node of its name, and no other Node counts', () => {
  const own = node('node-a', { zone: 'east', rack: 'r1', 'kubernetes.io/hostname': 'a.example' });
  const found = thisNode(
    configuration({
      speaker: speaker({ labels: { zone: 'west' } }),
      nodes: [node('node-b', { zone: 'north' }, { networkUnavailable: true }), own],
    }),
  );
  expect(found.labels).toEqual({ 'kubernetes.io/hostname': 'a.example', zone: 'west', rack: 'r1' });
  expect(found.networkUnavailable).toBe(false);
  expect(found.document).toBe(own);
});

test('the exclude label counts by presence, wherever it stands, unless ignored', () => {
  const label = { 'node.kubernetes.io/exclude-from-external-load-balancers': '' };
  expect(thisNode(configuration({ nodes: [node('node-a', label)] })).excluded).toBe(true);
  expect(thisNode(configuration({ speaker: speaker({ labels: label }) })).excluded).toBe(true);
  const ignoring = speaker({ labels: label, ignoreExcludeLabel: true });
  expect(thisNode(configuration({ speaker: ignoring })).excluded).toBe(false);
});

test('the drain label counts by presence, wherever it stands', () => {
  const label = { 'waypost.dev/drain': 'false' };
  expect(thisNode(configuration({ nodes: [node('node-a', label)] })).drained).toBe(true);
  expect(thisNode(configuration({ nodes: [node('node-b', label)] })).drained).toBe(false);
  expect(thisNode(configuration({ speaker: speaker({ labels: label }) })).drained).toBe(true);
});
