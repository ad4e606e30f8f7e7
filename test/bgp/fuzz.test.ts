/**
 * Damaged messages through every decoder. Nothing but a `BgpError` may come out, and what is accepted must be stable:
 * written and read again it is the same. CI runs ten seconds from a new seed each time; a longer run,
 * or the seed of a failure, is `node scripts/fuzz.mjs --seconds N --seed S`. What breaks becomes a file of
 * fixtures/bgp/hostile, which the first test replays.
 */
import { describe, expect, it } from 'vitest';
import { canCarry, decodeAttributes, decodeInterned, encodeAttributes } from '../../src/bgp/attr.ts';
import type { Context } from '../../src/bgp/context.ts';
import { BgpError } from '../../src/bgp/errors.ts';
import { Framer } from '../../src/bgp/framer.ts';
import { AttributeTable } from '../../src/bgp/intern.ts';
import {
  decodeNotification,
  decodeOpen,
  decodeRouteRefresh,
  encodeNotification,
  encodeOpen,
} from '../../src/bgp/message.ts';
import { countNlri, forEachNlri, readPrefixes } from '../../src/bgp/nlri.ts';
import { decodeUpdate, writeReach } from '../../src/bgp/update.ts';
import { toHex, Writer } from '../../src/lib/bytes.ts';
import { PrefixTable } from '../../src/lib/table.ts';
import { contextOf } from '../support/bgp.ts';
import { hexFiles } from '../support/hex.ts';
import { Mutator } from '../support/mutate.ts';

const contexts: readonly Context[] = [
  contextOf(),
  contextOf({ internal: true, extendedNextHop: true, maxMessage: 65535 }),
  contextOf({ fourOctetAs: false }),
  contextOf({ fourOctetAs: false, internal: true, families: ['ipv6'], maxMessage: 65535 }),
  contextOf({ addPathReceive: ['ipv4', 'ipv6'], addPathSend: ['ipv4', 'ipv6'], extendedNextHop: true }),
];

/** Whether the decoders accept; throws what they must not throw, and what `expect` has to say. */
function checkMessage(message: Uint8Array, context: Context, table: AttributeTable): boolean {
  const framer = new Framer();
  framer.maxMessage = context.maxMessage;
  framer.push(message);
  try {
    for (let f = framer.next(); f !== undefined; f = framer.next()) {
      const body = [f.bytes, f.start, f.end] as const;
      if (f.type === 1) checkOpen(...body);
      else if (f.type === 2) checkUpdate(...body, context, table);
      else if (f.type === 3) checkNotification(...body);
      else if (f.type === 5) decodeRouteRefresh(...body);
    }
    return true;
  } catch (error) {
    if (!(error instanceof BgpError)) throw error;
    expect(encodeNotification(error.notification).length).toBeLessThanOrEqual(4096);
    return false;
  }
}

function checkOpen(bytes: Uint8Array, start: number, end: number): void {
  const open = decodeOpen(bytes, start, end);
  const again = encodeOpen(open);
  expect(decodeOpen(again, 19, again.length)).toEqual(open);
}

function checkNotification(bytes: Uint8Array, start: number, end: number): void {
  const n = decodeNotification(bytes, start, end);
  const again = encodeNotification(n);
  if (n.data.length <= 4096 - 21) expect(decodeNotification(again, 19, again.length)).toEqual(n);
}

function checkUpdate(bytes: Uint8Array, start: number, end: number, context: Context, table: AttributeTable): void {
  const first = decodeUpdate(bytes, start, end, context, table);
  for (const run of [...first.reach, ...first.unreach]) {
    expect(run.start >= start && run.end <= end && context.families.includes(run.family)).toBe(true);
    let n = 0;
    forEachNlri(run, () => n++);
    expect(n).toBe(countNlri(run));
    expect(readPrefixes(run).length).toBe(n);
  }
  // A second time the sets are known: same ids, and nothing that was refused is trusted now.
  const second = decodeUpdate(bytes, start, end, context, table);
  expect(second).toEqual(first);
  for (const run of first.reach) {
    const attributes = decodeInterned(table.view(run.attributes));
    if (!canCarry(attributes, run.family, context)) throw new Error('a set with a next hop it cannot have');
    const encoded = encodeAttributes(attributes, run.family, context);
    const prefixes = new PrefixTable(run.family === 'ipv4' ? 4 : 6);
    const ids = readPrefixes(run).map((p) => prefixes.add(p));
    const w = new Writer(70_000);
    const next = writeReach(w, run.family, encoded, prefixes, ids, 0, ids.length, context);
    if (next === 0) continue;
    const receive = { ...context, addPathReceive: context.addPathSend };
    const again = decodeUpdate(w.bytes, 19, w.at, receive, table);
    expect([again.faults, again.unreach, again.reach.length]).toEqual([[], [], 1]);
    expect(readPrefixes(again.reach[0]!)).toEqual(readPrefixes(run).slice(0, next));
    const once = decodeInterned(table.view(again.reach[0]!.attributes));
    expect(once).toEqual({
      ...attributes,
      ...(attributes.unknown && { unknown: once.unknown }), // marked partial, and sorted
    });
    expect(encodeAttributes(once, run.family, context)).toEqual(encoded);
  }
  const withdrawn = 2 + ((bytes[start]! << 8) | bytes[start + 1]!);
  const block = start + withdrawn + 2;
  const length = (bytes[block - 2]! << 8) | bytes[block - 1]!;
  const values = decodeAttributes(bytes, block, block + length, context, block + length < end);
  expect(values.faults.every((f) => first.faults.some((g) => g.code === f.code)) || first.reach.length > 0).toBe(true);
}

const corpus = [...hexFiles('bgp/message').values(), ...hexFiles('bgp/update').values()];
const hostile = hexFiles('bgp/hostile');

describe('damaged messages', () => {
  it.each([...hostile])('%s', (_name, message) => {
    for (const context of contexts) checkMessage(message, context, new AttributeTable());
  });

  it(
    'are refused with a BgpError or read as something stable',
    () => {
      const { FUZZ_SECONDS, FUZZ_SEED } = process.env;
      const seed = Number(FUZZ_SEED ?? Date.now() % 2 ** 32);
      const mutator = new Mutator(seed);
      let table = new AttributeTable();
      let n = 0;
      let accepted = 0;
      // For as long as one likes; else so many, however quick the machine is.
      const until = performance.now() + Number(FUZZ_SECONDS) * 1000;
      const more = () => (FUZZ_SECONDS === undefined ? n < 50_000 : performance.now() < until);
      for (; more(); n++) {
        const message = mutator.message(mutator.pick(corpus), mutator.pick(corpus));
        const context = mutator.pick(contexts);
        // One table for many messages: what one leaves behind must not change what the next means.
        if (n % 1000 === 0) table = new AttributeTable();
        try {
          if (checkMessage(message, context, table)) accepted++;
        } catch (error) {
          throw new Error(`seed ${seed}, message ${n}, ${JSON.stringify(context)}\n${toHex(message)}`, {
            cause: error,
          });
        }
      }
      console.log(`fuzz: seed ${seed}, ${n} messages, ${accepted} accepted`);
      // A fuzzer that is always refused, or never, looks at nothing.
      expect(accepted / n).toBeGreaterThan(0.1);
      expect(accepted / n).toBeLessThan(0.9);
    },
    2 ** 31 - 1,
  );
});
