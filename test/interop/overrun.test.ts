/**
 * The kernel drops events because the daemon is too slow to read them: what was changed unheard is found, and the table
 * has what was learned, no more, and what others have put there.
 */
import { afterAll, expect, test } from 'vitest';
import { waitFor } from '../support/process.ts';
import { Node, program, receiving } from './node.ts';
import { far, near, type Wire, wire } from './wire.ts';

const prefixes = Array.from({ length: 3_000 }, (_, i) => `20.${i >> 8}.${i & 255}.0/24`);
/** Changes of another's route in one flood, each an event of some 800 octets in a buffer of 64 MB. */
const FLOOD = 25_000;
const MAX_FLOODS = 12;
/** The groups that the daemon listens to, as a mask: links, IPv4 routes, IPv6 routes, next-hop objects. */
const GROUPS = 0x8000_0441;

let w: Wire | undefined;
afterAll(async () => {
  await w?.close();
});

test('after an overrun of its event socket the kernel has what was learned', { timeout: 240_000 }, async () => {
  w = await wire('overrun');
  const { near: here } = w;
  const remote = w.far.spawn([
    ...program,
    ...['peer', near.ipv4, '--local-as', '65002', '--peer-as', '65001', '--router-id', far.ipv4, '--json'],
    ...['--passive', '--listen', `${far.ipv4}:1790`, '--announce', '-'],
  ]);
  remote.write(prefixes.map((prefix) => `+ ${prefix}\n`).join(''));
  const node = new Node(here);
  node.speaker();
  node.write('frr', receiving(65001, [{ address: far.ipv4, asn: 65002 }]));
  await node.start();

  const shown = async (): Promise<string[]> => {
    const text = await here.run(['ip', '-j', 'route', 'show', 'proto', '186']);
    const routes = JSON.parse(text || '[]') as { dst: string; gateway: string; metric: number }[];
    return routes.map(({ dst, gateway, metric }) => `${dst} ${gateway} ${metric}`).sort();
  };
  const learned = prefixes.map((prefix) => `${prefix} ${far.ipv4} 20`).sort();
  const isWhole = async () => JSON.stringify(await shown()) === JSON.stringify(learned);
  const log = () => node.log().slice(-5000);
  await waitFor('the kernel to have what was learned', isWhole, { log, timeoutMs: 60_000 });

  /** Events that the kernel has dropped for want of room. */
  const drops = async (): Promise<number> => {
    const sockets = (await here.run(['cat', '/proc/net/netlink'])).split('\n').map((line) => line.trim().split(/\s+/));
    const [head = [], ...rows] = sockets;
    const mine = rows.filter((row) => Number.parseInt(row[head.indexOf('Groups')] ?? '', 16) === GROUPS);
    expect(mine).toHaveLength(1);
    return Number(mine[0]![head.indexOf('Drops')]);
  };
  const batch = (lines: readonly string[]) =>
    here.run(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n`, timeoutMs: 60_000 });
  expect(await drops()).toBe(0);

  node.signal('SIGSTOP');
  const another = '198.51.100.0/24 via 192.0.2.9 proto static';
  const flood = Array.from({ length: FLOOD }, (_, i) => `route ${i % 2 === 0 ? 'add' : 'del'} ${another}`);
  for (let i = 0; i < MAX_FLOODS && (await drops()) === 0; i++) await batch(flood);
  const before = await drops();
  expect(before).toBeGreaterThan(0);
  // What follows nobody hears of.
  const [kept, deleted, replaced, taken] = [0, 1, 2, 3].map((n) => prefixes.filter((_, i) => i % 4 === n));
  expect(kept!.length).toBeGreaterThan(0);
  await batch([`route add ${another}`]);
  await batch([
    ...[...deleted!, ...taken!].map((prefix) => `route del ${prefix} proto 186`),
    ...replaced!.map((prefix) => `route replace ${prefix} via 192.0.2.9 proto 186 metric 20`),
    'route add 203.0.113.0/24 via 192.0.2.9 proto 186 metric 20',
  ]);
  // On its own: within a batch iproute2 takes the protocol of a line for that of the lines behind it.
  await batch(taken!.map((prefix) => `route add ${prefix} via 192.0.2.9 proto static metric 20`));
  const theirs = async () => (await here.run(['ip', 'route', 'show', 'proto', 'static'])).trim().split('\n').length;
  expect(await theirs()).toBe(taken!.length + 1);
  expect(await drops()).toBeGreaterThan(before);
  node.signal('SIGCONT');

  // In the place of some there are routes of another now, which stay until it takes them out.
  const rest = learned.filter((route) => !taken!.includes(route.split(' ')[0]!));
  await waitFor('all but what another has taken', async () => JSON.stringify(await shown()) === JSON.stringify(rest), {
    log,
    timeoutMs: 60_000,
  });
  const states = async () => {
    const rows = await node.rows('routes');
    return ['installed', 'conflict'].map((state) => rows.filter((row) => row.state === state).length);
  };
  await waitFor('the conflicts', async () => (await states())[1] === taken!.length, { log, timeoutMs: 60_000 });
  expect(await states()).toEqual([rest.length, taken!.length]);
  expect(await theirs()).toBe(taken!.length + 1);
  await batch(taken!.map((prefix) => `route del ${prefix} proto static metric 20`));
  await waitFor('all of it', isWhole, { log, timeoutMs: 60_000 });
  expect(await theirs()).toBe(1);

  expect(await node.end()).toBe(0);
  expect(await shown()).toEqual([]);
  await remote.stop('SIGINT');
});
