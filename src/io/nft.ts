/** The program nft, which speaks to the kernel's packet filter: commands as JSON in, a listing as JSON out. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** It takes a few milliseconds, or something is wrong. */
const TIMEOUT_MS = 10_000;

/** What is to be told to the operator. */
export class NftError extends Error {}

/** Carries out commands in one transaction: all of them, or none. Rejects with `NftError`. */
export async function nftApply(commands: string): Promise<void> {
  // Of its standard input nft opens the name, and what Node gives a child is a socket, which has none.
  const folder = await mkdtemp(join(tmpdir(), 'waypost-nft-'));
  try {
    const file = join(folder, 'commands');
    await writeFile(file, commands, { mode: 0o600 });
    const { code, errors } = await run(['-j', '-f', file]);
    if (code !== 0) throw new NftError(errors);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A table of family inet as JSON; undefined when there is none. Rejects with `NftError`. */
export async function nftTable(name: string): Promise<string | undefined> {
  const { code, output, errors } = await run(['-j', 'list', 'table', 'inet', name]);
  if (code === 0) return output;
  if (/No such file or directory/.test(errors)) return undefined;
  throw new NftError(errors);
}

/** All rules of this namespace, for people. Rejects with `NftError`, also where they may not be read. */
export async function nftRuleset(): Promise<string> {
  const { code, output, errors } = await run(['-n', 'list', 'ruleset']);
  if (code === 0) return output;
  throw new NftError(errors);
}

interface Outcome {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

function run(args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    // An ordinary user's PATH has no administrator's programs.
    const PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
    const child: ChildProcess = spawn('nft', args, {
      stdio: 'pipe',
      env: { ...process.env, PATH, LC_ALL: 'C' },
    });
    // That of `spawn` would keep the process for as long where nothing could be started.
    const timer = setTimeout(() => child.kill(), TIMEOUT_MS).unref();
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(new NftError(error.code === 'ENOENT' ? 'the program nft is missing: install nftables' : error.message)),
    );
    let [output, errors] = ['', ''];
    // There are none where no descriptor is left for them.
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const first = errors.split('\n', 1)[0]!.replace(/^.*?Error: /, '');
      if (signal !== null) reject(new NftError(`nft was ended by ${signal}`));
      else resolve({ code, output, errors: first || `nft ended with status ${code}` });
    });
  });
}
