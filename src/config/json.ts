/** What of a JSON text its value does not tell: where the items of a List stand, and keys that stand twice. */

/**
 * Offsets (first character, one past the last) of the objects in the top-level array `items`.
 * @param text holds valid JSON, an object, from `at` on
 */
export function itemOffsets(text: string, at = 0): (readonly [number, number])[] {
  const out: (readonly [number, number])[] = [];
  let depth = 0;
  let key = '';
  let inItems = false;
  let start = 0;
  for (let i = at; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      const from = i + 1;
      for (i++; text.charCodeAt(i) !== QUOTE; i++) if (text.charCodeAt(i) === BACKSLASH) i++;
      if (depth === 1) key = afterColon(text, i + 1) ? text.slice(from, i) : key;
    } else if (c === OPEN_BRACE || c === OPEN_BRACKET) {
      depth++;
      if (depth === 2) inItems = c === OPEN_BRACKET && key === 'items';
      else if (depth === 3 && inItems) start = i;
    } else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) {
      depth--;
      if (depth === 2 && inItems) out.push([start, i + 1]);
    }
  }
  return out;
}

/**
 * The first key that stands a second time in one object, with the offset of its quote. JSON.parse takes the last of them
 * and says nothing.
 * @param text holds valid JSON from `at` on
 */
export function doubleKey(text: string, at = 0): { readonly key: string; readonly offset: number } | undefined {
  /** Keys of the objects that are open; undefined for arrays. */
  const open: (Set<string> | undefined)[] = [];
  for (let i = at; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      const from = i + 1;
      for (i++; text.charCodeAt(i) !== QUOTE; i++) if (text.charCodeAt(i) === BACKSLASH) i++;
      if (!afterColon(text, i + 1)) continue;
      const key = text.slice(from, i);
      const keys = open.at(-1)!;
      if (keys.has(key)) return { key, offset: from - 1 };
      keys.add(key);
    } else if (c === OPEN_BRACE) open.push(new Set());
    else if (c === OPEN_BRACKET) open.push(undefined);
    else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) open.pop();
  }
  return undefined;
}

/** The next thing that is no white space is a colon: the string before was a key. */
function afterColon(text: string, at: number): boolean {
  while (text.charCodeAt(at) <= SPACE) at++;
  return text.charCodeAt(at) === COLON;
}

const SPACE = 0x20;
const QUOTE = 0x22;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
