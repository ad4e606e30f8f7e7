/**
 * Rows of a table that may be a million: each is kept as its text, and an object only while somebody looks at it. All of
 * them as objects, or in one text, are more than the engine holds.
 */

import { inPlace, type Place } from './place.ts';

export class Rows implements Iterable<unknown> {
  private readonly texts: readonly string[];

  private constructor(texts: readonly string[]) {
    this.texts = texts;
  }

  /** @param lines of a JSON array with a row on each, as the daemon writes it */
  static of(lines: readonly string[]): Rows {
    // Brackets around them all, and a comma behind each but the last.
    const texts = lines.map((line, i) => line.slice(i === 0 ? 1 : 0, -1));
    return new Rows(texts[0] === '' ? [] : texts);
  }

  get length(): number {
    return this.texts.length;
  }

  /** From the first on, as often as somebody asks. */
  *[Symbol.iterator](): Generator<unknown, void> {
    for (const text of this.texts) yield JSON.parse(text);
  }

  sorted<Row>(placeOf: (row: Row) => Place): Rows {
    return new Rows(inPlace(this.texts, (text) => placeOf(JSON.parse(text) as Row)));
  }

  /** The same rows in the same order. */
  same({ texts }: Rows): boolean {
    return texts.length === this.texts.length && texts.every((text, i) => text === this.texts[i]);
  }

  /** Pieces of what JSON.stringify makes of all of them with two blanks. */
  *pretty(): Generator<string, void> {
    if (this.texts.length === 0) return yield '[]\n';
    const last = this.texts.length - 1;
    yield '[\n';
    for (const [i, text] of this.texts.entries())
      yield `${JSON.stringify([JSON.parse(text)], null, 2).slice(2, -2)}${i < last ? ',' : ''}\n`;
    yield ']\n';
  }

  /** Pieces of one line. */
  *line(): Generator<string, void> {
    yield '[';
    for (const [i, text] of this.texts.entries()) yield i === 0 ? text : `,${text}`;
    yield ']\n';
  }
}
