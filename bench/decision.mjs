// A million prefixes with two candidates each: deciding on all, again, and without one of the peers; receive policy.
import { pathToFileURL } from 'node:url';
import { Admission } from '../dist/bgp/admission.js';
import { HEADER_OCTETS } from '../dist/bgp/const.js';
import { DEFAULT_CONTEXT } from '../dist/bgp/context.js';
import { Guard } from '../dist/bgp/guard.js';
import { AttributeTable } from '../dist/bgp/intern.js';
import { LocRib } from '../dist/bgp/locrib.js';
import { ReceiveFilter } from '../dist/bgp/receive.js';
import { Rib } from '../dist/bgp/rib.js';
import { decodeUpdate } from '../dist/bgp/update.js';
import { address } from '../dist/lib/address.js';
import { prefixes, randomFrom, timed, updates } from './data.mjs';

const ROUTES = 1_000_000;
const RULES = 1000;
/** Prefixes decided on in one turn of the engine. */
const BUDGET = 5_000;

function feed(rib, peer, { bytes, starts }) {
  for (let i = 0; i < starts.length - 1; i++) {
    const update = decodeUpdate(bytes, starts[i] + HEADER_OCTETS, starts[i + 1], DEFAULT_CONTEXT, rib.attributes);
    rib.apply(peer, update);
  }
}

/** Runs `slice` until it returns false; the time of all slices, and of the longest. */
function slices(slice) {
  let total = 0;
  let longest = 0;
  for (let more = true; more; ) {
    const ms = timed(() => {
      more = slice();
    });
    total += ms;
    longest = Math.max(longest, ms);
  }
  return { total, longest };
}

function decisions(table, add) {
  const rib = new Rib(new AttributeTable());
  const loc = new LocRib(rib, () => 0, { multipath: { external: 8, asPath: 'relaxed' } });
  const neighbours = [64601, 64602];
  neighbours.forEach((asn, i) => {
    const neighbour = { asn, nextHop: 0xc0000201 + i };
    loc.setPeer(i + 1, { internal: false, routerId: i + 1, address: address(`192.0.2.${i + 1}`) });
    feed(rib, i + 1, updates(table, 5, 2 + i, neighbour));
  });
  let changes = 0;
  const work = () => loc.work(BUDGET, () => changes++);
  const measure = (name, ms, want) => {
    add(name, ms.total);
    add(`${name}, longest slice`, ms.longest);
    if (want !== undefined && changes !== want) throw new Error(`${name}: ${changes} changes, not ${want}`);
    changes = 0;
  };
  measure('first decision', slices(work), ROUTES);
  loc.reconsider();
  measure('again', slices(work), 0);
  add('octets a prefix', loc.byteLength / ROUTES);
  rib.withdrawPeer(1);
  measure(
    'sweep of a peer',
    slices(() => rib.sweep(BUDGET)),
  );
  measure('decision without it', slices(work));
  rib.withdrawPeer(2);
  while (rib.sweep(BUDGET));
  measure('the last routes go', slices(work), ROUTES);
  if (loc.selections.size !== 0 || rib.attributes.size !== 0) throw new Error('something is kept');
}

function receive(table, add) {
  const random = randomFrom(5);
  const pick = () => table.prefix(random(table.size));
  const rules = Array.from({ length: RULES }, () => {
    const prefix = pick();
    return random(2) === 0 ? { prefix } : { prefix, le: Math.min(32, prefix.length + random(9)) };
  });
  const guard = new Guard({ alwaysBlock: [pick()], own: Array.from({ length: 100 }, pick) });
  const filter = new ReceiveFilter({ rules });
  let accepted = 0;
  const ms = timed(() => {
    for (let id = 0; id < ROUTES; id++) {
      const w0 = table.word(id, 0);
      const length = table.lengthOf(id);
      if (filter.reason(4, w0, 0, 0, 0, length, guard.flags(4, w0, 0, 0, 0, length)) === undefined) accepted++;
    }
  });
  if (accepted < RULES / 2) throw new Error(`only ${accepted} accepted`);
  add('receive policy, 1000 rules', ms);
}

/** The same table taken in with and without someone to ask about each route. */
function admission(table, add) {
  const messages = updates(table, 5, 2, { asn: 64601 });
  const plain = new Rib(new AttributeTable());
  add(
    'taking in, nobody asked',
    timed(() => feed(plain, 1, messages)),
  );
  const attributes = new AttributeTable();
  const gate = new Admission(attributes, new Guard());
  const rib = new Rib(attributes, gate.accept);
  gate.attach(rib);
  const rules = {
    internal: false,
    peerAsn: 64601,
    localAsns: [64501],
    routerId: 1,
    enforceFirstAs: true,
    refuseMartians: true,
    isLocal: () => false,
  };
  gate.setPeer(1, rules, new ReceiveFilter({ all: true }));
  add(
    'taking in, with admission',
    timed(() => feed(rib, 1, messages)),
  );
  // Some of them are martians.
  if (rib.counts(1, 'ipv4').accepted < 0.98 * ROUTES) throw new Error('routes were refused');
  gate.setPeer(1, rules, new ReceiveFilter({}));
  const reviewed = slices(() => gate.review(20_000));
  if (rib.counts(1, 'ipv4').accepted !== 0) throw new Error('routes are still accepted');
  add('review after a new policy', reviewed.total);
  add('review after a new policy, longest slice', reviewed.longest);
}

export async function run(rounds = 2) {
  const table = prefixes(ROUTES);
  const best = new Map();
  const add = (name, value) => best.set(name, Math.min(best.get(name) ?? Number.POSITIVE_INFINITY, value));
  for (let round = 0; round < rounds; round++) {
    decisions(table, add);
    receive(table, add);
    admission(table, add);
  }
  const unit = (name) => (name.startsWith('octets') ? 'octets' : 'ms');
  return [...best].map(([measure, ours]) => ({ measure, unit: unit(measure), ours }));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.table(await run());
