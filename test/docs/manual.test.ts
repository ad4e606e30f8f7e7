/** Everything that the manual tells its reader to write is accepted: documents by `check`, command lines by their command. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { commands } from '../../src/cli/commands.ts';
import { Folder, waypost } from '../support/daemon.ts';

const everywhere = [
  ...readdirSync('.'),
  ...['docs', 'src', 'test', 'scripts', 'bin', 'bench', 'packaging', 'man'].flatMap((folder) =>
    readdirSync(folder, { recursive: true }).map((name) => `${folder}/${name}`),
  ),
];
const project = everywhere.filter((name) => /^[A-Z]+\.md$/.test(name));
const manual = everywhere.filter((name) => /^docs\/.*\.md$/.test(name) && !name.startsWith('docs/reference/'));
/** Pages whose code is run. */
const pages = ['README.md', ...manual];

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

const example = 'packaging/examples/speaker.yaml';
const examples: readonly Block[] = [{ where: `${example}:1`, language: 'yaml', text: readFileSync(example, 'utf8') }];

const folder = new Folder();
afterAll(() => folder.dispose());

describe('documents', () => {
  const whole = [...examples, ...blocks].filter(
    ({ language, text }) => language === 'yaml' && /^apiVersion:/m.test(text),
  );
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

/** The anchor that GitHub gives a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

test('links lead somewhere', () => {
  const dead = [...project, ...manual].flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/\]\(([^)#\s:]*)(?:#([^)\s]*))?\)/g)].flatMap(([link, target, anchor]) => {
      const path = target === '' ? file : join(dirname(file), target!);
      if (!existsSync(path)) return [`${file}: ${link}`];
      if (anchor === undefined) return [];
      const headings = [...readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading!));
      return headings.includes(anchor) ? [] : [`${file}: ${link}`];
    }),
  );
  expect(dead).toEqual([]);
});

test('files that are named exist', () => {
  const texts = [...project.filter((name) => name !== 'CHANGELOG.md'), ...manual].map(
    (file) => [file, readFileSync(file, 'utf8')] as const,
  );
  const named = texts.flatMap(([file, text]) =>
    [...text.matchAll(/`((?:[\w.-]+\/)*[\w.-]+\.(?:ts|mjs|cjs|sh|c))`/g)].map(([, path]) => [file, path!] as const),
  );
  expect(named.length).toBeGreaterThan(100);
  const missing = named.filter(([, path]) => !everywhere.some((name) => name === path || name.endsWith(`/${path}`)));
  expect(missing).toEqual([]);
});

test('every script of package.json is in CONTRIBUTING.md, and no other', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const rows = [...readFileSync('CONTRIBUTING.md', 'utf8').matchAll(/^\| `npm (?:run )?([\w:]+)` \|/gm)];
  const known = Object.keys(scripts).filter((name) => name !== 'prepack');
  expect(rows.map(([, name]) => name).sort()).toEqual(known.sort());
  const typed = [...project, ...manual].flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/npm run (?:-s )?([\w:]+)/g)].map(([, name]) => [file, name!] as const),
  );
  expect(typed.filter(([, name]) => !(name in scripts))).toEqual([]);
});

/** A row of the README's figures: how the measure is called in docs/benchmarks.md, and what one of its units is there. */
const figures: Readonly<Record<string, readonly [measure: string, unit: number]>> = {
  'a changed configuration to the wire, ms': ['rename to the wire, `run`', 1],
  '100,000 prefixes to 10 peers, s': ['100,000 prefixes to 10 peers', 1000],
  '100,000 routes received, s': ['100,000 routes received', 1000],
  '100,000 routes into the kernel, s': ['100,000 routes into the kernel', 1000],
  'peak memory for that, MB': ['peak memory for that, MB', 1],
  'link cut to routes withdrawn, BFD 3 × 50 ms, ms': ['3 × 50 ms, 50 cuts each', 1],
};

test('the figures of the README are those of docs/benchmarks.md', () => {
  const rowOf = (page: string, name: string) =>
    readFileSync(page, 'utf8')
      .split('\n')
      .find((line) => line.startsWith(`| ${name} |`))
      ?.split('|')
      .map((cell) => cell.trim());
  const numbers = (text: string) => [...text.replaceAll(',', '').matchAll(/\d+(?:\.\d+)?/g)].map(([digits]) => digits);
  for (const [name, [measure, unit]] of Object.entries(figures)) {
    const told = rowOf('README.md', name);
    const measured = rowOf('docs/benchmarks.md', measure);
    expect([name, told?.length, measured?.length]).toEqual([name, 8, 6]);
    const all = numbers(`${measured![2]} ${measured![4]}`).map(Number);
    for (const figure of told!.slice(2, -1).flatMap(numbers)) {
      const digits = figure.split('.')[1]?.length ?? 0;
      expect([name, ...all.map((n) => (n / unit).toFixed(digits))]).toContain(figure);
    }
  }
});
