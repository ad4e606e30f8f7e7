// From exec to Established, against a peer that waits, over an internal session.
import { compare, during, LOCAL_ASN, median, SETTLE_MS } from './measure.mjs';
import { program } from './peers/waypost.mjs';
import { nowMs, Place, sleep } from './place.mjs';

const ROUNDS = 7;
const established = (e) => e.event === 'established';

export async function run() {
  const daemons = await compare({ what: 'startup', rounds: ROUNDS }, async (daemon, place) => {
    const sink = await place.sink({ asn: LOCAL_ASN });
    const instance = daemon.configure(place, { peers: place.peers, asn: LOCAL_ASN, peerAsn: LOCAL_ASN });
    const start = nowMs();
    return during(instance.start(), async () => (await sink.wait(established, 60_000)).at - start);
  });
  return [
    {
      measure: 'exec to Established, `peer`',
      unit: 'ms',
      goal: 250,
      ours: await ofPeerCommand(),
      others: rest(daemons),
    },
    { measure: 'exec to Established, `run`', unit: 'ms', goal: 250, ours: daemons.waypost, others: rest(daemons) },
  ];
}

const rest = ({ waypost: _, ...others }) => others;

async function ofPeerCommand() {
  const times = [];
  for (let i = 0; i < ROUNDS; i++) {
    const place = new Place(1);
    try {
      const sink = await place.sink({ asn: LOCAL_ASN });
      await sleep(SETTLE_MS);
      const start = nowMs();
      const child = place.spawn(peerCommand(place, LOCAL_ASN));
      times.push(await during([child], async () => (await sink.wait(established, 10_000)).at - start));
    } finally {
      place.close();
    }
  }
  return median(times);
}

export const peerCommand = (place, peerAsn, ...more) => [
  ...[process.execPath, program, 'peer', place.peers[0], '--port', String(place.port)],
  ...['--local-as', String(LOCAL_ASN), '--peer-as', String(peerAsn), ...more],
];
