/**
 * The plain YAML that kubectl prints and people write: block mappings and sequences, scalars of one line, flow
 * collections of one line, comments, ASCII. It is read at many times the speed of the general parser, which stays the
 * judge of everything else: whatever is not certain to mean the same there is given up, so nothing is refused here.
 */

/** An item of the document's `items`: its first character, and one past its last. */
export type Range = readonly [start: number, end: number];

export interface Plain {
  readonly value: Record<string, unknown>;
  /** Of the first key. */
  readonly start: number;
  /** Where each item of the top-level sequence `items` stands, when there is one. */
  readonly items: readonly Range[];
}

const ascii = /^[\n\x20-\x7e]*$/;
/** A line after its indentation: dashes, key, and what follows. The key is no null, boolean or number. */
const entry = /^(?:(-)( +))?(?:([A-Za-z][\w./-]{0,250}):(?: +|$))?(.*)$/;
const nothing = /^(?:#.*)?$/;
const comment = /^ *(?:$| #.*)/;
/** A colon in it never ends it, and no character has a meaning of its own. */
const word = /[A-Za-z0-9](?:[\w./@+=-]|:(?=[\w:./-]))*/y;
const quoted = /"[^"\\]*"|'[^']*'/y;
const flowKey = /([A-Za-z][\w./-]*): +/y;
const special = /^(?:null|true|false)$/i;
const whole = /^\d{1,15}$/;
/** Numbers that are not read here. */
const number = /^(?:\d+|0[ox][\da-f]+|\d+\.\d*|\d+(?:\.\d*)?e[-+]?\d+)$/i;

const MAX_DEPTH = 32;

/** Thrown where the general parser must decide. */
const unsure = new Error('not plain');

/** Undefined where the text is not plain enough. */
export function parsePlain(text: string): Plain | undefined {
  if (!ascii.test(text)) return undefined;
  const reader = new Reader(text);
  try {
    return reader.document();
  } catch (error) {
    if (error !== unsure) throw error;
    return undefined;
  }
}

class Reader {
  private readonly text: string;
  /** Where the next line starts. */
  private next = 0;
  /** The line at hand: where it starts, its indentation, and the rest of it. Indentation -1 is the end. */
  private start = 0;
  private indent = -1;
  private line = '';
  private readonly items: Range[] = [];

  constructor(text: string) {
    this.text = text;
  }

  document(): Plain {
    if (this.text.startsWith('---\n')) this.next = 4;
    this.advance();
    const start = this.start + this.indent;
    if (this.indent !== 0) throw unsure;
    const value = this.mapping(0, 0);
    if (!this.ended()) throw unsure;
    return { value, start, items: this.items };
  }

  private ended(): boolean {
    return this.indent < 0;
  }

  /** To the next line that says something. */
  private advance(): void {
    const { text } = this;
    while (this.next < text.length) {
      this.start = this.next;
      const newline = text.indexOf('\n', this.start);
      const end = newline < 0 ? text.length : newline;
      this.next = end + 1;
      let i = this.start;
      while (text.charCodeAt(i) === 32) i++;
      if (i >= end || text[i] === '#') continue;
      this.indent = i - this.start;
      this.line = text.slice(i, end);
      return;
    }
    this.indent = -1;
  }

  /** Entries at `indent`; the line at hand is the first one. */
  private mapping(indent: number, depth: number): Record<string, unknown> {
    if (depth > MAX_DEPTH) throw unsure;
    const map: Record<string, unknown> = {};
    while (this.indent === indent) {
      const [, dash, , key, rest] = entry.exec(this.line)!;
      if (dash !== undefined) break;
      if (key === undefined || special.test(key) || Object.hasOwn(map, key)) throw unsure;
      map[key] = this.value(key, rest!, indent, depth);
    }
    if (this.indent > indent) throw unsure;
    return map;
  }

  /** What follows `key:` on the line at hand, or stands below it. */
  private value(key: string, rest: string, indent: number, depth: number): unknown {
    if (!nothing.test(rest)) {
      const value = inline(rest);
      this.advance();
      return value;
    }
    this.advance();
    if (this.indent >= indent && /^- /.test(this.line)) return this.sequence(this.indent, depth + 1, key);
    return this.indent > indent ? this.mapping(this.indent, depth + 1) : null;
  }

  private sequence(indent: number, depth: number, key: string): unknown[] {
    const list: unknown[] = [];
    const ranges = depth === 1 && key === 'items';
    while (this.indent === indent) {
      const [, dash, blanks, name, rest] = entry.exec(this.line)!;
      if (dash === undefined) break;
      const column = indent + 1 + blanks!.length;
      const start = this.start + column;
      if (name === undefined) {
        list.push(inline(rest!));
        this.advance();
      } else {
        // The item is a mapping whose first entry shares the line with the dash.
        this.line = this.line.slice(column - indent);
        this.indent = column;
        list.push(this.mapping(column, depth + 1));
      }
      if (ranges) this.items.push([start, this.ended() ? this.text.length : this.start]);
    }
    if (this.indent > indent) throw unsure;
    return list;
  }
}

/** A value that ends with its line. */
function inline(text: string): unknown {
  const flow = new Flow(text);
  const value = flow.value(0);
  if (!comment.test(text.slice(flow.at))) throw unsure;
  return value;
}

/** Scalars, and flow collections of them. */
class Flow {
  at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  value(depth: number): unknown {
    if (depth > MAX_DEPTH) throw unsure;
    const first = this.text[this.at];
    if (first === '[') return this.list(depth);
    if (first === '{') return this.map(depth);
    if (first === '"' || first === "'") return this.match(quoted)[0].slice(1, -1);
    return scalar(this.match(word)[0]);
  }

  private list(depth: number): unknown[] {
    const list: unknown[] = [];
    this.each(']', () => list.push(this.value(depth + 1)));
    return list;
  }

  private map(depth: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    this.each('}', () => {
      const key = this.match(flowKey)[1]!;
      if (special.test(key) || Object.hasOwn(map, key)) throw unsure;
      map[key] = this.value(depth + 1);
    });
    return map;
  }

  private each(close: string, read: () => void): void {
    this.at++;
    this.blanks();
    if (this.text[this.at] === close) {
      this.at++;
      return;
    }
    for (;;) {
      read();
      this.blanks();
      const mark = this.text[this.at++];
      if (mark === close) return;
      if (mark !== ',') throw unsure;
      this.blanks();
    }
  }

  private blanks(): void {
    while (this.text.charCodeAt(this.at) === 32) this.at++;
  }

  private match(pattern: RegExp): RegExpExecArray {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) throw unsure;
    this.at = pattern.lastIndex;
    return found;
  }
}

/** The core schema of YAML 1.2, for words that begin with a letter or digit. */
function scalar(text: string): unknown {
  const code = text.charCodeAt(0);
  if (code > 57) {
    if (!special.test(text)) return text;
    const lower = text.toLowerCase();
    if (text !== lower) throw unsure;
    return lower === 'null' ? null : lower === 'true';
  }
  if (whole.test(text)) return Number(text);
  if (number.test(text)) throw unsure;
  return text;
}
