// A full table taken in: a million IPv4 routes in UPDATEs of five, each UPDATE with attributes of its own.
import { pathToFileURL } from 'node:url';
import { HEADER_OCTETS } from '../dist/bgp/const.js';
import { DEFAULT_CONTEXT } from '../dist/bgp/context.js';
import { AttributeTable } from '../dist/bgp/intern.js';
import { Rib } from '../dist/bgp/rib.js';
import { decodeUpdate } from '../dist/bgp/update.js';
import { cpuTimed, prefixes, timed, updates } from './data.mjs';

const ROUTES = 1_000_000;
const ROUNDS = 5;
/** Routes looked at, and prefixes shown, in one turn of the engine. */
const BUDGET = 20_000;

/** Feeds all messages as `peer`; with `worst`, also the longest that one took. */
function feed(rib, peer, { bytes, starts }, worst = false) {
  const context = DEFAULT_CONTEXT;
  const { attributes } = rib;
  let longest = 0;
  for (let i = 0; i < starts.length - 1; i++) {
    const before = worst ? performance.now() : 0;
    rib.apply(peer, decodeUpdate(bytes, starts[i] + HEADER_OCTETS, starts[i + 1], context, attributes));
    if (worst) longest = Math.max(longest, performance.now() - before);
  }
  return longest;
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

export async function run() {
  const messages = updates(prefixes(ROUTES), 5);
  const results = { routes: ROUTES, messages: messages.starts.length - 1 };
  const least = (name, value) => {
    results[name] = Math.min(results[name] ?? Number.POSITIVE_INFINITY, value);
  };
  for (let round = 0; round < ROUNDS; round++) {
    const rib = new Rib(new AttributeTable());
    const cpu = cpuTimed(() =>
      least(
        'firstPeerMs',
        timed(() => feed(rib, 1, messages)),
      ),
    );
    least('firstPeerCpuMs', cpu);
    if (rib.counts(1, 'ipv4').received !== ROUTES) throw new Error('routes were lost');
    results.octetsPerRoute = rib.byteLength / ROUTES;
    const drained = slices(() => rib.drain(BUDGET, () => {}));
    least('drainMs', drained.total);
    least('drainSliceMs', drained.longest);
    least(
      'secondPeerMs',
      timed(() => feed(rib, 2, messages)),
    );
    least(
      'sameAgainMs',
      timed(() => feed(rib, 2, messages)),
    );
    results.octetsPerRouteOfTwo = rib.byteLength / (2 * ROUTES);
    least(
      'peerDownMs',
      timed(() => rib.withdrawPeer(1)),
    );
    const swept = slices(() => rib.sweep(BUDGET));
    least('sweepMs', swept.total);
    least('sweepSliceMs', swept.longest);
    // Growth: the longest that one UPDATE ever took, in a table that starts empty.
    least('longestUpdateMs', feed(new Rib(new AttributeTable()), 1, messages, true));
  }
  results.routesPerSecond = ROUTES / (results.firstPeerMs / 1000);
  results.routesPerCpuSecond = ROUTES / (results.firstPeerCpuMs / 1000);
  return results;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.table(await run());
