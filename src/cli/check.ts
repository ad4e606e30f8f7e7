/** `waypost check`: everything that is wrong with documents, without applying them. */
import { Command } from 'commander';
import { formatDiagnostic } from '../config/format.ts';
import { readDocuments } from '../daemon/documents.ts';
import { flatten } from '../daemon/views.ts';
import { nodeOption } from './options.ts';
import { CliError, plural, printJson, printLine } from './output.ts';

interface Options {
  node?: string;
  json?: boolean;
  strict?: boolean;
}

export function command(): Command {
  return new Command()
    .description(
      'Validate documents without applying them: FILE:LINE:COL: error|warning: Kind/name: field: message (hint).',
    )
    .argument('<path...>', 'files, or folders of *.yaml, *.yml and *.json; - is standard input')
    .option(
      '--node <name>',
      "the node to check for (default: the Speaker document's name, else the host's)",
      nodeOption,
    )
    .option('--json', 'one JSON array of the findings')
    .option('--strict', 'exit 1 for warnings, too')
    .addHelpText(
      'after',
      '\nExamples:\n  waypost check --strict /etc/waypost\n  kubectl get bgppeers -A -o yaml | waypost check -\n',
    )
    .action((paths: string[], options: Options) => check(paths, options));
}

async function check(paths: readonly string[], options: Options): Promise<void> {
  const { diagnostics } = await readDocuments(paths, options.node);
  if (options.json) printJson(diagnostics.map(flatten));
  else for (const d of diagnostics) printLine(formatDiagnostic(d));
  const count = (severity: string) => diagnostics.filter((d) => d.severity === severity).length;
  const [errors, warnings] = [count('error'), count('warning')];
  if (!options.json) printLine(`${plural(errors, 'error')}, ${plural(warnings, 'warning')}`);
  if (errors > 0 || (options.strict && warnings > 0)) throw new CliError('');
}
