// Routes in the kernel: 100,000 IPv4 routes added, read and deleted, by us and by `ip -batch`, in turn and in the same
// namespace, so that what counts is the ratio. Needs root and iproute2. Each round has a table of its own number.
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { RequestSocket } from '../dist/io/netlink.js';
import { formatPrefix } from '../dist/lib/prefix.js';
import { Client } from '../dist/netlink/client.js';

const ROUTES = 100_000;
const ROUNDS = 5;
const PROTOCOL = 186;
const GATEWAY = '192.0.2.2';

/** 10.0.0.0/24 and so on, 100,000 of them out of 16.7 million. */
const prefixes = Array.from({ length: ROUTES }, (_, i) => ({
  family: 4,
  bytes: Uint8Array.of(10 + (i >> 16), (i >> 8) & 255, i & 255, 0),
  length: 24,
}));

function timed(work) {
  const before = performance.now();
  work();
  return performance.now() - before;
}

/** What is done inside the namespace, in a process of its own. */
function measure() {
  const run = (...argv) => execFileSync('ip', argv, { stdio: ['ignore', 'inherit', 'inherit'] });
  run('link', 'add', 'bench0', 'type', 'veth', 'peer', 'name', 'bench1');
  run('address', 'add', '192.0.2.1/24', 'dev', 'bench0');
  run('link', 'set', 'bench1', 'up');
  run('link', 'set', 'bench0', 'up');
  const socket = new RequestSocket();
  const client = new Client(socket);
  const link = client.get('link', { name: 'bench0' }).index;
  const hops = [{ gateway: { family: 4, bytes: Uint8Array.from(GATEWAY.split('.'), Number) }, link }];
  const results = { routes: ROUTES };
  const least = (name, ms) => {
    results[name] = Math.min(results[name] ?? Number.POSITIVE_INFINITY, ms);
  };
  const ours = (verb, table) => {
    const outcomes = client.apply(
      prefixes.map((destination) => ({
        verb,
        kind: 'route',
        value: { destination, table, protocol: PROTOCOL, hops },
      })),
    );
    const failed = outcomes.find((error) => error !== undefined);
    if (failed) throw failed;
  };
  const count = (table) => client.dump('route', { family: 4, table, protocol: PROTOCOL }).length;
  const expect = (table, n) => {
    if (count(table) !== n) throw new Error(`${count(table)} routes in table ${table}, not ${n}`);
  };
  const batch = (verb, table) => {
    const input = prefixes
      .map((p) => `route ${verb} ${formatPrefix(p)} via ${GATEWAY} dev bench0 proto ${PROTOCOL} table ${table}\n`)
      .join('');
    // The text is made beforehand and read from a pipe: ip's own work is what is timed.
    return timed(() => {
      const { status, stderr } = spawnSync('ip', ['-batch', '-'], { input });
      if (status !== 0) throw new Error(stderr.toString());
    });
  };
  for (let round = 0; round < ROUNDS; round++) {
    const [mine, its] = [1000 + round, 2000 + round];
    least(
      'addMs',
      timed(() => ours('add', mine)),
    );
    least('ipAddMs', batch('add', its));
    least(
      'dumpMs',
      timed(() => expect(mine, ROUTES)),
    );
    expect(its, ROUTES);
    least(
      'ipDumpMs',
      timed(() => execFileSync('ip', ['route', 'show', 'table', `${mine}`], { maxBuffer: 1 << 26 })),
    );
    least(
      'deleteMs',
      timed(() => ours('delete', mine)),
    );
    least('ipDeleteMs', batch('del', its));
    expect(mine, 0);
    expect(its, 0);
  }
  socket.close();
  for (const [name, ip] of [
    ['add', 'ipAdd'],
    ['delete', 'ipDelete'],
    ['dump', 'ipDump'],
  ])
    results[`${name}Ratio`] = results[`${ip}Ms`] / results[`${name}Ms`];
  return results;
}

/** Throws where there is no root or no iproute2: what cannot be measured must not look measured. */
export function run() {
  const namespace = `waypost-bench-${process.pid}`;
  execFileSync('ip', ['netns', 'add', namespace]);
  try {
    const argv = ['netns', 'exec', namespace, process.execPath, fileURLToPath(import.meta.url), 'inside'];
    return JSON.parse(execFileSync('ip', argv, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' }));
  } finally {
    execFileSync('ip', ['netns', 'del', namespace]);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  if (process.argv[2] === 'inside') console.log(JSON.stringify(measure()));
  else console.table(run());
}
