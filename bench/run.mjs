// All benchmarks, or those named: `npm run bench` or `node bench/run.mjs startup latency`. See docs/benchmarks.md.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import { show } from './measure.mjs';

const benchmarks = [
  'codec',
  'startup',
  'latency',
  'announce',
  'receive',
  'fib',
  'bfd',
  'sessions',
  'services',
  'l2',
  'takeover',
  'decode',
];
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !benchmarks.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`no such benchmark: ${unknown.join(', ')} (there are ${benchmarks.join(', ')})\n`);
  process.exit(2);
}

const loadBefore = loadavg()[0];
const rows = [];
let failed = false;
for (const name of benchmarks) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stderr.write(`${name}\n`);
  const from = performance.now();
  try {
    const { run } = await import(`./${name}.mjs`);
    rows.push(...(await run()).map((row) => ({ benchmark: name, ...row })));
  } catch (error) {
    failed = true;
    process.stderr.write(`${name} failed: ${error.stack}\n`);
  }
  process.stderr.write(`${name} took ${Math.round((performance.now() - from) / 1000)} s\n`);
}

/** Ours to theirs, so that less is better in times and more in rates. */
const ratio = (ours, theirs) =>
  typeof ours === 'number' && typeof theirs === 'number' ? ` (${(ours / theirs).toPrecision(2)})` : '';
const met = ({ goal, ours, more }) =>
  goal === undefined || !Number.isFinite(goal) ? '' : (more ? ours >= goal : ours <= goal) ? 'met' : 'MISSED';

const table = new Table({
  head: ['measure', 'unit', 'waypost', 'goal', '', 'others (ours / theirs)'],
  style: { head: [], border: [] },
});
for (const row of rows) {
  const others = Object.entries(row.others ?? {}).map(([name, v]) => `${name} ${show(v)}${ratio(row.ours, v)}`);
  const goal = Number.isFinite(row.goal) ? `${row.more ? '>=' : '<='} ${show(row.goal)}` : '';
  table.push([row.measure, row.unit, show(row.ours), goal, met(row), others.join('\n')]);
}
process.stdout.write(`${table}\n`);

const machine = { cpu: cpus()[0]?.model, cores: cpus().length, kernel: release(), node: process.version };
const load = { before: loadBefore, after: loadavg()[0] };
process.stdout.write(`${machine.cores} x ${machine.cpu}, Linux ${machine.kernel}, node ${machine.node}; `);
process.stdout.write(`load average ${load.before.toFixed(1)} before, ${load.after.toFixed(1)} after\n`);

const folder = fileURLToPath(new URL('results/', import.meta.url));
mkdirSync(folder, { recursive: true });
const at = new Date().toISOString();
const file = `${folder}${at.replaceAll(':', '')}.json`;
writeFileSync(file, `${JSON.stringify({ at, machine, load, rows }, null, 1)}\n`);
process.stdout.write(`written to ${file}\n`);
process.exitCode = failed || rows.some((row) => typeof row.ours !== 'number') ? 1 : 0;
