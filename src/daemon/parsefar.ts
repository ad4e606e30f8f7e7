/** Large chunks of YAML are parsed in a thread, so that sessions do not wait for them. */
import type { Parsed } from '../config/parse.ts';
import { Thread } from '../io/worker.ts';

const thread = new Thread<string, Parsed>(
  new URL(import.meta.url.endsWith('.ts') ? './parseworker.ts' : './parseworker.js', import.meta.url),
);

/** As `parseChunk`, elsewhere: the result comes in batches. */
export const parseFar = (text: string): AsyncIterable<Parsed> => thread.call(text);
