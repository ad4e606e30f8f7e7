/** Diagnostics as lines of text. */
import type { Diagnostic } from './model.ts';

/** `FILE:LINE:COL: error: Kind/name: field.path: message (hint)`; subject, path and hint only where there is one. */
export function formatDiagnostic({ position, severity, subject, path, message, hint }: Diagnostic): string {
  const where = `${position.file}:${position.line}:${position.column}: ${severity}:`;
  // One line, whatever is quoted.
  const what = [subject, path, message]
    .filter((part) => part !== '')
    .join(': ')
    .replace(/\p{Cc}/gu, ' ');
  return hint === undefined ? `${where} ${what}` : `${where} ${what} (${hint})`;
}

/** By file, line and column; what stands at one place keeps its order. */
export const sortDiagnostics = (diagnostics: readonly Diagnostic[]): Diagnostic[] =>
  [...diagnostics].sort(
    ({ position: a }, { position: b }) =>
      (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column,
  );
