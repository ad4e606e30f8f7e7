/** What is said of a value that a schema does not take: what was found, what is expected, and what to write instead. */
import type { z } from 'zod';
import { didYouMean } from './nearest.ts';
import { isRecord } from './parse.ts';
import type { Path } from './problem.ts';

/** Fields whose values no message may repeat. */
const secret = new Set(['password', 'passwordSecret', 'data', 'stringData']);

/** The value stands in such a field. */
export const isHidden = (path: Path): boolean => path.some((step) => secret.has(String(step)));

/** The message of an issue whose schema gives none. */
export function complaint(issue: z.core.$ZodRawIssue | z.core.$ZodIssue): string {
  const hidden = (issue.path ?? []).some((step) => secret.has(String(step)));
  switch (issue.code) {
    case 'invalid_type': {
      const wanted = typeNames[issue.expected] ?? issue.expected;
      return issue.input === undefined
        ? `is missing: expected ${wanted}`
        : `expected ${wanted}, found ${found(issue.input, hidden)}`;
    }
    case 'invalid_value':
      return `expected ${issue.values.map((v) => JSON.stringify(v)).join(' or ')}, found ${found(issue.input, hidden)}`;
    default:
      return `is not valid: found ${found(issue.input, hidden)}`;
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

function found(value: unknown, hidden: boolean): string {
  if (Array.isArray(value)) return 'a list';
  if (isRecord(value)) return 'a mapping';
  if (value === null || value === undefined) return 'nothing';
  const kind = typeof value === 'string' ? 'string' : typeof value === 'boolean' ? 'boolean' : 'number';
  if (hidden || /password/i.test(String(value))) return `a ${kind}`;
  return `the ${kind} ${short(value)}`;
}

const short = (value: unknown): string => {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…"` : text;
};

/** What to write instead, for an issue with that message. */
export function hintFor(issue: z.core.$ZodIssue, path: Path): string | undefined {
  const input: unknown = issue.input;
  const key = path.findLast((step) => typeof step === 'string');
  const hidden = isHidden(path);
  if (issue.code === 'invalid_value' && typeof input === 'string' && !hidden)
    return didYouMean(input, issue.values.map(String));
  if (issue.code !== 'invalid_type' || input === undefined) return undefined;
  // `{{ … }}` is a mapping whose key is a mapping.
  if (isRecord(input) && Object.keys(input).some((k) => k.startsWith('{')))
    return 'this looks like a template: render it first';
  if (typeof input === 'string' && input.startsWith('{{'))
    return 'this looks like a template: render it first, and write out what a capture would give';
  const item = issue.expected === 'object' && path.at(-2) === 'prefixes' && typeof input === 'string';
  if (item && !hidden) return `write {prefix: ${input}}`;
  const glued =
    issue.expected === 'object' || issue.expected === 'record' ? /^([A-Za-z][\w./-]*:)\S/.exec(String(input)) : null;
  if (glued !== null) return `put a blank after "${glued[1]}"`;
  if (issue.expected === 'array' && isRecord(input)) return `start the item with a dash: "${key}:" and "- …" below it`;
  if (issue.expected === 'array' && !hidden)
    return `write it as a list: "${key}: [${plain(input)}]" or one "- " item a line`;
  if (issue.expected === 'string' && (typeof input === 'number' || typeof input === 'boolean'))
    return 'put it in quotes';
  if (issue.expected === 'boolean' && typeof input === 'string' && /^(?:true|false)$/i.test(input))
    return 'take the quotes away';
  if (issue.expected === 'number' || issue.expected === 'int') return numberHint(input, key);
  return undefined;
}

const plain = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** How to write what somebody meant as a number. */
function numberHint(input: unknown, key: string | undefined): string | undefined {
  const isAsn = key !== undefined && /asn$/i.test(key);
  // YAML has made a fraction of it, whose zeros at the end are gone.
  if (typeof input === 'number' && isAsn)
    return 'an AS number of two parts, HIGH.LOW, is written as HIGH * 65536 + LOW';
  if (typeof input !== 'string') return undefined;
  const [, high, low] = (isAsn && /^(\d{1,5})\.(\d{1,5})$/.exec(input)) || [];
  if (Number(high) <= 0xffff && Number(low) <= 0xffff)
    return `an AS number is written as one: ${Number(high) * 0x1_0000 + Number(low)}`;
  if (/^[-+]?0\d+$/.test(input)) return `write ${Number(input)}: kubectl takes what begins with a zero for octal`;
  if (/^\d+$/.test(input)) return 'take the quotes away';
  if (/^\d+ ?ms$/.test(input)) return 'write the number of milliseconds alone';
  return /^\d[\d_,']*$/.test(input) ? 'write the digits alone' : undefined;
}

/** Without it the session would have no password, which nobody means who names the field. */
export const isPassword = (path: Path, key: string): boolean =>
  key === 'password' || key === 'passwordSecret' || (key === 'name' && path.at(-1) === 'passwordSecret');

/** YAML takes the one for a comment, and the other for the name of a value. */
export const passwordHint = 'quote one that begins with # or &; leave the field out for none';
