// One more announcement: from the line, rename or command that asks for it to the wire.
import { compare, during, LOCAL_ASN, median, networks, PEER_ASN } from './measure.mjs';
import { nowMs, Place, sleep } from './place.mjs';
import { peerCommand } from './startup.mjs';

const CHANGES = 20;
/** Longer than the slowest of them takes for one. */
const PAUSE_MS = 100;
/** After the session is up, what a start has left to do is done. */
const QUIET_MS = 2_000;
/** The first changes run code that is not compiled yet; a daemon that lives for months has that behind it. */
const WARM_UP = 10;

export async function run() {
  const byRun = await compare({ what: 'latency', rounds: 1 }, async (daemon, place) => {
    const sink = await place.sink({ asn: PEER_ASN });
    const settings = { peers: place.peers, announce: networks(10), asn: LOCAL_ASN, peerAsn: PEER_ASN };
    const instance = daemon.configure(place, settings);
    return during(instance.start(), () => changes(sink, (prefix) => instance.add(prefix)));
  });
  const { waypost, bird, frr, gobgp, exabgp } = byRun;
  return [
    {
      measure: 'line on stdin of `peer` to the wire',
      unit: 'ms',
      goal: 1,
      ours: await ofPeerCommand(),
      others: { exabgp },
    },
    {
      measure: 'rename of a file to the wire, `run`',
      unit: 'ms',
      goal: 5,
      ours: waypost,
      others: { bird, frr, gobgp },
    },
  ];
}

async function ofPeerCommand() {
  const place = new Place(1);
  try {
    const sink = await place.sink({ asn: PEER_ASN });
    const child = place.spawn(peerCommand(place, PEER_ASN, '--announce', '-'));
    return await during([child], () => changes(sink, (prefix) => child.stdin.write(`+ ${prefix}\n`)));
  } finally {
    place.close();
  }
}

/** The median of the changes after the warm-up. */
async function changes(sink, add) {
  await sink.wait((e) => e.event === 'established', 30_000);
  await sleep(QUIET_MS);
  sink.say('trace');
  const times = [];
  for (let i = 0; i < CHANGES + WARM_UP; i++) {
    const prefix = `21.1.${i}.0/24`;
    const from = sink.events.length;
    const start = nowMs();
    add(prefix);
    const seen = await sink.wait((e) => e.event === 'prefix' && e.prefix === prefix, 10_000, from);
    times.push(seen.at - start);
    await sleep(PAUSE_MS);
  }
  return median(times.slice(WARM_UP));
}
