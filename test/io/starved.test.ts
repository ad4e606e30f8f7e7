/** What is asked for when no descriptor is left: in a process of its own, which uses them all up. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Folder } from '../support/daemon.ts';
import { outcome } from '../support/process.ts';

const module = (path: string): string => JSON.stringify(new URL(`../../dist/${path}`, import.meta.url).href);

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder.dispose());

/** What the code prints, in which `starve` takes every descriptor and `feed` gives them back. */
async function starved(code: string): Promise<string> {
  folder.write(
    'main.mjs',
    `import { closeSync, openSync } from 'node:fs';
const taken = [];
const starve = () => { try { for (;;) taken.push(openSync('/dev/null')); } catch {} };
const feed = () => { for (const fd of taken.splice(0)) closeSync(fd); };
${code}`,
  );
  const argv = ['bash', '-c', 'ulimit -n 64; exec node "$0"', folder.file('main.mjs')];
  const { code: status, stdout, stderr } = await outcome(argv);
  expect([status, stderr]).toEqual([0, '']);
  return stdout.trim();
}

test('the interfaces are as they were last seen', async () => {
  const code = `import { interfacesNow } from ${module('io/interfaces.js')};
const before = JSON.stringify(interfacesNow());
starve();
const meanwhile = JSON.stringify(interfacesNow());
feed();
console.log(before === meanwhile && before.includes('127.0.0.1'));`;
  expect(await starved(code)).toBe('true');
});

test('a program that cannot be started is an error, and no end of the process', async () => {
  const code = `import { nftTable } from ${module('io/nft.js')};
starve();
const failed = await nftTable('x').catch((error) => error.message);
await new Promise((resolve) => setTimeout(resolve, 50));
feed();
console.log(failed);`;
  expect(await starved(code)).toContain('EMFILE');
});
