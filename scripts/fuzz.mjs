// Fuzzes the BGP codec for as long as you like:
//
//   node scripts/fuzz.mjs [--seconds N] [--seed S]      (npm run fuzz -- --seconds 3600)
//
// It runs test/bgp/fuzz.test.ts, which prints its seed; the seed of a failure repeats it exactly. A message that
// broke something belongs into fixtures/bgp/hostile, annotated, before the fix.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } },
});
for (const [name, value] of Object.entries(values))
  if (!/^\d+$/.test(value)) throw new Error(`--${name} takes a whole number, not ${value}`);

const { status } = spawnSync('npx', ['vitest', 'run', '--project', 'unit', 'test/bgp/fuzz.test.ts'], {
  stdio: 'inherit',
  env: { ...process.env, FUZZ_SECONDS: values.seconds, ...(values.seed && { FUZZ_SEED: values.seed }) },
});
process.exit(status ?? 1);
