/** Names that one process has at a time: among processes, and in network namespaces of their own. */
import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { type Claim, claim, holderOf } from '../../src/io/claim.ts';
import { Daemon, waitFor } from '../support/process.ts';

const source = new URL('../../dist/io/claim.js', import.meta.url).href;

it('are free again when they are given up', () => {
  const name = `waypost-test/${randomUUID()}`;
  const first = claim(name);
  expect(first).toBeDefined();
  expect(claim(name)).toBeUndefined();
  expect(holderOf(name)).toEqual({ pid: process.pid, uid: process.geteuid!() });
  first!.close();
  expect(holderOf(name)).toBeUndefined();
  const second = claim(name);
  expect(second).toBeDefined();
  second!.close();
});

it('are told apart to the last octet', () => {
  const name = `waypost-test/${randomUUID()}/metric/`;
  const claims = ['2', '20', '200'].map((text) => claim(name + text));
  expect(claims.every((c) => c !== undefined)).toBe(true);
  for (const c of claims) c!.close();
});

it('of a process that is killed are free', async () => {
  const name = `waypost-test/${randomUUID()}`;
  const script = `import(${JSON.stringify(source)}).then(({ claim }) => {
    console.log(claim(${JSON.stringify(name)}) !== undefined);
    setInterval(() => {}, 1000);
  });`;
  const other = new Daemon(['node', '-e', script]);
  await waitFor('the other process', () => other.stdout.includes('true'), { log: () => other.output });
  expect(claim(name)).toBeUndefined();
  expect(holderOf(name)?.uid).toBe(process.geteuid!());
  await other.stop('SIGKILL');
  const own = await waitFor<Claim>('the name', () => claim(name));
  own.close();
});
