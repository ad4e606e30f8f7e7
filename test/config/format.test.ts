import { expect, it } from 'vitest';
import { formatDiagnostic, sortDiagnostics } from '../../src/config/format.ts';
import type { Diagnostic } from '../../src/config/model.ts';
import { formatPath } from '../../src/config/problem.ts';

const diagnostic = (line: number, column = 1, file = 'f.yaml', message = 'wrong'): Diagnostic => ({
  severity: 'error',
  position: { file, line, column },
  subject: 'BGPPeer/a',
  path: 'spec.holdTime',
  message,
});

it('leaves out what there is not', () => {
  expect(formatDiagnostic(diagnostic(3, 4))).toBe('f.yaml:3:4: error: BGPPeer/a: spec.holdTime: wrong');
  expect(formatDiagnostic({ ...diagnostic(3), subject: '', path: '', severity: 'warning', hint: 'do better' })).toBe(
    'f.yaml:3:1: warning: wrong (do better)',
  );
});

it('is one line, and no more to a terminal than text', () => {
  const text = formatDiagnostic({ ...diagnostic(3), subject: 'BGPPeer/a\nb', message: 'wrong \x1b[2J' });
  expect(text).toBe('f.yaml:3:1: error: BGPPeer/a b: spec.holdTime: wrong  [2J');
});

it('sorts by file, line and column, and keeps the order of what stands at one place', () => {
  const rows = [
    diagnostic(10),
    diagnostic(9, 2),
    diagnostic(9, 1, 'f.yaml', 'first'),
    diagnostic(9, 1),
    diagnostic(11, 1, 'a'),
  ];
  expect(sortDiagnostics(rows).map(({ position: p, message }) => `${p.file}:${p.line}:${p.column} ${message}`)).toEqual(
    ['a:11:1 wrong', 'f.yaml:9:1 first', 'f.yaml:9:1 wrong', 'f.yaml:9:2 wrong', 'f.yaml:10:1 wrong'],
  );
});

it('writes paths that can be read', () => {
  expect(formatPath([])).toBe('');
  expect(formatPath(['spec', 'addresses', 0])).toBe('spec.addresses[0]');
  expect(formatPath(['metadata', 'labels', 'a.b/c'])).toBe('metadata.labels["a.b/c"]');
});
