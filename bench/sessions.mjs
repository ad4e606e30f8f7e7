// 1,000 sessions with a hold time of 9 s, held while one of them brings a full table.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { prefixes, updates } from './data.mjs';
import { during, LOCAL_ASN, PEER_ASN } from './measure.mjs';
import * as waypost from './peers/waypost.mjs';
import { nowMs, Place, sleep } from './place.mjs';

const SESSIONS = 1_000;
const HOLD_SEC = 9;
const TABLE = 1_000_000;
const PORT = 17901;

export async function run() {
  const place = new Place(0);
  try {
    // All of 127.0.0.0/8 is ours on the loopback interface.
    const peers = Array.from({ length: SESSIONS }, (_, i) => `127.99.${i >> 8}.${i & 255}`);
    const sink = await place.sinkBeside({ asn: PEER_ASN, hold: HOLD_SEC, port: PORT });
    const instance = waypost.configure(
      { ...place, folder: place.folder, local: undefined, port: PORT, spawn: (...a) => place.spawn(...a) },
      { peers, asn: LOCAL_ASN, peerAsn: PEER_ASN, hold: HOLD_SEC },
    );
    const file = join(place.folder, 'table');
    writeFileSync(file, updates(prefixes(TABLE), 5, 2, { asn: PEER_ASN, nextHop: 0xc0000201 }).bytes);
    const start = nowMs();
    return await during(instance.start(), async () => {
      const up = () => sink.events.filter((e) => e.event === 'established').length;
      while (up() < SESSIONS) {
        if (nowMs() - start > 60_000) throw new Error(`only ${up()} of ${SESSIONS} sessions came up`);
        await sleep(20);
      }
      const upMs = nowMs() - start;
      sink.say('gaps');
      await sleep(1000);
      sink.say(`send ${file}`);
      await sink.wait((e) => e.event === 'sent', 120_000);
      await sleep(2 * HOLD_SEC * 1000);
      const from = sink.events.length;
      sink.say('gaps');
      const gap = await sink.wait((e) => e.event === 'gap', 5_000, from);
      const rows = await waypost.ask(instance.control, '/show/peers');
      const received = rows.reduce((n, row) => n + row.prefixes.received, 0);
      if (received !== TABLE) throw new Error(`${received} routes arrived of ${TABLE}`);
      const established = rows.filter((row) => row.state === 'Established').length;
      const flaps = rows.reduce((n, row) => n + row.flaps, 0) + sink.events.filter((e) => e.event === 'closed').length;
      return [
        { measure: '1,000 sessions: exec to all Established', unit: 'ms', ours: upMs },
        {
          measure: '1,000 sessions: Established after a full table',
          unit: 'sessions',
          goal: SESSIONS,
          more: true,
          ours: established,
        },
        { measure: '1,000 sessions: flaps', unit: 'flaps', goal: 0, ours: flaps },
        {
          measure: '1,000 sessions: longest silence (keepalive every 3 s)',
          unit: 'ms',
          goal: HOLD_SEC * 1000,
          ours: gap.longestMs,
        },
      ];
    });
  } finally {
    place.close();
  }
}
