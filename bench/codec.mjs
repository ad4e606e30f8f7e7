// UPDATEs without a network: decoded into the table, and encoded from an Adj-RIB-Out, on one core.
import { run as adjout } from './adjout.mjs';
import { run as rib } from './rib.mjs';

export async function run() {
  const received = await rib();
  const sent = await adjout();
  return [
    {
      measure: 'routes decoded into the table',
      unit: 'routes/s',
      goal: 1_500_000,
      more: true,
      ours: received.routesPerSecond,
    },
    { measure: 'table memory', unit: 'octets/route', goal: 100, ours: received.octetsPerRoute },
    {
      measure: 'routes encoded for one peer',
      unit: 'routes/s',
      more: true,
      ours: (sent.prefixes * 1000) / sent.pullOnePeerMs,
    },
    { measure: 'longest single UPDATE taken in', unit: 'ms', ours: received.longestUpdateMs },
  ];
}
