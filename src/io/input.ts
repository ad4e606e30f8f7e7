/** A file, or standard input, as chunks; what is compressed comes out decompressed. */
import { type FileHandle, open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { readError } from './content.ts';

/** The input cannot be read; the message is for people. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** Octets of a file that are read at a time. */
const CHUNK_OCTETS = 256 * 1024;

type Chunks = AsyncGenerator<Buffer, void, undefined>;

/**
 * The octets of `file`, or of standard input without one or where it is `-`; a chunk is valid until the next but one. Files compressed by gzip
 * or bzip2 are told by how they begin; for bzip2 the program of that name is run. Throws `InputError` while it is read.
 */
export async function* readInput(given: string | undefined): AsyncGenerator<Uint8Array, void, undefined> {
  const file = given === '-' ? undefined : given;
  const name = file ?? 'standard input';
  let handle: FileHandle | undefined;
  try {
    handle = file === undefined ? undefined : await open(file);
    const chunks = handle === undefined ? (process.stdin[Symbol.asyncIterator]() as Chunks) : chunksOf(handle);
    const start = await first(chunks);
    const packer = packers.find(({ magic }) => magic.every((b, i) => start[i] === b));
    const rest = resume(start, chunks);
    yield* packer === undefined ? rest : packer.unpack(copies(rest));
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${name}: ${error.message}`);
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EISDIR') throw new InputError(`${name}: is a folder, where a file is expected`);
    throw new InputError(
      `${name}: ${code?.startsWith('Z_') ? `the gzip data is damaged (${message})` : readError(error)}`,
    );
  } finally {
    await handle?.close();
    if (file === undefined) process.stdin.destroy();
  }
}

/** A file, in two buffers that take turns: a new one for each piece costs the kernel more than reading it. */
async function* chunksOf(handle: FileHandle): Chunks {
  const buffers = [Buffer.allocUnsafe(CHUNK_OCTETS), Buffer.allocUnsafe(CHUNK_OCTETS)] as const;
  for (let turn: 0 | 1 = 0; ; turn = turn === 0 ? 1 : 0) {
    const { bytesRead } = await handle.read(buffers[turn], 0, CHUNK_OCTETS);
    if (bytesRead === 0) return;
    yield buffers[turn].subarray(0, bytesRead);
  }
}

/** For whoever keeps chunks in a queue. */
async function* copies(chunks: Chunks): Chunks {
  for await (const chunk of chunks) yield Buffer.from(chunk);
}

/** Enough octets to tell how the input is compressed, or all there are. */
async function first(chunks: Chunks): Promise<Buffer> {
  let start: Buffer = Buffer.alloc(0);
  while (start.length < 4) {
    const next = await chunks.next();
    if (next.done) break;
    start = start.length === 0 ? next.value : Buffer.concat([start, next.value]);
  }
  return start;
}

async function* resume(start: Buffer, chunks: Chunks): Chunks {
  if (start.length > 0) yield start;
  yield* chunks;
}

const packers = [
  { magic: [0x1f, 0x8b], unpack: gunzip },
  { magic: [0x42, 0x5a, 0x68], unpack: bunzip2 },
];

async function* gunzip(packed: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array, void, undefined> {
  const unzip = process.getBuiltinModule('node:zlib').createGunzip({ chunkSize: CHUNK_OCTETS });
  // Its error comes out of the reading end.
  pipeline(packed, unzip, () => {});
  yield* unzip as AsyncIterable<Buffer>;
}

async function* bunzip2(packed: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array, void, undefined> {
  const { spawn } = process.getBuiltinModule('node:child_process');
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
