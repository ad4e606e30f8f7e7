/** What is wrong with one document, by field path: it becomes a Diagnostic once somebody asks where that is. */

export type Path = readonly (string | number)[];

export interface Problem {
  readonly severity: 'error' | 'warning';
  readonly path: Path;
  readonly message: string;
  readonly hint?: string;
  readonly transient?: boolean;
  /** The key itself is wrong: point at it even when its value is a scalar. */
  readonly atKey?: boolean;
  /** Many documents of a file may draw it: it is told of the first, with the number of the others. */
  readonly once?: boolean;
}

/** `spec.addresses[0]`. A key that is no plain word is quoted: `metadata.labels["a.b/c"]`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[\w-]+$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

/** Collects the problems of one document. */
export class Findings {
  readonly problems: Problem[] = [];
  failed = false;

  error(path: Path, message: string, hint?: string): void {
    this.failed = true;
    this.problems.push({ severity: 'error', path, message, ...(hint !== undefined && { hint }) });
  }

  warn(path: Path, message: string, hint?: string): void {
    this.problems.push({ severity: 'warning', path, message, ...(hint !== undefined && { hint }) });
  }

  /** A warning that other documents of the file may draw in the same words. */
  warnOnce(path: Path, message: string, hint?: string): void {
    this.problems.push({ severity: 'warning', path, message, once: true, ...(hint !== undefined && { hint }) });
  }

  /** An error about the key at the end of `path`, whatever its value. */
  errorKey(path: Path, message: string, hint?: string): void {
    this.failed = true;
    this.problems.push({ severity: 'error', path, message, atKey: true, ...(hint !== undefined && { hint }) });
  }

  /** A warning about the key at the end of `path`, whatever its value. */
  warnKey(path: Path, message: string, hint?: string): void {
    this.problems.push({ severity: 'warning', path, message, atKey: true, ...(hint !== undefined && { hint }) });
  }

  /** Reports every item that occurs a second time. `what` names the kind of item in the message. */
  duplicates(path: Path, items: readonly string[], what: string): void {
    const seen = new Set<string>();
    for (const [i, item] of items.entries()) {
      if (seen.has(item)) this.error([...path, i], `duplicate definition of ${what} ${JSON.stringify(item)}`);
      seen.add(item);
    }
  }
}
