/** What the daemon cannot go on without has ended: it is to be stopped without a drain, and started again. */
import type { Logger } from '../io/log.ts';

export class Failures {
  /** Resolves with the first. */
  readonly first: Promise<Error>;
  private readonly log: Pick<Logger, 'fatal'>;
  private resolve: (error: Error) => void = () => {};

  constructor(log: Pick<Logger, 'fatal'>) {
    this.log = log;
    this.first = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  /** To be called when a part ends by an error; `text` says what no longer works. */
  of(text: string): (error: Error) => void {
    return (error) => {
      this.log.fatal({ reason: error.message }, text);
      this.resolve(error);
    };
  }
}
