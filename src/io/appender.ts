/** A file that lines are added to. */
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';

/** Characters gathered before they are written. */
const GATHER = 64 * 1024;

export class Appender {
  private readonly file: string;
  private readonly fd: number;
  private readonly failed: (reason: string) => void;
  private text = '';
  /** Octets of the file, which are whole lines. */
  private length = 0;
  private timer: NodeJS.Timeout | undefined;
  private broken = false;

  /**
   * Empties the file, mode 0600. Throws an `Error` with a message for the operator.
   * @param failed told once, when the file takes no more: it then ends with its last whole line
   */
  constructor(file: string, failed: (reason: string) => void) {
    this.file = file;
    this.failed = failed;
    try {
      this.fd = openSync(file, 'w', 0o600);
    } catch (error) {
      throw new Error(`${file} cannot be written: ${(error as Error).message}`);
    }
  }

  /** Within a second it is in the file. */
  line(text: string): void {
    if (this.broken) return;
    this.text += `${text}\n`;
    if (this.text.length > GATHER) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), 1_000).unref();
  }

  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const bytes = Buffer.from(this.text);
    this.text = '';
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at);
      this.length += bytes.length;
    } catch (error) {
      this.end((error as Error).message);
    }
  }

  close(): void {
    this.flush();
    closeSync(this.fd);
  }

  private end(reason: string): void {
    this.broken = true;
    try {
      ftruncateSync(this.fd, this.length);
    } catch {
      // It is no file with an end.
    }
    this.failed(`${this.file} cannot be written any more: ${reason}`);
  }
}
