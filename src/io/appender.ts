/** A file that lines are added to. */
import { closeSync, openSync, writeSync } from 'node:fs';

/** Characters gathered before they are written. */
const GATHER = 64 * 1024;

export class Appender {
  private readonly fd: number;
  private text = '';
  private timer: NodeJS.Timeout | undefined;

  /** Empties the file, mode 0600. Throws an `Error` with a message for the operator. */
  constructor(file: string) {
    try {
      this.fd = openSync(file, 'w', 0o600);
    } catch (error) {
      throw new Error(`${file} cannot be written: ${(error as Error).message}`);
    }
  }

  /** Within a second it is in the file. */
  line(text: string): void {
    this.text += `${text}\n`;
    if (this.text.length > GATHER) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), 1_000).unref();
  }

  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.text !== '') writeSync(this.fd, this.text);
    this.text = '';
  }

  close(): void {
    this.flush();
    closeSync(this.fd);
  }
}
