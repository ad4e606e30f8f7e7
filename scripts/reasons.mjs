// Writes the tables of docs/explain.md from the words in the source (npm run docs). test/reasons.test.ts fails where they
// differ.
import { readFileSync, writeFileSync } from 'node:fs';
import { egressReasons } from '../dist/intent/explain/egress.js';
import { receivedReasons } from '../dist/intent/explain/received.js';
import { symptoms } from '../dist/intent/explain/symptom.js';
import { reasons } from '../dist/intent/reason.js';

/** The first word of each table, in the order of the page; a table goes on until the next one begins. */
const firsts = [
  ...['serviceDeleted', 'nodeDraining', 'requestInvalid', 'notContributed', 'addressInNoPool', 'nodeNotSelected'],
  ...['wrongPeerAs', 'asLoop', 'longLivedStale', 'kernelConflict', 'noService'],
];
const head = '| reason | meaning | remedy |\n|---|---|---|\n';
const file = new URL('../docs/explain.md', import.meta.url);

const tables = [];
for (const [word, { says, remedy }] of [reasons, symptoms, receivedReasons, egressReasons].flatMap(Object.entries)) {
  if (word === firsts[tables.length]) tables.push(head);
  tables[tables.length - 1] += `| \`${word}\` | ${says} | ${remedy} |\n`;
}
const parts = readFileSync(file, 'utf8').split(/\| reason \| meaning \| remedy \|[\s\S]*?\n(?=\n|$)/);
if (tables.length !== firsts.length || parts.length !== tables.length + 1)
  throw new Error(`docs/explain.md has ${parts.length - 1} tables of reasons, and the source ${tables.length}`);
writeFileSync(file, parts.map((part, i) => part + (tables[i] ?? '')).join(''));
