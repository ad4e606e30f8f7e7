/** Where the items of a JSON List stand in its text. */

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
