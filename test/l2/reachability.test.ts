/**
 * A neighbour that talks to an announced address without a pause, and checks now and then whether it is still there
 * (RFC 4861 §7.3; Linux does the same for IPv4): ten minutes without one question that is not answered.
 */
import { expect, it } from 'vitest';
import { address } from '../../src/lib/address.ts';
import { eth0, host, request, snapshot, solicitation, vip, vip6, Wire } from '../support/layer2.ts';

const MINUTES = 10;
const DELAY_FIRST_PROBE_MS = 5_000;
const RETRANS_MS = 1_000;
const MAX_UNICAST = 3;

/** Asks this interface alone, as a neighbour does that knows the hardware address; with or without its own. */
const questions: [string, string, () => Uint8Array, string][] = [
  ['ARP', vip, () => request(vip, { destination: eth0.mac, targetMac: eth0.mac }), `eth0 reply ${vip} to host`],
  ['NDP', vip6, () => solicitation(vip6, unicast), `eth0 advertisement ${vip6} to host`],
  [
    'NDP without the source link-layer address',
    vip6,
    () => solicitation(vip6, { ...unicast, message: { type: 'solicitation', target: address(vip6) } }),
    `eth0 advertisement ${vip6} to host`,
  ],
];
const unicast = { destination: eth0.mac, source: host, to: address(vip6) };

it.each(questions)('%s', (_, ip, question, answer) => {
  const wire = new Wire();
  wire.apply(snapshot([eth0], [ip]));
  let reachableMs = 0;
  let seed = 1;
  let [cycles, asked, unanswered] = [0, 0, 0];
  while (wire.nowMs < MINUTES * 60_000) {
    // Between half and one and a half of 30 s, then stale; the next packet starts the delay.
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    reachableMs = 15_000 + (seed % 30_000);
    wire.run(wire.nowMs + reachableMs + DELAY_FIRST_PROBE_MS);
    let confirmed = false;
    for (let probe = 0; probe < MAX_UNICAST && !confirmed; probe++) {
      asked++;
      confirmed = wire.receive(eth0, question()).includes(answer);
      if (!confirmed) unanswered++;
      if (!confirmed) wire.run(wire.nowMs + RETRANS_MS);
    }
    expect(confirmed, `at ${wire.nowMs} ms`).toBe(true);
    cycles++;
  }
  expect(cycles).toBeGreaterThan(10);
  expect([asked, unanswered]).toEqual([cycles, 0]);
});
