/** Annotated octets of fixtures/: hexadecimal, with `# comment` to the end of a line. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fromHex } from '../../src/lib/bytes.ts';

const root = new URL('../../fixtures/', import.meta.url).pathname;

/** The octets of annotated hexadecimal. Throws when there are none. */
export function parseHex(text: string): Uint8Array {
  const bytes = fromHex(text.replace(/#.*$/gm, ''));
  if (bytes.length === 0) throw new Error('no octets');
  return bytes;
}

/** Every `.hex` file of a folder of fixtures/, by name without the ending. Throws when there is none. */
export function hexFiles(folder: string): Map<string, Uint8Array> {
  const names = readdirSync(join(root, folder)).filter((name) => name.endsWith('.hex'));
  if (names.length === 0) throw new Error(`no .hex file in fixtures/${folder}`);
  return new Map(
    names.map((name) => [basename(name, '.hex'), parseHex(readFileSync(join(root, folder, name), 'utf8'))]),
  );
}

/** Files of a folder with what each means. Throws unless every file has a meaning and every meaning a file. */
export function golden<T>(folder: string, meanings: Readonly<Record<string, T>>): [string, Uint8Array, T][] {
  const files = hexFiles(folder);
  const odd = [...new Set([...files.keys(), ...Object.keys(meanings)])].filter(
    (name) => !files.has(name) || !(name in meanings),
  );
  if (odd.length > 0) throw new Error(`fixtures/${folder}: no pair for ${odd.join(', ')}`);
  return [...files].map(([name, bytes]) => [name, bytes, meanings[name]!]);
}
