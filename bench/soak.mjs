// BFD for a long time: sessions between two fast workers, at one end beside a main thread that parses full tables without a
// pause. Nothing may flap. `npm run soak` runs an hour at 3 × 50 ms with 64 sessions; all of it can be said otherwise:
//   node bench/soak.mjs --seconds 20 --sessions 16 --interval 50 --multiplier 3 --routes 100000
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { latePercentile } from '../dist/lib/late.js';
import { Place, sleep } from './place.mjs';

const number = (fallback) => ({ type: 'string', default: `${fallback}` });
const { values } = parseArgs({
  options: {
    ...{ seconds: number(3600), sessions: number(64), interval: number(50), multiplier: number(3) },
    routes: number(1_000_000),
  },
});
const [seconds, sessions, intervalMs, multiplier, routes] = [
  ...[values.seconds, values.sessions, values.interval, values.multiplier, values.routes],
].map(Number);

const place = new Place(1);
if (!place.isolated) {
  process.stderr.write('needs root, for namespaces\n');
  process.exit(1);
}
const pairs = Array.from({ length: sessions }, (_, i) => [`10.98.1.${i + 1}`, `10.98.2.${i + 1}`]);
for (const [namespace, device, side] of [
  [place.near, 'd0', 0],
  [place.far, 'p0', 1],
])
  execFileSync('ip', ['-n', namespace, '-batch', '-'], {
    input: pairs.map((pair) => `address add ${pair[side]}/16 dev ${device}\n`).join(''),
  });

const program = fileURLToPath(new URL('bfdend.mjs', import.meta.url));
function end(namespace, task) {
  const argv = ['ip', 'netns', 'exec', namespace, process.execPath, program, JSON.stringify(task)];
  const child = place.spawnPlain(argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  const state = { child, up: 0, flaps: 0, widened: 0, late: undefined, realtime: undefined };
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = JSON.parse(line);
    if (event.event === 'state') Object.assign(state, { up: event.up, flaps: event.flaps });
    if (event.event === 'widened') state.widened++;
    if (event.event === 'late') state.late = event;
    if (event.event === 'ready') state.realtime = event.realtime;
    if (event.event === 'end') state.tables = event.tables;
  });
  return state;
}

const task = { intervalMs, multiplier, routes };
const ends = [
  end(place.near, { ...task, pairs, busy: true }),
  end(place.far, { ...task, pairs: pairs.map(([a, b]) => [b, a]), busy: false }),
];
const limitMs = Date.now() + 60_000;
// The busy end tells of its sessions between two tables only.
while (ends[1].up < sessions && Date.now() < limitMs) await sleep(50);
if (ends[1].up < sessions) {
  process.stderr.write(`only ${ends[1].up} of ${sessions} sessions came up\n`);
  place.close();
  process.exit(1);
}
await sleep(1000 * seconds);
for (const { child } of ends) child.stdin.end();
await Promise.all(ends.map(({ child }) => (child.exitCode === null ? once(child, 'exit') : undefined)));
place.close();

const told = ends.map(({ flaps, widened, late, tables, realtime }) => ({
  ...{ flaps, widened, tables, realtime },
  lateP99Ms: late && latePercentile(late, 0.99),
  lateMaxMs: late && Math.round(late.maxMs * 100) / 100,
  packets: late?.counts.reduce((a, b) => a + b, 0),
}));
const result = { seconds, sessions, intervalMs, multiplier, load: loadavg()[0], busy: told[0], idle: told[1] };
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exitCode = told.some(({ flaps }) => flaps > 0) ? 1 : 0;
