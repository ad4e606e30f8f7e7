/** What `explain` prints for people, and its exit statuses. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { explanationText } from '../../src/cli/explanation.ts';
import { readDocuments } from '../../src/daemon/documents.ts';
import { factsOf, outlookOf } from '../../src/daemon/outlook.ts';
import { explain } from '../../src/intent/explain/explain.ts';
import { subjectOf } from '../../src/intent/explain/subject.ts';
import { egressDocuments } from '../support/config.ts';
import { waypost } from '../support/daemon.ts';

const documents = fileURLToPath(new URL('../../fixtures/explain', import.meta.url));

test('the example of the README is what is printed', async () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [, example] = /\$ waypost explain default\/shop\n([\s\S]*?)\n```/.exec(readme)!;
  const { configuration } = await readDocuments([documents], 'node-a');
  const facts = factsOf(await outlookOf(configuration!));
  const lines = [...explanationText(explain(subjectOf('default/shop'), facts))];
  expect(lines.join('\n').replaceAll(documents, '/etc/waypost')).toBe(example);
});

describe('the command', () => {
  const ask = (...argv: readonly string[]) => waypost(['explain', ...argv, '--node', 'node-a']);

  test('text and JSON of documents', async () => {
    const text = await ask('default/shop', '-c', documents);
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(text.stdout).toContain('[noLocalEndpoints]');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are for terminals
    expect(text.stdout).not.toMatch(/\u001b/);
    const json = JSON.parse((await ask('203.0.113.0', '-c', documents, '--json')).stdout) as object;
    expect(json).toMatchObject({ subject: '203.0.113.0', type: 'address', chains: expect.any(Array) });
  });

  test('an EgressService of documents, with the tables that this machine has', async () => {
    const ask = (network: string) =>
      waypost(['explain', 'web', '--node', 'node-a', '-c', '-'], { input: egressDocuments(network) });
    const there = await ask('main');
    expect(there).toMatchObject({ code: 0, stderr: '' });
    expect(there.stdout).toContain('\nEgress: carried here\n');
    expect(there.stdout).toContain('By which routing table? table 254, of network main\n');
    expect((await ask('nowhere')).stdout).toContain('\nEgress: not carried: networkNotFound\n');
  });

  test('exit 1 where there is no such thing, no daemon, or nothing that could be applied', async () => {
    expect(await ask('default/shp', '-c', documents)).toEqual({
      code: 1,
      stdout: '',
      stderr: 'waypost: there is no Service default/shp: did you mean "default/shop"?\n',
    });
    expect(await waypost(['explain', 'router', '--control', '/none'])).toMatchObject({ code: 1, stdout: '' });
    const refused = await ask('router', '-c', '/none');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('these documents would be refused:\n/none:1:1: error: no such file or folder');
  });

  test('exit 2 for what would be passed over', async () => {
    expect(await waypost(['explain', 'router', '--node', 'b'])).toEqual({
      code: 2,
      stdout: '',
      stderr: 'waypost: --node goes with --config: a daemon decides for its own node\n',
    });
    expect(await waypost(['explain', 'router', '--mark', '0'])).toEqual({
      code: 2,
      stdout: '',
      stderr: 'waypost: --mark goes with: waypost explain CLIENT to SERVICE\n',
    });
  });
});
