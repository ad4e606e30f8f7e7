/** What the manual shows of outputs is what is printed: explanations of documents, and decoded messages. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { explanationText } from '../../src/cli/explanation.ts';
import { readDocuments } from '../../src/daemon/documents.ts';
import { factsOf, outlookOf } from '../../src/daemon/outlook.ts';
import { explain } from '../../src/intent/explain/explain.ts';
import { subjectOf } from '../../src/intent/explain/subject.ts';
import { Folder, waypost } from '../support/daemon.ts';

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder.dispose());

const page = readFileSync('docs/explain.md', 'utf8');
const examples = [
  ...page.matchAll(/^### (.*)\n\n```yaml\n([\s\S]*?)```\n\n```\n\$ waypost explain (.*)\n([\s\S]*?)```$/gm),
].map(([, title, documents, subject, printed]) => ({ title, documents: documents!, subject: subject!, printed }));

test('there are some', () => expect(examples.length).toBeGreaterThan(2));

test.each(examples)('$title', async ({ documents, subject, printed }) => {
  folder.put('main.yaml', readFileSync('fixtures/explain/main.yaml', 'utf8'));
  folder.put('shop.yaml', documents);
  const { configuration, diagnostics } = await readDocuments([folder.path], 'node-a');
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  const lines = [...explanationText(explain(subjectOf(subject), factsOf(await outlookOf(configuration!))))];
  expect(`${lines.join('\n')}\n`.replaceAll(folder.path, '/etc/waypost')).toBe(printed);
});

test('the decoded message of docs/lab.md', async () => {
  const [, printed] = /^\$ waypost decode update\.hex\n([\s\S]*?)^```$/m.exec(readFileSync('docs/lab.md', 'utf8'))!;
  const octets = readFileSync('fixtures/bgp/update/ipv4-reach.hex', 'utf8').replaceAll(/#.*/g, '');
  folder.put('update.hex', octets);
  expect(await waypost(['decode', folder.file('update.hex')])).toEqual({ code: 0, stdout: printed, stderr: '' });
});
