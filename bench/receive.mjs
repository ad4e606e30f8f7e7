// A table received over TCP: from the first octet sent until the daemon itself counts all of it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { prefixes, updates } from './data.mjs';
import { compare, during, LOCAL_ASN, PEER_ASN } from './measure.mjs';
import { nowMs, sleep } from './place.mjs';

const SIZES = [100_000, 1_000_000];
const POLL_MS = 20;

export async function run() {
  const rows = [];
  for (const size of SIZES) {
    const { bytes } = updates(prefixes(size), 5, 2, { asn: PEER_ASN, nextHop: 0x0a630002 });
    const rounds = size > 100_000 ? 1 : 3;
    const daemons = await compare({ what: 'receive', rounds }, async (daemon, place) => {
      const file = join(place.folder, 'table');
      writeFileSync(file, bytes);
      const sink = await place.sink({ asn: PEER_ASN });
      const instance = daemon.configure(place, { peers: place.peers, asn: LOCAL_ASN, peerAsn: PEER_ASN });
      return during(instance.start(), async () => {
        await sink.wait((e) => e.event === 'established', 60_000);
        await sleep(2000);
        sink.say(`send ${file}`);
        const { at: start } = await sink.wait((e) => e.event === 'sending', 5_000);
        await sink.wait((e) => e.event === 'sent', 240_000);
        while ((await instance.received()) < size) {
          if (nowMs() - start > 120_000) throw new Error('not all within 120 s');
          if (sink.events.some((e) => e.event === 'closed')) throw new Error('the session ended');
          await sleep(POLL_MS);
        }
        return nowMs() - start;
      });
    });
    const { waypost, ...others } = daemons;
    const goal = typeof others.frr === 'number' ? others.frr : undefined;
    rows.push({ measure: `${size.toLocaleString('en')} routes received`, unit: 'ms', goal, ours: waypost, others });
  }
  return rows;
}
