/** What is remembered over a restart, and that nothing about it can keep the daemon from starting. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ASSIGNMENTS, assignmentsText, loadAssignments } from '../../src/daemon/state.ts';
import { writeState } from '../../src/io/state.ts';
import { advertisementDocument, all, Folder, poolDocument, Site, serviceDocument, soon } from '../support/daemon.ts';

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder.dispose());

const one = (service: string) => ({ service, ips: ['192.0.2.1'], ports: ['TCP/80'], sharingKey: '', backendKey: '' });

test('what was saved is what is loaded', async () => {
  expect(loadAssignments(folder.file('new'))).toEqual([]);
  for (const list of [[], [one('default/a')], Array.from({ length: 5000 }, (_, i) => one(`ns "${i}"/ü\n`))]) {
    await writeState(folder.file('new'), ASSIGNMENTS, await assignmentsText(list));
    expect(loadAssignments(folder.file('new'))).toEqual(list);
  }
  expect(readdirSync(folder.file('new'))).toEqual(['assignments.json']);
});

const corrupt: readonly [string, string, RegExp][] = [
  ['cut off', '{"version":1,"assignments":[{"serv', /is not JSON/],
  ['empty', '', /is not JSON/],
  ['null', 'null', /has version undefined, not 1/],
  ['of another version', '{"version":2,"assignments":[]}', /has version 2, not 1/],
  ['without a list', '{"version":1}', /does not hold a list/],
  ['of other things', '{"version":1,"assignments":[{"service":"a"}]}', /does not hold a list/],
  ['of wrong types', JSON.stringify({ version: 1, assignments: [{ ...one('a'), ips: '10.0.0.1' }] }), /does not hold/],
];

test.each(corrupt)('a file %s is refused', (_, text, message) => {
  folder.write('assignments.json', text);
  expect(() => loadAssignments(folder.path)).toThrow(message);
});

async function started(stateDir: string): Promise<Site> {
  const site = new Site();
  site.folder.put(
    'all.yaml',
    all(poolDocument('main', ['198.51.100.0/24']), advertisementDocument('main', 'main'), serviceDocument('web')),
  );
  await site.start({ stateDir });
  return site;
}

test.each(corrupt)('with a file %s it warns, starts afresh and writes a good one', async (_, text, message) => {
  folder.write('assignments.json', text);
  const site = await started(folder.path);
  try {
    expect(site.messages('starting afresh')).toEqual([
      expect.objectContaining({ level: 40, reason: expect.stringMatching(message) }),
    ]);
    expect(site.daemon.engine.services.decisions.get('default/web')?.bgp.announced).toBe(true);
    await soon('a good file', () => folder.read('assignments.json').includes('198.51.100.0'));
    expect(loadAssignments(folder.path)).toHaveLength(1);
  } finally {
    await site.stop();
  }
});

test('addresses that no pool holds any more, and two that hold one, are no obstacle', async () => {
  const list = [
    { ...one('default/web'), ips: ['203.0.113.9'] },
    { ...one('default/web'), ips: ['198.51.100.7'] },
    { ...one('default/other'), ips: ['198.51.100.7'] },
    { ...one('default/third'), ips: ['not an address'] },
  ];
  folder.write('assignments.json', JSON.stringify({ version: 1, assignments: list }));
  const site = await started(folder.path);
  try {
    const [ip] = site.daemon.engine.services.decisions.get('default/web')!.ips;
    expect([...ip!.bytes]).toEqual([198, 51, 100, 7]);
  } finally {
    await site.stop();
  }
});

test('a folder that cannot be written to is told once, and everything runs', async () => {
  folder.write('file', '');
  const site = await started(folder.file('file/state'));
  try {
    await soon('the warning', () => site.messages('cannot be remembered').length === 1);
    site.folder.put('shop.yaml', serviceDocument('shop'));
    await soon('the second Service', () => site.daemon.engine.services.decisions.get('default/shop')?.bgp.announced);
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(site.messages('cannot be remembered')).toHaveLength(1);
    // It recovers by itself with the next change.
    rmSync(folder.file('file'));
    site.folder.put('blog.yaml', serviceDocument('blog'));
    await soon('the file', () => loadAssignments(folder.file('file/state')).length === 3);
  } finally {
    await site.stop();
  }
});

test('another stateDir takes over at a reload, and nothing is lost when it stops', async () => {
  mkdirSync(folder.file('a'));
  const site = await started(folder.file('a'));
  try {
    await soon('the first file', () => loadAssignments(folder.file('a')).length === 1);
    site.speaker({ stateDir: folder.file('b') });
    site.folder.put('shop.yaml', serviceDocument('shop'));
    await soon('the second Service', () => site.daemon.engine.services.decisions.get('default/shop')?.bgp.announced);
  } finally {
    await site.stop(); // which does not wait for the moment in which changes gather
  }
  const text = readFileSync(join(folder.file('b'), 'assignments.json'), 'utf8');
  expect(text).toContain('default/shop');
  writeFileSync(folder.file('done'), text);
});

test('another stateDir has what is known at once, though nothing else has changed', async () => {
  mkdirSync(folder.file('c'));
  const site = await started(folder.file('c'));
  try {
    await soon('the first file', () => loadAssignments(folder.file('c')).length === 1);
    site.speaker({ stateDir: folder.file('d') });
    await soon('the second file', () => loadAssignments(folder.file('d')).length === 1);
  } finally {
    await site.stop();
  }
});
