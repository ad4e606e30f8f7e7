/** `waypost peer` as a lab tool: lines in, events out, and an exit status that scripts can use. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PeerEvent } from '../../src/daemon/adhoc.ts';
import { address } from '../../src/lib/address.ts';
import { aWhile, Router, soon, spawnWaypost, waypost } from '../support/daemon.ts';
import type { Daemon as Process } from '../support/process.ts';

let router: Router;
let child: Process | undefined;
beforeEach(async () => {
  router = await new Router().start();
});
afterEach(async () => {
  await child?.stop();
  child = undefined;
  await router.stop();
});

const session = (): string[] => [
  ...['peer', '127.0.0.1', '--port', `${router.port}`, '--local-as', '64512', '--source', '127.0.0.1'],
  ...['--router-id', '192.0.2.1'],
];
const events = (text: string): PeerEvent[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as PeerEvent);

test('prefixes from the command line and from standard input, with their attributes', async () => {
  const attributes = [
    ...['--community', '64512:7', '--community', '65535:65281', '--large-community', '64512:1:2'],
    ...['--local-pref', '200', '--med', '5', '--next-hop', '192.0.2.99'],
  ];
  child = spawnWaypost([...session(), ...attributes, '--announce', '198.51.100.0/24', '--announce', '-']);
  await router.knows('198.51.100.0/24');
  expect(router.routes.get('198.51.100.0/24')).toEqual({
    nextHop: '192.0.2.99',
    origin: 'igp',
    asPath: [],
    localPref: 200,
    med: 5,
    communities: ['64512:7', '65535:65281'],
    largeCommunities: ['64512:1:2'],
  });
  child.write('+ 203.0.113.1/32\n+203.0.113.2/32\n\n');
  await router.knows('198.51.100.0/24', '203.0.113.1/32', '203.0.113.2/32');
  child.write('- 203.0.113.1/32\n- 198.51.100.0/24\n');
  await router.knows('203.0.113.2/32');
  child.write('what?\n* 1.2.3.4/32\n+ 1.2.3.4/33\n');
  await soon('three complaints', () => child!.output.split('expected "+ PREFIX" or "- PREFIX"').length === 4);
  expect(router.prefixes).toEqual(['203.0.113.2/32']);
  expect(await child.stop('SIGINT')).toBe(0);
  await soon('the farewell', () => router.ends.length === 1);
  expect(router.ends[0]).toContain('Cease/Administrative Shutdown');
});

test('--json: one event a line, received routes among them', async () => {
  child = spawnWaypost([...session(), '--json']);
  await soon('the session', () => router.established);
  const nextHop = address('192.0.2.7');
  router.announce('198.51.100.0/24', { origin: 'egp', asPath: [], nextHop, localPref: 10, communities: [0x00010002] });
  await soon('the route', () => child!.stdout.includes('198.51.100.0/24'));
  router.withdraw('198.51.100.0/24');
  await soon('its end', () => events(child!.stdout).some((e) => e.event === 'withdraw'));
  await child.stop('SIGINT');
  const all = events(child.stdout);
  for (const event of all) expect(event.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  expect(all.map((e) => e.event)).toEqual(expect.arrayContaining(['state', 'established', 'endOfRib']));
  expect(all.find((e) => e.event === 'established')).toMatchObject({
    routerId: '127.0.0.1',
    peerAsn: 64512,
    holdTimeSec: 90,
    families: ['ipv4', 'ipv6'],
  });
  expect(all.find((e) => e.event === 'announce')).toMatchObject({
    prefix: '198.51.100.0/24',
    nextHop: '192.0.2.7',
    origin: 'egp',
    localPref: 10,
    communities: ['1:2'],
  });
  expect(all.find((e) => e.event === 'withdraw')).toMatchObject({ prefix: '198.51.100.0/24' });
});

test('what this peer cannot be told is said, and what no peer could is refused', async () => {
  await router.stop();
  router = await new Router({ families: ['ipv4'] }).start();
  child = spawnWaypost([...session(), '--json', '--announce', '2001:db8::/32', '--announce', '-']);
  await soon('the session', () => router.established);
  const unsent = () => events(child!.stdout).filter((e) => e.event === 'unsent');
  await soon('the reason', () => unsent().length === 1);
  expect(unsent()[0]).toMatchObject({
    family: 'ipv6',
    prefixes: 1,
    reason: 'familyNotNegotiated',
    detail: 'the peer takes no routes of the family',
  });
  child.write('+ 2001:db8:1::/48\n+ 198.51.100.0/24\n');
  await router.knows('198.51.100.0/24');
  await soon('another', () => unsent().length === 2);
  expect(unsent()[1]).toMatchObject({ prefixes: 2 });
  await child.stop('SIGINT');
  child = spawnWaypost([...session(), '--family', 'ipv4', '--next-hop', '192.0.2.9', '--announce', '-']);
  await soon('another session', () => router.sessions === 2);
  child.write('+ 2001:db8::/32\n+ 203.0.113.0/24\n');
  await router.knows('203.0.113.0/24');
  await soon('a complaint', () => child!.output.includes('waypost: 2001:db8::/32 is not of --family ipv4\n'));
});

test('a preference for a peer in another AS is said to be of no effect', async () => {
  const { stderr } = await waypost([...session(), '--peer-as', '64999', '--local-pref', '7', '--duration', '1']);
  expect(stderr).toContain('waypost: --local-pref is not told to a peer in another AS');
});

test('--duration ends it, with exit 0 when there was a session', async () => {
  const { code, stdout } = await waypost([...session(), '--duration', '1', '--json', '--announce', '198.51.100.0/24']);
  expect(code).toBe(0);
  expect(events(stdout).some((e) => e.event === 'state' && e.to === 'Established')).toBe(true);
  expect(router.heard).toEqual(new Set(['198.51.100.0/24']));
});

test('an interrupt does not wait for the duration', async () => {
  child = spawnWaypost([...session(), '--duration', '600', '--announce', '-']);
  await soon('the session', () => router.established);
  const before = performance.now();
  expect(await child.stop('SIGTERM', 10_000)).toBe(0);
  expect(performance.now() - before).toBeLessThan(5_000);
});

test('never Established is exit 1, and says why', async () => {
  await router.stop();
  const { code, stderr } = await waypost([...session(), '--duration', '1']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^waypost: never Established: .*refused/m);
});

test('a wrong AS number is told on both sides', async () => {
  const { code, stdout, stderr } = await waypost([...session(), '--peer-as', '65000', '--duration', '1']);
  expect(code).toBe(1);
  expect(`${stdout}${stderr}`).toMatch(/AS/);
});

test('--passive waits for the call', async () => {
  const { createServer } = await import('node:net');
  const port = await new Promise<number>((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
  child = spawnWaypost([
    ...['peer', '127.0.0.1', '--local-as', '64512', '--passive', '--listen', `127.0.0.1:${port}`],
    ...['--announce', '198.51.100.0/24', '--router-id', '192.0.2.1'],
  ]);
  await aWhile(500);
  const caller = spawnWaypost([
    ...['peer', '127.0.0.1', '--port', `${port}`, '--local-as', '64512', '--router-id', '192.0.2.2', '--json'],
  ]);
  await soon('the route', () => caller.stdout.includes('"prefix":"198.51.100.0/24"'));
  await caller.stop('SIGINT');
});

describe('what cannot be is refused with exit 2', () => {
  test.each<[string, string[], RegExp]>([
    ['no AS', [], /--local-as ASN is required/],
    ['AS 0', ['--local-as', '0'], /AS number from 1/],
    ['AS too high', ['--local-as', '4294967296'], /AS number from 1/],
    ['hold time 1', ['--local-as', '1', '--hold-time', '1'], /0, or at least 3/],
    ['hold time 2', ['--local-as', '1', '--hold-time', '2'], /0, or at least 3/],
    ['hold time too long', ['--local-as', '1', '--hold-time', '65536'], /from 0 to 65535/],
    ['passive without a place to listen', ['--local-as', '1', '--passive'], /--passive needs --listen/],
    ['a source of the other family', ['--local-as', '1', '--source', '::1'], /different families/],
    ['an IPv6 router ID', ['--local-as', '1', '--router-id', '2001:db8::1'], /--router-id must be an IPv4 address/],
    ['no prefix', ['--local-as', '1', '--announce', '198.51.100.1/33'], /Expected a prefix/],
    ['no community', ['--local-as', '1', '--community', '65536:1'], /2 numbers up to 65535/],
    ['no large community', ['--local-as', '1', '--large-community', '1:2'], /3 numbers up to 4294967295/],
    ['no families', ['--local-as', '1', '--family', 'ipv4,ipv4'], /ipv4, ipv6 or ipv4,ipv6/],
    [
      'a prefix of a family that is left out',
      ['--local-as', '1', '--family', 'ipv4', '--announce', '::/0'],
      /::\/0 is not of --family ipv4/,
    ],
    [
      'a next hop of the other family',
      ['--local-as', '1', '--next-hop', '192.0.2.1', '--announce', '::/0'],
      /::\/0 cannot have --next-hop 192\.0\.2\.1/,
    ],
    [
      'another one',
      ['--local-as', '1', '--next-hop', '::1', '--announce', '0.0.0.0/0'],
      /0\.0\.0\.0\/0 cannot have --next-hop ::1/,
    ],
    ['no place to listen', ['--local-as', '1', '--listen', '127.0.0.1'], /Expected ADDR:PORT/],
  ])('%s', async (_, argv, message) => {
    const { code, stdout, stderr } = await waypost(['peer', '127.0.0.1', ...argv]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });

  test.each([
    ['fe80::1', 'A link-local address needs its interface, as fe80::1%eth0.'],
    ['fe80::1%', 'A link-local address needs its interface'],
    ['2001:db8::1%eth0', 'Only a link-local address has an interface.'],
    ['192.0.2.1%eth0', 'Only a link-local address has an interface.'],
  ])('%s', async (host, message) => {
    const { code, stderr } = await waypost(['peer', host, '--local-as', '1']);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  test('an address that is none', async () => {
    expect(await waypost(['peer', 'router1', '--local-as', '1'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Expected an IPv4 or IPv6 address'),
    });
  });
});

test('an AS number in dots is one', async () => {
  const big = await new Router({ nodeAsn: 65536 * 2 + 3, asn: 64512 }).start();
  const { code } = await waypost([
    ...['peer', '127.0.0.1', '--port', `${big.port}`, '--local-as', '2.3', '--peer-as', '64512', '--duration', '1'],
  ]);
  expect([code, big.sessions]).toEqual([0, 1]);
  await big.stop();
});
