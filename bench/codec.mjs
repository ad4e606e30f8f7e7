// The codec alone: a million IPv4 routes in UPDATEs of five, each UPDATE with attributes of its own, out of a stream
// in chunks as a socket gives them; and the same written. `cold` is the first run of the process, which is the one
// that a daemon knows, since a full table comes once a session.
import { pathToFileURL } from 'node:url';
import { encodeAttributes } from '../dist/bgp/attr.js';
import { DEFAULT_CONTEXT } from '../dist/bgp/context.js';
import { Framer } from '../dist/bgp/framer.js';
import { AttributeTable } from '../dist/bgp/intern.js';
import { forEachNlri } from '../dist/bgp/nlri.js';
import { decodeUpdate, writeReach } from '../dist/bgp/update.js';
import { Writer } from '../dist/lib/bytes.js';
import { attributes, prefixes, randomFrom, timed, updates } from './data.mjs';

const ROUTES = 1_000_000;
const EACH = 5;
const ROUNDS = 5;
const CHUNK = 65_536;

/** Messages cut from the stream, attributes interned in `table`, every prefix visited; returns the routes seen. */
function decode(bytes, table) {
  const framer = new Framer();
  let routes = 0;
  let sum = 0;
  const visit = (w0, _w1, _w2, _w3, length) => {
    routes++;
    sum ^= w0 ^ length;
  };
  for (let at = 0; at < bytes.length; at += CHUNK) {
    framer.push(bytes.subarray(at, at + CHUNK));
    for (let f = framer.next(); f !== undefined; f = framer.next()) {
      const update = decodeUpdate(f.bytes, f.start, f.end, DEFAULT_CONTEXT, table);
      for (const run of update.reach) {
        table.retain(run.attributes);
        forEachNlri(run, visit);
      }
    }
  }
  // `sum` is read so that no compiler takes the visits away.
  if (routes !== ROUTES || sum === undefined) throw new Error(`${routes} routes of ${ROUTES}`);
  return routes;
}

/** An UPDATE for each set, whose octets are made too. */
function encode(table, sets) {
  const w = new Writer(1 << 16);
  const ids = Uint32Array.from({ length: table.size }, (_, id) => id);
  let octets = 0;
  sets.forEach((set, i) => {
    if (w.room < DEFAULT_CONTEXT.maxMessage) {
      octets += w.at;
      w.at = 0;
    }
    const encoded = encodeAttributes(set, 'ipv4', DEFAULT_CONTEXT);
    const to = (i + 1) * EACH;
    if (writeReach(w, 'ipv4', encoded, table, ids, i * EACH, to, DEFAULT_CONTEXT) !== to) throw new Error('no room');
  });
  return octets + w.at;
}

export async function run() {
  const table = prefixes(ROUTES);
  const random = randomFrom(2);
  const sets = Array.from({ length: ROUTES / EACH }, () => attributes(random));
  const { bytes } = updates(table, EACH);
  const results = { routes: ROUTES, updates: sets.length, streamOctets: bytes.length };
  const note = (name, round, ms) => {
    if (round === 0) results[`${name}ColdMs`] = ms;
    else results[`${name}Ms`] = Math.min(results[`${name}Ms`] ?? Number.POSITIVE_INFINITY, ms);
  };
  for (let round = 0; round < ROUNDS; round++) {
    const interned = new AttributeTable();
    note(
      'decode',
      round,
      timed(() => decode(bytes, interned)),
    );
    // A second peer with the same table, or the same one after a route refresh: every set is known.
    note(
      'decodeKnown',
      round,
      timed(() => decode(bytes, interned)),
    );
    note(
      'encode',
      round,
      timed(() => encode(table, sets)),
    );
    results.sets = interned.size;
    results.octetsPerSet = interned.byteLength / interned.size;
  }
  return results;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.table(await run());
