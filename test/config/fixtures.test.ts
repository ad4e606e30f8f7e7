/**
 * Each fixtures/config/NAME.yaml, loaded by itself on a node called `host`, beside what must be said about it:
 * NAME.txt holds `applied` or `refused`, then the diagnostics. The text files are written by hand and by reading;
 * nothing updates them.
 */
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/config/assemble.ts';
import { formatDiagnostic } from '../../src/config/format.ts';
import { fixture, fixtures, loadText } from '../support/config.ts';

describe('documents and what is said about them', () => {
  for (const name of fixtures(/\.yaml$/)) {
    it(name, async () => {
      const { configuration, diagnostics } = assemble([await loadText(fixture(name), name)], { hostname: 'host' });
      const found = [configuration === undefined ? 'refused' : 'applied', ...diagnostics.map(formatDiagnostic)];
      expect(found).toEqual(
        fixture(`${basename(name, '.yaml')}.txt`)
          .trimEnd()
          .split('\n'),
      );
    });
  }

  it('no expectation stands without its documents', () => {
    expect(fixtures(/\.txt$/).map((name) => basename(name, '.txt'))).toEqual(
      fixtures(/\.yaml$/).map((name) => basename(name, '.yaml')),
    );
  });

  it('no secret is repeated', async () => {
    const values = /hunter2|314159265/;
    for (const name of fixtures(/\.yaml$/)) {
      const text = fixture(name);
      const file = await loadText(text, name);
      const { configuration, diagnostics } = assemble([file], { hostname: 'host' });
      expect(JSON.stringify(diagnostics)).not.toMatch(values);
      expect(JSON.stringify(configuration?.documents ?? [])).not.toMatch(values);
      expect(JSON.stringify(file.documents.map(({ meta, source }) => [meta, source]))).not.toMatch(values);
    }
    expect(fixture('secrets.yaml')).toMatch(values);
  });
});
