import { afterAll, expect, test, vi } from 'vitest';

/** What of zod was asked for, in order. */
const asked = vi.hoisted((): string[] => []);
vi.mock('zod', async (original) => {
  const zod = await original<typeof import('zod')>();
  const z = new Proxy(zod.z, {
    get(target, name) {
      asked.push(String(name));
      return target[name as keyof typeof target];
    },
  });
  return { ...zod, z };
});

// Other files' modules were built with the real one; theirs to come are to be, too.
vi.resetModules();
afterAll(() => void vi.resetModules());

const { Loader } = await import('../../src/config/load.ts');
const load = (text: string) => new Loader().load('a.yaml', new TextEncoder().encode(text));

test('the schema of a kind is built when the first document of it is read, and once', async () => {
  expect(asked).toEqual([]);
  const namespace = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: red}\n';
  expect((await load(namespace)).documents).toHaveLength(1);
  expect(asked).toContain('object');
  // Of a kind with a thousand fields.
  expect(asked).not.toContain('strictObject');
  const before = asked.length;
  expect((await load(namespace)).documents).toHaveLength(1);
  expect(asked).toHaveLength(before);
});
