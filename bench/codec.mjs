// UPDATEs without a network: decoded into the table, and encoded from an Adj-RIB-Out, on one core.
import { run as adjout, encodeMillion } from './adjout.mjs';
import { run as rib } from './rib.mjs';

export async function run() {
  const received = await rib();
  const sent = await adjout();
  const million = encodeMillion();
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
      measure: 'routes encoded, a million, five to a set',
      unit: 'routes/s',
      more: true,
      ours: million.routesPerSecond,
    },
    {
      measure: 'routes encoded, 100,000 that share their attributes',
      unit: 'routes/s',
      more: true,
      ours: (sent.prefixes * 1000) / sent.pullOnePeerMs,
    },
    { measure: 'longest single UPDATE taken in', unit: 'ms', ours: received.longestUpdateMs },
  ];
}
