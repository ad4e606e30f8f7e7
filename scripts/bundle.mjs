// After the compiler: the program and what it imports in a few files under dist/bundle, which is what bin/waypost starts.
// Finding and reading 450 modules one by one takes longer than all else between exec and the first session; of what
// remains, compiling is a good part, so that V8's work is kept beside each file (bin/load.js). Licences of what is
// bundled go there, too.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const out = 'dist/bundle';
rmSync(out, { recursive: true, force: true });

/** What a byte cannot say, as escapes: strings, regular expressions and comments are where it may stand. */
const ascii = (text) => text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

const common = {
  platform: 'node',
  external: ['koffi'], // brings machine code
  plugins: [
    {
      name: 'ascii',
      generateBundle(_, files) {
        for (const file of Object.values(files)) if (file.type === 'chunk') file.code = ascii(file.code);
      },
    },
  ],
};
const minify = { mangle: false, compress: false, codegen: { removeWhitespace: true } };

const program = await rolldown({ ...common, input: { main: 'dist/cli/main.js' } });
const main = await program.write({
  ...{ dir: out, format: 'cjs', strict: true, minify, sourcemap: true },
  ...{ entryFileNames: '[name].cjs', chunkFileNames: '[name].cjs' },
});
// The threads' entries are found beside the file that starts them, by these names.
const threads = await rolldown({
  ...common,
  input: { parseworker: 'dist/daemon/parseworker.js', entry: 'dist/daemon/fast/entry.js' },
});
const others = await threads.write({
  dir: out,
  format: 'esm',
  minify,
  chunkFileNames: 'thread-[name].js',
  sourcemap: true,
});

const packages = new Set(
  [...main.output, ...others.output].flatMap(({ moduleIds = [] }) =>
    moduleIds.flatMap((id) => /.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id) ?? []),
  ),
);
const licences = [...packages].sort().map((folder) => {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined || !existsSync(join(folder, file))) return `${name} ${version}: ${license}\n`;
  return `${name} ${version}: ${license}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
});
writeFileSync(join(out, 'LICENCES.txt'), licences.join(`\n${'-'.repeat(80)}\n\n`));

execFileSync(process.execPath, ['scripts/caches.cjs', out], { stdio: ['ignore', 'ignore', 'inherit'] });
