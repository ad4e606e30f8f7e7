// What the measurements share: medians over rounds, and the same thing done with every daemon.
import { daemons } from './peers/all.mjs';
import { end, Place, sleep } from './place.mjs';

export const LOCAL_ASN = 64501;
export const PEER_ASN = 64502;

/** A link that was just made is not what is measured. */
export const SETTLE_MS = 1_000;

export const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted.length === 0 ? Number.NaN : (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

/** `count` /24 networks from 20.0.0.0 on. */
export const networks = (count) =>
  Array.from({ length: count }, (_, i) => `${20 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.0/24`);

/**
 * Runs `round` with every daemon, `rounds` times: `round(daemon, place)` resolves to milliseconds.
 * @returns by daemon: the median, or a text that says why there is none
 */
export async function compare({ what, rounds, peers = 1, only }, round) {
  const results = {};
  for (const daemon of daemons) {
    const { name } = daemon;
    if (only !== undefined && !only.includes(name)) continue;
    if (!daemon.find()) results[name] = 'not installed';
    else if (daemon.without?.[what]) results[name] = daemon.without[what];
    else results[name] = await attempts(daemon, { rounds, peers }, round);
    process.stderr.write(`  ${what} ${name}: ${show(results[name])}\n`);
  }
  return results;
}

async function attempts(daemon, { rounds, peers }, round) {
  const times = [];
  for (let i = 0; i < rounds; i++) {
    const place = new Place(peers);
    try {
      if (!place.isolated && daemon.name !== 'waypost') return 'needs root, for a namespace';
      await sleep(SETTLE_MS);
      times.push(await round(daemon, place));
    } catch (error) {
      return `failed: ${error.message}`;
    } finally {
      place.close();
    }
  }
  return median(times);
}

/** Starts a daemon for the length of `work`. */
export async function during(processes, work) {
  const running = await processes;
  try {
    return await work(running);
  } finally {
    for (const child of running.reverse()) await end(child);
  }
}

export const show = (value) => (typeof value === 'number' ? value.toPrecision(3) : String(value));
