// A table sent: 100,000 IPv4 routes that share their attributes, to ten peers.
import { pathToFileURL } from 'node:url';
import { AdjRibOut } from '../dist/bgp/adjout.js';
import { DEFAULT_CONTEXT } from '../dist/bgp/context.js';
import { address } from '../dist/lib/address.js';
import { attributes, prefixes, randomFrom, timed } from './data.mjs';

const PREFIXES = 100_000;
const PEERS = 10;
const ROUNDS = 5;
const PULL_OCTETS = 128 * 1024;

const nextHop = address('192.0.2.1');
const exportRoute = (route) => ({ ...route, nextHop, asPath: [{ type: 'sequence', asns: [64496] }, ...route.asPath] });

function drain(out) {
  let octets = 0;
  let longest = 0;
  for (;;) {
    const before = performance.now();
    const bytes = out.pull(PULL_OCTETS);
    longest = Math.max(longest, performance.now() - before);
    if (bytes === undefined) return { octets, longest };
    octets += bytes.length;
  }
}

/** A million routes, five to an attribute set, written for one peer: routes a second. */
export function encodeMillion() {
  const size = 1_000_000;
  const table = prefixes(size);
  const random = randomFrom(4);
  const out = new AdjRibOut();
  let shared;
  for (let id = 0; id < size; id++) {
    if (id % 5 === 0) shared = attributes(random);
    out.set(table.prefix(id), shared);
  }
  out.open(DEFAULT_CONTEXT, exportRoute);
  const ms = timed(() => drain(out));
  if (out.counts('ipv4').advertised !== size) throw new Error('prefixes were lost');
  return { routesPerSecond: (size * 1000) / ms, messages: out.messagesSent };
}

export async function run() {
  const table = prefixes(PREFIXES);
  const list = Array.from({ length: PREFIXES }, (_, id) => table.prefix(id));
  const shared = { origin: 'igp', asPath: [], communities: [0xfde80001] };
  const random = randomFrom(3);
  // A tenth as many attribute sets as prefixes.
  const own = Array.from({ length: PREFIXES / 10 }, () => attributes(random));
  const setAll = (out, attributesOf) => {
    for (let i = 0; i < PREFIXES; i++) out.set(list[i], attributesOf(i));
  };
  const results = { prefixes: PREFIXES, peers: PEERS };
  const least = (name, value) => {
    results[name] = Math.min(results[name] ?? Number.POSITIVE_INFINITY, value);
  };
  for (let round = 0; round < ROUNDS; round++) {
    const peers = Array.from({ length: PEERS }, () => new AdjRibOut());
    const set = timed(() => {
      for (const out of peers) for (const prefix of list) out.set(prefix, shared);
    });
    least('setOnePeerMs', set / PEERS);
    let octets = 0;
    let longest = 0;
    const open = timed(() => {
      for (const out of peers) out.open(DEFAULT_CONTEXT, exportRoute);
    });
    least('openOnePeerMs', open / PEERS);
    const pull = timed(() => {
      for (const out of peers) {
        const done = drain(out);
        octets += done.octets;
        longest = Math.max(longest, done.longest);
      }
    });
    least('pullOnePeerMs', pull / PEERS);
    least('longestPullMs', longest);
    least('allPeersMs', set + open + pull);
    results.messagesOnePeer = peers[0].messagesSent;
    results.octetsOnePeer = octets / PEERS;
    if (peers[0].counts('ipv4').advertised !== PREFIXES) throw new Error('prefixes were lost');

    const [out] = peers;
    least(
      'setAgainMs',
      timed(() => setAll(out, () => shared)),
    );
    least(
      'setWhileOpenMs',
      timed(() => setAll(out, (i) => own[i % own.length])),
    );
    least(
      'pullManySetsMs',
      timed(() => drain(out)),
    );
    least(
      'setEqualObjectsMs',
      timed(() => setAll(out, (i) => ({ ...own[i % own.length] }))),
    );
    if (out.pending) throw new Error('equal attributes were taken for others');
    least(
      'replaceMs',
      timed(() => out.replace(list.map((prefix) => [prefix, shared]))),
    );
    least(
      'withdrawMs',
      timed(() => {
        drain(out);
        for (const prefix of list) out.delete(prefix);
        drain(out);
      }),
    );
  }
  return results;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.table(await run());
