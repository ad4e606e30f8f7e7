/** Where the checks across documents put what they find. */

import type { Document, Stray } from './document.ts';
import type { Diagnostic } from './model.ts';
import { formatPath, type Path, type Problem } from './problem.ts';

/** `FILE:LINE`, to point at the other of two documents. */
export const placeOf = ({ source }: Document, path: Path = []): string => `${source.file}:${source.locate(path).line}`;

export class Report {
  readonly diagnostics: Diagnostic[] = [];
  failed = false;

  add(at: Document | Stray, { severity, path, message, hint, transient, atKey }: Problem): void {
    if (severity === 'error') this.failed = true;
    this.diagnostics.push({
      severity,
      position: { file: at.source.file, ...at.source.locate(path, atKey) },
      subject: 'meta' in at ? `${at.meta.kind}/${at.meta.name}` : at.subject,
      path: formatPath(path),
      message,
      ...(hint !== undefined && { hint }),
      ...(transient && { transient }),
    });
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
