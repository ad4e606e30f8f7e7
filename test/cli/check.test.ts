/** `waypost check`: its lines, its JSON, its exit status. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  all,
  Folder,
  fixture,
  peerDocument,
  poolDocument,
  Router,
  serviceDocument,
  waypost,
} from '../support/daemon.ts';
import { outcome } from '../support/process.ts';

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder.dispose());

const lines = (text: string): string[] => text.trimEnd().split('\n');

test('nothing to say: exit 0', async () => {
  folder.put('a.yaml', fixture('seed-001-basic.yaml'));
  expect(await waypost(['check', folder.path])).toEqual({ code: 0, stdout: '0 errors, 0 warnings\n', stderr: '' });
  expect(await waypost(['check', '--strict', folder.path])).toMatchObject({ code: 0 });
  expect(await waypost(['check', '--json', folder.path])).toEqual({ code: 0, stdout: '[]\n', stderr: '' });
});

test('errors: FILE:LINE:COL: error: Kind/name: field: message, and exit 1', async () => {
  folder.put(
    'a.yaml',
    all(poolDocument('one', ['198.51.100.0/24']), poolDocument('two', ['198.51.100.9/32', 'nonsense'])),
  );
  const { code, stdout, stderr } = await waypost(['check', folder.path]);
  expect([code, stderr]).toEqual([1, '']);
  const found = lines(stdout);
  expect(found.at(-1)).toMatch(/^\d+ errors?, \d+ warnings?$/);
  for (const line of found.slice(0, -1))
    expect(line).toMatch(/^\/\S+\/a\.yaml:\d+:\d+: (?:error|warning): [A-Z]\w+\/\S+: [\w.[\]]+: \S.*$/);
  expect(found[0]).toContain(`${folder.file('a.yaml')}:9:`);
  expect(found[0]).toContain('IPAddressPool/two: spec.addresses[1]:');
});

test('warnings: exit 0, with --strict 1; the hint stands in brackets', async () => {
  folder.put('a.yaml', fixture('seed-001-nodes.yaml'));
  const { code, stdout } = await waypost(['check', folder.path]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/: warning: BGPAdvertisement\/example: spec\.nodeSelector: .+ \(.*nodeSelectors.*\)$/m);
  expect(lines(stdout).at(-1)).toBe('0 errors, 1 warning');
  expect(await waypost(['check', '--strict', folder.path])).toEqual({ code: 1, stdout, stderr: '' });
});

test('JSON: one flat object for each, by place', async () => {
  folder.put('b.yaml', poolDocument('late', ['nonsense']));
  folder.put('a.yaml', fixture('seed-001-nodes.yaml'));
  const { code, stdout } = await waypost(['check', '--json', folder.path]);
  expect(code).toBe(1);
  const found = JSON.parse(stdout) as Record<string, unknown>[];
  expect(found).toEqual([
    {
      file: folder.file('a.yaml'),
      line: expect.any(Number),
      column: expect.any(Number),
      severity: 'warning',
      subject: 'BGPAdvertisement/example',
      path: 'spec.nodeSelector',
      message: expect.any(String),
      hint: expect.stringContaining('nodeSelectors'),
    },
    expect.objectContaining({ file: folder.file('b.yaml'), severity: 'error', subject: 'IPAddressPool/late' }),
  ]);
});

describe('paths', () => {
  test('files and folders together; one that is missing is an error in its own name', async () => {
    folder.put('a.yaml', poolDocument('one', ['198.51.100.0/24']));
    const { code, stdout } = await waypost(['check', folder.file('a.yaml'), '/nonexistent']);
    expect(code).toBe(1);
    expect(stdout).toContain('/nonexistent:1:1: error: no such file or folder\n');
  });

  test('an empty folder holds no configuration', async () => {
    const { code, stdout } = await waypost(['check', folder.path]);
    expect(code).toBe(1);
    expect(stdout).toContain('there is no document at all');
  });

  test('- is standard input, in which a mistake has its line and column, too', async () => {
    const input = `\ufeff${poolDocument('one', ['nonsense']).replaceAll('\n', '\r\n')}`;
    const { code, stdout } = await waypost(['check', '-'], { input });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^-:4:\d+: error: IPAddressPool\/one: spec\.addresses\[0\]: .+$/m);
    folder.put('a.yaml', poolDocument('two', ['198.51.100.0/24']));
    const both = await waypost(['check', '--json', folder.path, '-'], {
      input: poolDocument('one', ['198.51.100.9/32']),
    });
    expect(both.code).toBe(1);
    expect(JSON.parse(both.stdout)).toEqual([
      expect.objectContaining({ severity: 'error', message: expect.stringContaining('overlaps') }),
    ]);
    expect(await waypost(['check', '-'])).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('-:1:1: error: there is no document at all\n'),
    });
  });

  test('a pipe, as of <(kubectl …), and one that cannot be read', async () => {
    const document = poolDocument('one', ['198.51.100.0/24']);
    const command = (path: string) => ['bash', '-c', `node bin/waypost check ${path}`];
    folder.put('a.yaml', document);
    expect(await outcome(command(`<(cat ${folder.file('a.yaml')})`))).toMatchObject({
      code: 0,
      stdout: '0 errors, 0 warnings\n',
    });
    expect(await outcome(command(`- < <(gzip -c ${folder.file('a.yaml')} | head -c 40)`))).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^-:1:1: error: standard input: the gzip data is damaged/),
    });
  });

  test('a file of its own name', async () => {
    folder.put('speaker.conf', serviceDocument('web'));
    expect(await waypost(['check', folder.file('speaker.conf')])).toMatchObject({ code: 0 });
  });
});

test('--node: the checks of another node', async () => {
  const router = new Router();
  const twice = all(
    peerDocument('a', router, { peerPort: 179, nodeSelectors: [{ matchLabels: { 'kubernetes.io/hostname': 'x' } }] }),
    peerDocument('b', router, { peerPort: 179, nodeSelectors: [{ matchLabels: { 'kubernetes.io/hostname': 'y' } }] }),
  );
  folder.put('peers.yaml', twice);
  for (const node of ['x', 'y', 'z'])
    expect(await waypost(['check', '--node', node, folder.path])).toMatchObject({ code: 0, stderr: '' });
});
