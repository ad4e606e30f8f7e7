// Writes the tables of docs/explain.md from the words in the source (npm run docs:reasons, after npm run build).
// test/reasons.test.ts fails where they differ.
import { readFileSync, writeFileSync } from 'node:fs';
import { receivedReasons } from '../dist/intent/explain/received.js';
import { symptoms } from '../dist/intent/explain/symptom.js';
import { reasons } from '../dist/intent/reason.js';

const head = '| word | what is the case | what would have to change |\n|---|---|---|\n';
const file = new URL('../docs/explain.md', import.meta.url);
const tables = [reasons, symptoms, receivedReasons].map(
  (words) =>
    head +
    Object.entries(words)
      .map(([word, { says, remedy }]) => `| \`${word}\` | ${says} | ${remedy} |\n`)
      .join(''),
);
const parts = readFileSync(file, 'utf8').split(/\| word \| what is the case [\s\S]*?\n(?=\n|$)/);
if (parts.length !== tables.length + 1) throw new Error(`docs/explain.md has ${parts.length - 1} tables of words`);
writeFileSync(file, parts.map((part, i) => part + (tables[i] ?? '')).join(''));
