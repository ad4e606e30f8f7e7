/** The parser's complaints in the words of somebody who wrote the file by hand. */
import type { YAMLError } from 'yaml';
import type { Fault } from './parse.ts';

/** Said of documents whose nesting exhausts the stack. */
export const tooDeep = 'nested too deeply to be read';

/** Said of keys that a mapping has already. */
export const twice = (key: string): string => `the key "${key}" stands twice in one mapping`;

type At = (offset: number) => { line: number; column: number };

/**
 * One fault for the first thing that is wrong (what follows it is usually its echo), or all of them when they are
 * duplicate keys.
 */
export function explain(text: string, errors: readonly YAMLError[], subject: string, at: At): Fault[] {
  const first = errors[0]!;
  const doubles = first.code === 'DUPLICATE_KEY' ? errors.filter((e) => e.code === 'DUPLICATE_KEY') : [];
  const [kind, version] = opening.map((key) => doubles.find(({ pos: [offset] }) => keyAt(text, offset) === key));
  if (kind && version)
    return [{ severity: 'error', ...at(Math.min(kind.pos[0], version.pos[0])), subject, ...unmarked }];
  const shown = doubles.length > 0 ? doubles : [first];
  const hard = text.search(hardSpace);
  const end = text.trimEnd().length;
  return shown.map((error) => {
    // The parser marks the line; the reader looks for the word.
    let offset = hard < 0 ? Math.min(error.pos[0], end) : hard;
    while (text[offset] === ' ') offset++;
    const { message, hint } = hard < 0 ? describe(text, error, offset) : blanks;
    return { severity: 'error', ...at(offset), subject, message, ...(hint !== undefined && { hint }) };
  });
}

/** Where both stand twice there are two documents. */
const opening = ['kind', 'apiVersion'];
const unmarked = { message: 'not YAML: a second document begins here', hint: 'put a line "---" before it' };

/** Text copied from a web page, which indents with blanks that are none to YAML. */
const hardSpace = /^[ \t]*\u00a0/m;
const blanks = { message: 'not YAML: lines are indented with non-breaking spaces (U+00A0)', hint: 'use plain spaces' };

function describe(text: string, error: YAMLError, offset: number): { message: string; hint?: string | undefined } {
  // Some messages end with a piece of the text, which may be a password.
  const message = `not YAML: ${error.message.replace(/(?:: "| \\).*$/s, '')}`;
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return { message: 'not YAML: a tab is used as indentation', hint: 'indent with spaces only' };
    case 'DUPLICATE_KEY':
      return { message: twice(keyAt(text, offset)) };
    case 'BAD_INDENT':
      return { message, hint: indentationHint(text, offset) ?? template(text) };
    case 'MISSING_CHAR':
    case 'MULTILINE_IMPLICIT_KEY':
    case 'BLOCK_AS_IMPLICIT_KEY':
      return { message, hint: mappingHint(text, offset) ?? template(text) };
    case 'RESOURCE_EXHAUSTION':
      return { message: tooDeep };
    case 'BAD_SCALAR_START':
      return { message, hint: 'quote the value' };
    case 'UNEXPECTED_TOKEN':
      // JSON documents, one behind the other.
      return { message, hint: text[offset] === '{' ? unmarked.hint : template(text) };
    default:
      return { message, hint: template(text) };
  }
}

const keyAt = (text: string, offset: number): string =>
  /^(?:"([^"\n]*)"|'([^'\n]*)'|([^:\n{},[\]]*))/
    .exec(text.slice(offset, offset + 200))
    ?.slice(1)
    .find((key) => key !== undefined)
    ?.trim() ?? '';

/** A key that stands beside the items of a list instead of beside the list's key: the commonest slip. */
function indentationHint(text: string, offset: number): string | undefined {
  const lines = text.slice(0, offset).split('\n');
  const column = lines.pop()!.length + 1;
  const key = keyAt(text, offset);
  if (key === '') return undefined;
  for (let line = lines.pop(); line !== undefined; line = lines.pop()) {
    const match = /^( *)([\w./-]+):/.exec(line);
    if (match === null || match[1]!.length + 1 >= column) continue;
    const wanted = match[1]!.length + 1;
    return `"${key}:" stands in column ${column}; keys beside "${match[2]}:" start in column ${wanted}`;
  }
  return undefined;
}

/** `key:value` without the blank makes a plain word, and the parser then misses the colon further down. */
function mappingHint(text: string, offset: number): string | undefined {
  const from = text.lastIndexOf('\n', offset - 1) + 1;
  const to = text.indexOf('\n', offset);
  const line = text.slice(from, to < 0 ? undefined : to);
  const glued = /^\s*(?:- )?([A-Za-z][\w./-]*):(?=[^\s/])/.exec(line);
  return glued === null ? undefined : `put a blank after "${glued[1]}:"`;
}

const template = (text: string): string | undefined =>
  text.includes('{{') ? 'this looks like a template: render it first' : undefined;
