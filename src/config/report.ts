/** Where the checks across documents put what they find. */

import type { Document, Stray } from './document.ts';
import type { Diagnostic } from './model.ts';
import { formatPath, type Path, type Problem } from './problem.ts';

/** `FILE:LINE`, to point at the other of two documents. */
export const placeOf = ({ source }: Document, path: Path = []): string => `${source.file}:${source.locate(path).line}`;

/** So many documents of one file are told of one by one where the same is said of all. */
export const MANY = 20;

interface Entry {
  readonly at: Document | Stray;
  readonly problem: Problem;
  /** Documents of the same file of which the same is to be said. */
  others: number;
}

export class Report {
  failed = false;
  private readonly diagnostics: Diagnostic[] = [];
  private readonly entries: Entry[] = [];
  /** By file and words: how often it is told, and where last. */
  private readonly choruses = new Map<string, { readonly told: number; readonly last: Entry }>();

  /** Everything, in the order in which it was found. */
  get all(): readonly Diagnostic[] {
    return [...this.diagnostics, ...this.entries.map(diagnosticOf)];
  }

  /** Takes over what was found where nothing is a document. */
  take(diagnostic: Diagnostic): void {
    if (diagnostic.severity === 'error') this.failed = true;
    this.diagnostics.push(diagnostic);
  }

  /** Where thousands say the same, most are counted: to find a place means to parse a document once more. */
  add(at: Document | Stray, problem: Problem): void {
    const { severity, path, message, once } = problem;
    if (severity === 'error') this.failed = true;
    const key = [at.source.file, severity, formatPath(path), message].join('\n');
    const known = this.choruses.get(key);
    if (known !== undefined && known.told >= (once ? 1 : MANY)) {
      known.last.others++;
      return;
    }
    const last = { at, problem, others: 0 };
    this.entries.push(last);
    this.choruses.set(key, { told: (known?.told ?? 0) + 1, last });
  }

  /** As `add`; what is wrong only on other nodes than this is a warning. */
  judge(own: boolean, at: Document, problem: Problem): void {
    const { transient: _, ...rest } = problem;
    const message = `${problem.message}; the nodes it is for refuse this`;
    this.add(at, own || problem.severity === 'warning' ? problem : { ...rest, severity: 'warning', message });
  }

  error(at: Document, path: Path, message: string, hint?: string): void {
    this.add(at, { severity: 'error', path, message, ...(hint !== undefined && { hint }) });
  }

  warn(at: Document, path: Path, message: string, hint?: string): void {
    this.add(at, { severity: 'warning', path, message, ...(hint !== undefined && { hint }) });
  }
}

function diagnosticOf({ at, problem, others }: Entry): Diagnostic {
  const { severity, path, message, hint, transient, atKey } = problem;
  const more = others === 0 ? '' : `; the same holds for ${others} more of this file`;
  return {
    severity,
    position: { file: at.source.file, ...at.source.locate(path, atKey) },
    subject: 'meta' in at ? `${at.meta.kind}/${at.meta.name}` : at.subject,
    path: formatPath(path),
    message: `${message}${more}`,
    ...(hint !== undefined && { hint }),
    ...(transient && { transient }),
  };
}
