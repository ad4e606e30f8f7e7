/** Who may import whom: the sources keep the rule, and the checker sees every way of breaking it. */
import { expect, test } from 'vitest';
// @ts-expect-error a script without types
import { rules, violations } from '../scripts/imports.mjs';
import { run } from './support/process.ts';

const found = (file: string, text: string): string[] =>
  (violations(file, text) as { line: number; message: string }[]).map((v) => `${v.line}: ${v.message.split(' (')[0]}`);

test('the sources keep it', async () => {
  const out = await run(['node', 'scripts/imports.mjs']);
  expect(out).toMatch(/^imports: (\d{2,}) files, 0 violations$/m);
});

test.each([
  ['a protocol imports another', 'bgp/x.ts', "import { a } from '../arp/packet.ts';", '1: src/bgp may not import arp'],
  [
    'a protocol imports config',
    'netlink/x.ts',
    "import { a } from '../config/model.ts';",
    '1: src/netlink may not import config',
  ],
  ['lib imports anything', 'lib/x.ts', "\nimport { a } from '../bgp/const.ts';", '2: src/lib may not import bgp'],
  ['node outside io', 'daemon/x.ts', "import { readFileSync } from 'node:fs';", '1: src/daemon may not import node'],
  ['a package that is not for this folder', 'bgp/x.ts', "import * as z from 'zod';", '1: src/bgp may not import zod'],
  ['a scoped package', 'cli/x.ts', "import { a } from '@scope/name/deep';", '1: src/cli may not import @scope/name'],
  [
    'values where types are allowed',
    'intent/x.ts',
    "import { a } from '../bgp/path.ts';",
    '1: src/intent may not import bgp',
  ],
  [
    'types where nothing is allowed',
    'bgp/x.ts',
    "import type { A } from '../config/model.ts';",
    '1: src/bgp may not import types of config',
  ],
  ['an export from', 'lib/x.ts', "export { a } from '../io/clock.ts';", '1: src/lib may not import io'],
  [
    'an export of types',
    'lib/x.ts',
    "export type { A } from '../io/clock.ts';",
    '1: src/lib may not import types of io',
  ],
  [
    'a dynamic import',
    'config/x.ts',
    "const m = await import('../daemon/daemon.ts');",
    '1: src/config may not import daemon',
  ],
  [
    'a file by URL',
    'config/x.ts',
    "const u = new URL('../daemon/parseworker.ts', import.meta.url);",
    '1: src/config may not import daemon',
  ],
  [
    'an import over several lines',
    'config/x.ts',
    "import {\n  a,\n  b,\n} from '../cli/run.ts';",
    '4: src/config may not import cli',
  ],
  ['cli from daemon', 'daemon/x.ts', "import { a } from '../cli/output.ts';", '1: src/daemon may not import cli'],
  ['a side effect', 'lib/x.ts', "import '../io/log.ts';", '1: src/lib may not import io'],
  ['a folder that nobody planned', 'util/x.ts', '', '1: src/util is not a folder of ARCHITECTURE.md'],
])('it reports: %s', (_, file, text, expected) => expect(found(file, text)).toEqual([expected]));

test.each([
  ['its own folder', 'bgp/x.ts', "import { a } from './const.ts';"],
  ['lib', 'bgp/x.ts', "import { a } from '../lib/bytes.ts';"],
  ['types where types are allowed', 'intent/x.ts', "import type { A } from '../bgp/path.ts';"],
  ['node in io', 'io/x.ts', "import { readFileSync } from 'node:fs';"],
  [
    'two statements, the first of which is long',
    'io/x.ts',
    "export const a = 'from';\nimport { b } from '../lib/bytes.ts';",
  ],
])('it allows: %s', (_, file, text) => expect(found(file, text)).toEqual([]));

test('every rule names folders that have rules, or packages', () => {
  for (const [folder, allowed] of Object.entries(rules as Record<string, string[]>))
    for (const name of allowed.filter((n) => n.startsWith('type:')))
      expect(Object.keys(rules), folder).toContain(name.slice(5));
});
