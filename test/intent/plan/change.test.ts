/** What a plan says of sessions. */
import { expect, test } from 'vitest';
import { changedFields } from '../../../src/bgp/settings.ts';
import { nodePeers } from '../../../src/intent/peers.ts';
import { sessionChanges } from '../../../src/intent/plan/change.ts';
import { plannedSession, settingsOf } from '../../../src/intent/plan/part.ts';
import { configuration, peer } from '../../support/model.ts';

const planned = (more: Parameters<typeof peer>[2]) =>
  settingsOf(nodePeers(configuration({ peers: [peer('r1', '192.0.2.1', more)] }), 1)).map((settings) =>
    plannedSession(settings),
  );
const changesOf = (before: Parameters<typeof peer>[2], after: Parameters<typeof peer>[2]) =>
  sessionChanges(planned(before), planned(after), new Set(), changedFields).map(({ change, fields, resets }) => [
    change,
    fields,
    resets,
  ]);

test('another interface to connect from is another session', () => {
  expect(changesOf({ sourceInterface: 'eth0' }, { sourceInterface: 'eth0' })).toEqual([]);
  expect(changesOf({ sourceInterface: 'eth0' }, { sourceInterface: 'eth1' })).toEqual([
    ['~', ['sourceInterface'], true],
  ]);
  expect(changesOf({}, { sourceInterface: 'eth1' })).toEqual([['~', ['sourceInterface'], true]]);
  expect(changesOf({ limits: { maxPrefixes: 1 } }, { limits: { maxPrefixes: 2 } })).toEqual([['~', ['limits'], false]]);
});
