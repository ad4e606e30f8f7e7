/** Everything that the manual tells its reader to write is accepted: documents by `check`, command lines by their command. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { commands } from '../../src/cli/commands.ts';
import { Folder, waypost } from '../support/daemon.ts';

const pages = ['README.md', ...readdirSync('docs', { recursive: true }).map((name) => `docs/${name}`)].filter(
  (name) => name.endsWith('.md') && !name.startsWith('docs/reference/'),
);

interface Block {
  readonly where: string;
  readonly language: string;
  readonly text: string;
}

const blocks: readonly Block[] = pages.flatMap((file) => {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map((found) => ({
    where: `${file}:${text.slice(0, found.index).split('\n').length}`,
    language: found[1]!,
    text: found[2]!,
  }));
});

const folder = new Folder();
afterAll(() => folder.dispose());

describe('documents', () => {
  const whole = blocks.filter(({ language, text }) => language === 'yaml' && /^apiVersion:/m.test(text));
  expect(whole.length).toBeGreaterThan(2);
  test.each(whole.map((block) => [block.where, block] as const))('%s', async (where, { text }) => {
    const file = folder.file(`${where.replaceAll(/\W/g, '-')}.yaml`);
    folder.write(`${where.replaceAll(/\W/g, '-')}.yaml`, text);
    const { stdout } = await waypost(['check', file]);
    expect(stdout).toMatch(/^0 errors, /m);
    // What another page's documents complete (a pool, a Node) may be missing; a slip in a field may not.
    expect(stdout).not.toMatch(/did you mean|is no field|unknown/i);
  });
});

/** Words of a command line, quotes taken off; what is behind a pipe is another one. */
function* commandLines(text: string): Generator<string[]> {
  for (const line of text.replaceAll('\\\n', ' ').split('\n')) {
    for (const part of line.replace(/^\$ /, '').split(' | ')) {
      const words = (part.replace(/(^|\s)#.*$/, '').match(/'[^']*'|"[^"]*"|\S+/g) ?? []).map((w) =>
        w.replace(/^(['"])(.*)\1$/, '$2'),
      );
      if (words[0] === 'waypost') yield words.slice(1);
    }
  }
}

describe('command lines', () => {
  const lines = blocks.flatMap(({ where, language, text }) =>
    language === '' || language === 'sh'
      ? [...commandLines(text)].map((argv) => [where, argv.join(' '), argv] as const)
      : [],
  );
  expect(lines.length).toBeGreaterThan(20);
  test.each(lines)('%s: waypost %s', async (_, __, argv) => {
    const [name, ...rest] = argv;
    const entry = commands[name!];
    expect(entry, `there is a command ${name}`).toBeDefined();
    const command = (await entry!.load()).command().name(name!).exitOverride();
    let ran = false;
    command.action(() => {
      ran = true;
    });
    command.configureOutput({ writeErr: () => {} });
    await command.parseAsync(rest, { from: 'user' });
    expect(ran).toBe(true);
  });
});

test('links lead somewhere', () => {
  const dead = pages.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/\]\(([^)#\s:]+)(#[^)]*)?\)/g)]
      .map(([, target]) => target!)
      .filter((target) => {
        try {
          readFileSync(new URL(target, new URL(file, `file://${process.cwd()}/`)));
          return false;
        } catch (error) {
          return (error as NodeJS.ErrnoException).code === 'ENOENT';
        }
      })
      .map((target) => `${file}: ${target}`),
  );
  expect(dead).toEqual([]);
});
