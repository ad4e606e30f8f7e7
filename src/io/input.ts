/** A file, or standard input, as chunks; what is compressed comes out decompressed. */
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { readError } from './content.ts';

/** The input cannot be read; the message is for people. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** Octets of a file that is read at a time. */
const CHUNK_OCTETS = 256 * 1024;

/**
 * The octets of `file`, or of standard input without one. Files compressed by gzip or bzip2 are told by how they begin; for
 * bzip2 the program of that name is run. Throws `InputError` while it is read.
 */
export async function* readInput(file: string | undefined): AsyncGenerator<Uint8Array, void, undefined> {
  const name = file ?? 'standard input';
  const source: Readable = file === undefined ? process.stdin : createReadStream(file, { highWaterMark: CHUNK_OCTETS });
  try {
    const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    const start = await first(chunks);
    const packer = packers.find(({ magic }) => magic.every((b, i) => start[i] === b));
    const rest = resume(start, chunks);
    yield* packer === undefined ? rest : packer.unpack(rest);
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${name}: ${error.message}`);
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EISDIR') throw new InputError(`${name}: is a folder, where a file is expected`);
    throw new InputError(
      `${name}: ${code?.startsWith('Z_') ? `the gzip data is damaged (${message})` : readError(error)}`,
    );
  } finally {
    source.destroy();
  }
}

/** Enough octets to tell how the input is compressed, or all there are. */
async function first(chunks: AsyncIterator<Buffer>): Promise<Buffer> {
  let start: Buffer = Buffer.alloc(0);
  while (start.length < 4) {
    const next = await chunks.next();
    if (next.done) break;
    start = start.length === 0 ? next.value : Buffer.concat([start, next.value]);
  }
  return start;
}

async function* resume(start: Buffer, chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  if (start.length > 0) yield start;
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
}

const packers = [
  { magic: [0x1f, 0x8b], unpack: gunzip },
  { magic: [0x42, 0x5a, 0x68], unpack: bunzip2 },
];

async function* gunzip(packed: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array, void, undefined> {
  const unzip = createGunzip({ chunkSize: CHUNK_OCTETS });
  // Its error comes out of the reading end.
  pipeline(packed, unzip, () => {});
  yield* unzip as AsyncIterable<Buffer>;
}

async function* bunzip2(packed: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array, void, undefined> {
  const child = spawn('bzip2', ['-dc'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(0, 500);
  });
  const ended = new Promise<string | undefined>((resolve) => {
    child.on('error', ({ code, message }: NodeJS.ErrnoException) =>
      resolve(code === 'ENOENT' ? 'is compressed by bzip2, and the program bzip2 is not here: install it' : message),
    );
    child.on('close', (code) => resolve(code === 0 ? undefined : `the bzip2 data is damaged (${complaint.trim()})`));
  });
  pipeline(packed, child.stdin, () => {});
  try {
    yield* child.stdout as AsyncIterable<Buffer>;
    const problem = await ended;
    if (problem !== undefined) throw new InputError(problem);
  } finally {
    child.kill();
  }
}
