/** Names of routing tables, where iproute2 keeps them. */
import { entriesOf, textOf } from './text.ts';

/** The first that exists counts for the main file; the folder beside it adds to it. iproute2 need not be installed. */
const places = ['/etc/iproute2', '/usr/share/iproute2', '/usr/lib/iproute2'];

/** Numbers of tables by name. */
export function readTableNames(): Map<string, number> {
  const names = new Map<string, number>([
    ['default', 253],
    ['main', 254],
    ['local', 255],
  ]);
  const files = places.map((place) => `${place}/rt_tables`);
  const main = files.map(textOf).find((text) => text !== undefined);
  const more = [...places].reverse().flatMap((place) =>
    entriesOf(`${place}/rt_tables.d`)
      .sort()
      .filter((name) => name.endsWith('.conf'))
      .map((name) => textOf(`${place}/rt_tables.d/${name}`)),
  );
  for (const text of [main, ...more])
    for (const line of text?.split('\n') ?? []) {
      const [, number, name] = /^\s*(0x[0-9a-f]+|\d+)\s+(\S+)/i.exec(line) ?? [];
      if (name !== undefined) names.set(name, Number(number));
    }
  return names;
}
