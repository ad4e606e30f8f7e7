// 100,000 prefixes to ten peers: per session from Established to the last prefix, the slowest of the ten.
import { compare, during, LOCAL_ASN, networks, PEER_ASN } from './measure.mjs';

const PREFIXES = 100_000;
const PEERS = 10;

export async function run() {
  const daemons = await compare({ what: 'announce', rounds: 3, peers: PEERS }, async (daemon, place) => {
    const sink = await place.sink({ asn: PEER_ASN, expect: PREFIXES });
    const settings = { peers: place.peers, announce: networks(PREFIXES), asn: LOCAL_ASN, peerAsn: PEER_ASN };
    const instance = daemon.configure(place, settings);
    return during(instance.start(), async () => {
      let slowest = 0;
      for (const peer of place.peers) {
        const reached = await sink.wait((e) => e.event === 'reached' && e.peer === peer, 120_000);
        // A daemon may have needed a second attempt: the session that counts is the last one before.
        const up = sink.events.findLast((e) => e.event === 'established' && e.peer === peer && e.at <= reached.at);
        slowest = Math.max(slowest, reached.at - up.at);
      }
      return slowest;
    });
  });
  const { waypost, ...others } = daemons;
  const goal = Math.min(...[others.bird, others.frr].filter((n) => typeof n === 'number'));
  return [{ measure: '100,000 prefixes to 10 peers', unit: 'ms', goal, ours: waypost, others }];
}
