/** Lists of interfaces: names, and patterns of names, which stand between slashes as no name has one. */

/** A pattern as such a list has it. */
export const patternEntry = (pattern: string): string => `/${pattern}/`;

/** An entry that is no name. */
export const isPattern = (entry: string): boolean => entry.startsWith('/');

/** Whether an interface of this name is in the list; a pattern is matched anywhere in it. */
export const covers = (list: 'all' | readonly string[], name: string): boolean =>
  list === 'all' || list.some((entry) => entry === name || (isPattern(entry) && compile(entry).test(name)));

const compiled = new Map<string, RegExp>();
/** Patterns of earlier configurations need not be kept. */
const MOST = 256;

function compile(entry: string): RegExp {
  let pattern = compiled.get(entry);
  if (pattern === undefined) {
    if (compiled.size >= MOST) compiled.clear();
    pattern = new RegExp(entry.slice(1, -1));
    compiled.set(entry, pattern);
  }
  return pattern;
}
