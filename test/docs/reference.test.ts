/** The reference is what the program says of itself. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { pages } from '../../scripts/reference.mjs';

test.each(Object.keys(pages))('%s is up to date: npm run docs', async (file) => {
  expect(readFileSync(file, 'utf8')).toBe(await pages[file]!());
});
