/** Files that can be read once and not watched: standard input, and what a shell makes of `<(…)`. */
import { type FileContent, MAX_FILE_OCTETS, statOf } from './content.ts';
import { InputError, readInput } from './input.ts';

/** `-` is standard input. */
export const comesOnce = (path: string): boolean => path === '-' || (statOf(path)?.isFIFO() ?? false);

/** All of it, decompressed. It takes as long as its writer does. */
export async function readOnce(path: string): Promise<FileContent> {
  const pieces: Uint8Array[] = [];
  let octets = 0;
  try {
    for await (const piece of readInput(path)) {
      octets += piece.length;
      if (octets > MAX_FILE_OCTETS)
        return { error: `has more than the ${MAX_FILE_OCTETS / (1024 * 1024)} MB that a configuration file may have` };
      // The reader uses its memory again.
      pieces.push(piece.slice());
    }
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { error: error.message };
  }
  return { bytes: new Uint8Array(Buffer.concat(pieces)) };
}
