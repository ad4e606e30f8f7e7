/** Cuts text that comes in pieces at its line feeds. Each piece is looked at once, however long a line becomes. */
export class Splitter {
  /** Of the line that has not ended. */
  rest = '';

  /** The lines that end in this piece, without their ends. */
  *push(text: string): Generator<string, void> {
    let at = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', at)) {
      const line = this.rest + text.slice(at, end);
      this.rest = '';
      at = end + 1;
      yield line;
    }
    this.rest += text.slice(at);
  }
}
