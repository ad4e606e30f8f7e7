/**
 * The command line. Each command is a file of its own, loaded when it is called, so that starting one costs what it
 * needs and no more.
 */
import { Command, CommanderError } from 'commander';
import { complain, endQuietlyWithoutReader } from '../io/process.ts';
import { VERSION } from '../io/version.ts';
import { commands } from './commands.ts';
import { CliError, EXIT } from './output.ts';

/** Runs one command line (without the program's own name) and returns its exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  let exit: number = EXIT.ok;
  endQuietlyWithoutReader();
  const program = new Command('waypost')
    .description('A BGP and layer-2 speaker for a Linux node.')
    .version(VERSION)
    .exitOverride()
    .addHelpText(
      'after',
      [
        '',
        'Examples:',
        '  waypost peer 192.0.2.1 --local-as 64512 --peer-as 64513 --announce 203.0.113.0/24',
        '  waypost check /etc/waypost',
        '  waypost run --log-format pretty',
        '  waypost explain default/web',
        '',
        'waypost help COMMAND has its options and examples.',
        '',
      ].join('\n'),
    );
  // `waypost help show` wants the real one, too.
  const wanted = argv[0] === 'help' ? argv[1] : argv[0];
  const known = [...Object.keys(commands), 'help'];
  for (const [name, entry] of Object.entries(commands)) {
    const command = name === wanted ? (await entry.load()).command() : new Command(name).description(entry.summary);
    program.addCommand(command.name(name).exitOverride());
  }
  try {
    // The library's own answer is the whole help, and no word of what was wrong.
    const isUnknown = argv[0] === 'help' && /^[a-z]/.test(argv[1] ?? '') && !known.includes(argv[1]!);
    await program.parseAsync(isUnknown ? argv.slice(1) : [...argv], { from: 'user' });
  } catch (error) {
    exit = exitOf(error);
  }
  return exit;
}

function exitOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof CliError) {
    if (error.message) complain(error.message);
    return error.exit;
  }
  throw error;
}
