/** State directories that daemons have for themselves; what they have of a network namespace is in test/netns. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Exclusive } from '../../src/daemon/exclusive.ts';
import { accepted } from '../support/config.ts';
import { Folder, speakerDocument } from '../support/daemon.ts';

let folder: Folder;
let daemons: Exclusive[];
beforeEach(() => {
  folder = new Folder();
  daemons = [];
});
afterEach(() => {
  for (const daemon of daemons) daemon.release();
  folder.dispose();
});

function daemon(): Exclusive {
  const made = new Exclusive();
  daemons.push(made);
  return made;
}
const nothing = { routes: false, loopback: false, egress: false };
const take = async (daemon: Exclusive, stateDir: string) =>
  daemon.take(await accepted(speakerDocument({ stateDir: folder.file(stateDir) })), nothing);

test('one that another daemon has is refused at its document; the one that was had before is kept', async () => {
  const [a, b] = [daemon(), daemon()];
  expect(await take(a, 'a')).toEqual([]);
  expect(await take(a, 'a')).toEqual([]);
  expect(await take(b, 'b')).toEqual([]);
  expect(await take(b, 'a')).toEqual([
    {
      severity: 'error',
      position: expect.objectContaining({ line: 1, column: 1 }),
      subject: 'Speaker/node-a',
      path: 'spec.stateDir',
      message: `${folder.file('a')} is the state directory of another daemon: process ${process.pid}`,
      hint: `stop it (kill ${process.pid}), or give each a spec.stateDir of its own`,
      transient: true,
    },
  ]);
  expect(await take(daemon(), 'b')).toHaveLength(1);
});

test('one that a reload has left, or a daemon at its end, is free', async () => {
  const a = daemon();
  await take(a, 'a');
  expect(await take(a, 'other')).toEqual([]);
  const b = daemon();
  expect(await take(b, 'a')).toEqual([]);
  a.release();
  expect(await take(b, 'other')).toEqual([]);
});
