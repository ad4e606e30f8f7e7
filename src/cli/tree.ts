/** The command line as plain data: what a shell may complete. */
import type { Command, Option } from 'commander';
import { commands } from './commands.ts';

/** What a value may be: one of a few words, a path, or nothing that a shell could know. */
export type Values = readonly string[] | 'path' | 'none';

export interface Flag {
  /** `--config`, and `-c` where there is one. */
  readonly names: readonly string[];
  readonly description: string;
  /** Undefined: it takes no value. */
  readonly value: Values | undefined;
}

export interface Branch {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
  /** Of arguments that are no options; the last one's where there are several. */
  readonly argument: Values;
}

/** Loads every command, as its own file declares it. */
export async function commandTree(): Promise<Branch[]> {
  return Promise.all(
    Object.entries(commands).map(async ([name, { summary, load }]) =>
      branchOf(name, summary, (await load()).command()),
    ),
  );
}

export function branchOf(name: string, summary: string, command: Command): Branch {
  const argument = command.registeredArguments.at(-1);
  const help: Flag = { names: ['-h', '--help'], description: 'how it is used', value: undefined };
  return {
    name,
    summary,
    flags: [...command.options.filter((o) => !o.hidden).map(flagOf), help],
    argument: argument === undefined ? 'none' : valuesOf(argument.name(), argument.argChoices),
  };
}

function flagOf({ short, long, description, flags, argChoices, required, optional }: Option): Flag {
  const placeholder = /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1] ?? '';
  return {
    names: [short, long].filter((n) => n !== undefined && n !== null) as string[],
    description,
    value: required || optional ? valuesOf(placeholder, argChoices) : undefined,
  };
}

const valuesOf = (placeholder: string, choices: readonly string[] | undefined): Values =>
  choices ?? (/^(path|file|socket|folder)\b/.test(placeholder) ? 'path' : 'none');
