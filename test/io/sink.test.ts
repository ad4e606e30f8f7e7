/** Output that somebody reads late, or not at all, or that a disk has no room for. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Sink } from '../../src/io/sink.ts';
import { Folder, soon } from '../support/daemon.ts';

let folder: Folder;
const open: number[] = [];
beforeEach(() => {
  folder = new Folder();
  expect(spawnSync('mkfifo', [folder.file('pipe')]).status).toBe(0);
});
afterEach(() => {
  for (const fd of open.splice(0)) closeSync(fd);
  folder.dispose();
});

const opened = (file: string, flags: number): number => {
  const fd = openSync(file, flags);
  open.push(fd);
  return fd;
};
const sink = (fd: number): Sink => new Sink(fd, (lines) => `lost ${lines}\n`);

/** What is in the pipe now. */
function drain(fd: number): string {
  const room = Buffer.alloc(1024 * 1024);
  let text = '';
  for (;;)
    try {
      const octets = readSync(fd, room);
      if (octets === 0) return text; // its writers have gone
      text += room.toString('utf8', 0, octets);
    } catch {
      return text;
    }
}

test.each([
  ['that blocks', constants.O_RDWR],
  ['that does not', constants.O_RDWR | constants.O_NONBLOCK],
])('a pipe %s: nobody waits for its reader, who gets every line in order', async (_, flags) => {
  const reader = opened(folder.file('pipe'), constants.O_RDONLY | constants.O_NONBLOCK);
  const out = sink(opened(folder.file('pipe'), flags));
  const lines = Array.from({ length: 4000 }, (_, i) => `${i} ${'x'.repeat(60)}\n`);
  for (const line of lines) out.write(line);
  // The event loop turns, although the pipe has been full for long.
  await new Promise((resolve) => setTimeout(resolve, 50));
  let flushed = false;
  out.flush(() => {
    flushed = true;
  });
  expect(flushed).toBe(false);
  let text = '';
  await soon('every line', () => {
    text += drain(reader);
    return text.length >= lines.join('').length;
  });
  expect(text).toBe(lines.join(''));
  await soon('flushed', () => flushed);
});

test('what does not fit is counted, and told of when there is room', async () => {
  const reader = opened(folder.file('pipe'), constants.O_RDONLY | constants.O_NONBLOCK);
  const out = sink(opened(folder.file('pipe'), constants.O_RDWR | constants.O_NONBLOCK));
  const long = `${'y'.repeat(9_999)}\n`;
  for (let i = 0; i < 300; i++) out.write(long);
  let text = '';
  await soon('what was kept', () => {
    text += drain(reader);
    return text.length > 1_000_000 && text.includes('lost');
  });
  const [, lost] = /^lost (\d+)$/m.exec(text)!;
  await soon('the rest', () => {
    text += drain(reader);
    return text.split(long).length - 1 + Number(lost) === 300;
  });
});

test('a full disk takes nothing, and is no failure', async () => {
  const out = sink(opened('/dev/full', constants.O_WRONLY));
  for (let i = 0; i < 100; i++) out.write('line\n');
  await new Promise<void>((resolve) => out.flush(resolve));
  out.write('and more\n');
  await new Promise<void>((resolve) => out.flush(resolve));
});

describe('standard error that nobody reads', () => {
  const program = fileURLToPath(new URL('../support/unread.mjs', import.meta.url));

  test('a socket, as a service manager gives: the process goes on, and who reads at last gets every line', async () => {
    const child = spawn('node', [program], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stderr.pause();
    await once(child.stdout, 'data');
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    child.stderr.resume();
    await once(child, 'close');
    expect(text.split('\n').length - 1).toBe(10_000);
  });

  test('a pipe: the process goes on, and ends when it wants to', async () => {
    const reader = opened(folder.file('pipe'), constants.O_RDONLY | constants.O_NONBLOCK);
    const child = spawn('bash', ['-c', 'exec node "$0" end 2>"$1"', program, folder.file('pipe')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(0);
    expect(drain(reader).split('\n').length).toBeGreaterThan(100);
  });
});
