/** docs/explain.md has every word that waypost gives as a reason, with what the source says of it. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { egressReasons } from '../src/intent/explain/egress.ts';
import { receivedReasons } from '../src/intent/explain/received.ts';
import { symptoms } from '../src/intent/explain/symptom.ts';
import { reasons } from '../src/intent/reason.ts';

const manual = readFileSync(new URL('../docs/explain.md', import.meta.url), 'utf8');
const tables = { reasons, symptoms, receivedReasons, egressReasons };

test.each(Object.entries(tables))('%s', (_, table) => {
  expect(Object.keys(table).length).toBeGreaterThan(3);
  for (const [word, { says, remedy }] of Object.entries(table))
    expect(manual, `docs/explain.md lacks the row of ${word}: npm run docs`).toContain(
      `| \`${word}\` | ${says} | ${remedy} |`,
    );
});

test('and no word that there is not', () => {
  const words = Object.values(tables).flatMap((table) => Object.keys(table));
  const documented = [...manual.matchAll(/^\| `(\w+)` \|/gm)].map(([, word]) => word);
  expect(documented.filter((word) => !words.includes(word!))).toEqual([]);
});
