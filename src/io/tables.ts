/** Names of routing tables, where iproute2 keeps them. */
import { readdirSync, readFileSync } from 'node:fs';

/** The first that exists counts for the main file; the folder beside it adds to it. */
const places = ['/etc/iproute2', '/usr/share/iproute2', '/usr/lib/iproute2'];

/** Numbers of tables by name. */
export function readTableNames(): Map<string, number> {
  const names = new Map<string, number>([
    ['default', 253],
    ['main', 254],
    ['local', 255],
  ]);
  const files = places.map((place) => `${place}/rt_tables`);
  const main = files.map(read).find((text) => text !== undefined);
  const more = [...places].reverse().flatMap((place) =>
    list(`${place}/rt_tables.d`)
      .filter((name) => name.endsWith('.conf'))
      .map((name) => read(`${place}/rt_tables.d/${name}`)),
  );
  for (const text of [main, ...more])
    for (const line of text?.split('\n') ?? []) {
      const [, number, name] = /^\s*(0x[0-9a-f]+|\d+)\s+(\S+)/i.exec(line) ?? [];
      if (name !== undefined) names.set(name, Number(number));
    }
  return names;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // not there: iproute2 need not be installed
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // as above
  }
}
