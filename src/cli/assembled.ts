/** Documents that a command was given, as a configuration. */
import type { Assembled } from '../config/assemble.ts';
import { formatDiagnostic } from '../config/format.ts';
import type { Configuration } from '../config/model.ts';
import { CliError } from './output.ts';

/** Throws `CliError` with every error of documents that a daemon would refuse. */
export function configurationOf({ configuration, diagnostics }: Assembled): Configuration {
  if (configuration !== undefined) return configuration;
  const errors = diagnostics.filter((d) => d.severity === 'error').map(formatDiagnostic);
  throw new CliError(`these documents would be refused:\n${errors.join('\n')}`);
}
