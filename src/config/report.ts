/** Where the checks across documents put what they find. */

import type { Document, Stray } from './document.ts';
import type { Diagnostic } from './model.ts';
import { formatPath, type Path, type Problem } from './problem.ts';

/** `FILE:LINE`, to point at the other of two documents. */
export const placeOf = ({ source }: Document, path: Path = []): string => `${source.file}:${source.locate(path).line}`;

/** What many documents of one file draw. */
interface Chorus {
  /** The first of them. */
  at: Document | Stray;
  problem: Problem;
  others: number;
}

export class Report {
  readonly diagnostics: Diagnostic[] = [];
  failed = false;
  private readonly choruses = new Map<string, Chorus>();

  /** Everything, what was said of many documents as well. */
  get all(): readonly Diagnostic[] {
    for (const { at, problem, others } of this.choruses.values()) {
      const { once: _, ...rest } = problem;
      const message = `${problem.message}${others === 0 ? '' : `, as ${others === 1 ? 'is' : 'are'} ${others} more of this file`}`;
      this.add(at, { ...rest, message });
    }
    this.choruses.clear();
    return this.diagnostics;
  }

  add(at: Document | Stray, problem: Problem): void {
    const { severity, path, message, hint, transient, atKey, once } = problem;
    if (once) return this.join(at, problem);
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

  /** Finding a place means parsing the document once more: for all of `kubectl get all` that would hold everybody up. */
  private join(at: Document | Stray, problem: Problem): void {
    const key = `${at.source.file}\n${problem.message}`;
    const known = this.choruses.get(key);
    if (known === undefined) this.choruses.set(key, { at, problem, others: 0 });
    else {
      known.others++;
      if (at.source.line < known.at.source.line) Object.assign(known, { at, problem });
    }
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
