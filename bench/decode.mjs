// A million routes of a table dump (MRT) as text: ours as lines of JSON, bgpdump's as its one-line format. Whole processes,
// output to /dev/null, so that both write and nobody's terminal is measured.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeAttributes } from '../dist/bgp/attr.js';
import { DEFAULT_CONTEXT } from '../dist/bgp/context.js';
import { writeNlri } from '../dist/bgp/nlri.js';
import { Writer } from '../dist/lib/bytes.js';
import { attributes, prefixes, randomFrom } from './data.mjs';

const PREFIXES = 200_000;
const PEERS = 5;
/** Prefixes that share their attributes at one peer, as those of one UPDATE did. */
const SHARED = 5;
const ROUNDS = 3;
const program = fileURLToPath(new URL('../bin/waypost', import.meta.url));

/** TABLE_DUMP_V2 (RFC 6396 §4.3) of a table that five peers sent. Returns the octets written. */
function writeDump(file) {
  const fd = openSync(file, 'w');
  const random = randomFrom(3);
  const table = prefixes(PREFIXES);
  const w = new Writer(1 << 20);
  const record = (subtype, body) => {
    w.u32(1_700_000_000).u16(13).u16(subtype);
    const start = w.at;
    w.u32(0);
    body();
    const length = w.at - start - 4;
    w.bytes.set([length >>> 24, length >>> 16, length >>> 8, length], start);
    if (w.at < w.bytes.length / 2) return;
    writeSync(fd, w.bytes, 0, w.at);
    w.at = 0;
  };
  record(1, () => {
    w.u32(0x0a000001).u16(0).u16(PEERS);
    for (let p = 0; p < PEERS; p++)
      w.u8(2)
        .u32(p + 1)
        .u32(0xc0000201 + p)
        .u32(65_001 + p);
  });
  const sets = [];
  const learned = [];
  for (let id = 0; id < table.size; id++) {
    if (id % SHARED === 0)
      for (let p = 0; p < PEERS; p++) {
        sets[p] = encodeAttributes(attributes(random), 'ipv4', DEFAULT_CONTEXT).block;
        learned[p] = 1_700_000_000 - random(30 * 86_400);
      }
    record(2, () => {
      w.u32(id);
      writeNlri(w, table, id);
      w.u16(PEERS);
      for (let p = 0; p < PEERS; p++) w.u16(p).u32(learned[p]).u16(sets[p].length).put8s(sets[p]);
    });
  }
  writeSync(fd, w.bytes, 0, w.at);
  closeSync(fd);
}

/** Seconds that a command takes, the best of some; undefined where it is not there. */
function best(command, args) {
  let least;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    const { error, status, stderr } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    if (error?.code === 'ENOENT') return 'not installed';
    if (status !== 0) return `failed: ${stderr}`;
    least = Math.min(least ?? Number.POSITIVE_INFINITY, (performance.now() - start) / 1000);
  }
  return least;
}

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'waypost-bench-'));
  const file = join(folder, 'rib.mrt');
  try {
    writeDump(file);
    const theirs = best('bgpdump', ['-m', file]);
    return [
      {
        measure: '1,000,000 routes of a table dump as text',
        unit: 's',
        ours: best(process.execPath, [program, 'decode', file]),
        goal: typeof theirs === 'number' ? theirs : undefined,
        others: { 'bgpdump -m': theirs },
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
