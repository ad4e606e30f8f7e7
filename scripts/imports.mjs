// Holds ARCHITECTURE.md's "who may import whom": prints each violation as FILE:LINE and exits 1.
// Run by `npm run lint`; test/imports.test.ts runs it too, with a planted violation, so that it cannot go blind.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Folder of src → what it may import: folders of src, 'type:FOLDER' for types alone, 'node' for node:*, or package names. */
export const rules = {
  lib: ['ip-address'],
  bgp: ['lib'],
  bfd: ['lib'],
  arp: ['lib'],
  ndp: ['lib'],
  netlink: ['lib'],
  l2: ['lib', 'arp', 'ndp'],
  vrf: ['lib', 'netlink'],
  capture: ['lib', 'bgp'],
  config: ['lib', 'yaml', 'zod'],
  intent: ['lib', 'config', 'type:bgp', 'type:arp', 'type:ndp', 'type:bfd', 'type:vrf'],
  cluster: ['lib', 'io'],
  io: ['lib', 'node', 'pino', 'koffi'],
  daemon: [
    'lib',
    'bgp',
    'bfd',
    'arp',
    'ndp',
    'netlink',
    'l2',
    'vrf',
    'config',
    'intent',
    'cluster',
    'io',
    'prom-client',
  ],
  cli: ['lib', 'bgp', 'capture', 'config', 'intent', 'daemon', 'io', 'commander', 'yaml'],
};

/** Violations in one file's text, as {line, message}. `file` is relative to src. */
export function violations(file, text) {
  const folder = file.split('/')[0];
  const allowed = rules[folder];
  if (!allowed) return [{ line: 1, message: `src/${folder} is not a folder of ARCHITECTURE.md` }];
  const found = [];
  const statement =
    /(?:^|\n)\s*(import|export)\s+(type\s)?(?:[^'";]*?from\s+)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|new URL\(\s*['"](\.[^'"]+)['"]/g;
  for (const m of text.matchAll(statement)) {
    const target = m[3] ?? m[4] ?? m[5];
    const typeOnly = Boolean(m[2]);
    const line = text.slice(0, m.index + m[0].length).split('\n').length;
    let name;
    if (target.startsWith('.')) {
      const path = relative('src', join('src', dirname(file), target));
      if (path.startsWith('..')) continue;
      name = path.split('/')[0];
      if (name === folder) continue;
    } else
      name = target.startsWith('node:')
        ? 'node'
        : target
            .split('/')
            .slice(0, target.startsWith('@') ? 2 : 1)
            .join('/');
    if (allowed.includes(name) || (typeOnly && allowed.includes(`type:${name}`))) continue;
    found.push({
      line,
      message: `src/${folder} may not import ${typeOnly ? 'types of ' : ''}${name} (allowed: ${allowed.join(', ')})`,
    });
  }
  return found;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const root = resolve('src');
  let bad = 0;
  let files = 0;
  for (const entry of readdirSync(root, { recursive: true })) {
    if (!entry.endsWith('.ts')) continue;
    files++;
    for (const v of violations(entry, readFileSync(join(root, entry), 'utf8'))) {
      bad++;
      console.error(`src/${entry}:${v.line}: ${v.message}`);
    }
  }
  if (files === 0) throw new Error('no source file found');
  console.log(`imports: ${files} files, ${bad} violations`);
  process.exit(bad ? 1 : 0);
}
