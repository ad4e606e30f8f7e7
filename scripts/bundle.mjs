// After the compiler: the program and what it imports in a few files under dist/bundle, which is what bin/waypost starts.
// Finding and reading 450 modules one by one takes longer than all else between exec and the first session.
// Licences of what is bundled go beside it.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const out = 'dist/bundle';
rmSync(out, { recursive: true, force: true });
const bundle = await rolldown({
  // The threads' entries are found beside the file that starts them, by these names.
  input: {
    main: 'dist/cli/main.js',
    parseworker: 'dist/daemon/parseworker.js',
    entry: 'dist/daemon/fast/entry.js',
  },
  platform: 'node',
  external: ['koffi'], // brings machine code
});
const { output } = await bundle.write({ dir: out, format: 'esm', chunkFileNames: '[name].js', sourcemap: true });

const packages = new Set(
  output.flatMap(({ moduleIds = [] }) =>
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
