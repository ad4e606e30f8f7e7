/**
 * TCP between link-local addresses, as `node:net` and our own sockets do it: what sessions of unnumbered peers rest on.
 * Two links join the same two namespaces, with the same addresses on both: only the zone tells them apart.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Namespace } from '../support/netns.ts';
import { type Daemon, run, waitFor } from '../support/process.ts';

const root = new URL('../../', import.meta.url).pathname;
let near: Namespace;
let far: Namespace;
let server: Daemon;

/** Listeners on `::` by `node:net` (1000), `::` by us (1001), one zone (1002), and none (1003). */
const serve = `
const net = require('node:net');
(async () => {
  const { openListener } = await import('${root}dist/io/socket.js');
  const { address } = await import('${root}dist/lib/address.js');
  const listen = (options) =>
    new Promise((resolve) => {
      const server = net.createServer((s) => {
        s.on('error', () => {});
        s.end(JSON.stringify([s.remoteAddress, s.localAddress]));
      });
      server.on('error', (e) => resolve(e.code)).listen(options, () => resolve('ok'));
    });
  console.log(JSON.stringify(await Promise.all([
    listen({ host: '::', port: 1000 }),
    listen({ fd: openListener(address('::'), 1001, true, {}) }),
    listen({ host: 'fe80::2%eth1', port: 1002 }),
    listen({ host: 'fe80::2', port: 1003 }),
  ])));
})();`;

/** Connects to PORT at HOST, from SOURCE; through a native socket on DEVICE, and bound there, where that is not empty. */
const dial = `
const net = require('node:net');
const [host, port, localAddress, device, source] = process.argv.slice(1);
(async () => {
  const { openSocket, bindSource } = await import('${root}dist/io/socket.js');
  const { address } = await import('${root}dist/lib/address.js');
  let socket = new net.Socket();
  if (device) {
    const fd = openSocket(6, source ? {} : { device });
    if (source) bindSource(fd, address(source), device);
    socket = new net.Socket({ fd, manualStart: true });
  }
  let theirs = '';
  let ours;
  socket.on('connect', () => (ours = [socket.localAddress, socket.remoteAddress]));
  socket.on('data', (d) => (theirs += d));
  socket.on('error', (e) => console.log(JSON.stringify(e.code)));
  socket.on('end', () => console.log(JSON.stringify({ ours, theirs: JSON.parse(theirs) })));
  socket.connect({ host, port: Number(port), ...(localAddress && { localAddress }) });
})();`;

interface Call {
  readonly host: string;
  readonly port?: number;
  readonly localAddress?: string;
  readonly device?: string;
  readonly source?: string;
}

async function call({ host, port = 1000, localAddress = '', device = '', source = '' }: Call): Promise<unknown> {
  return JSON.parse(await near.run(['node', '-e', dial, host, `${port}`, localAddress, device, source]));
}

beforeAll(async () => {
  near = await Namespace.create('near');
  far = await Namespace.create('far');
  for (const device of ['eth0', 'eth1']) {
    // biome-ignore format: the words of one command
    await run(['ip', '-n', near.name, 'link', 'add', device, 'type', 'veth', 'peer', 'name', device, 'netns', far.name]);
    for (const [where, own] of [
      [near, 'fe80::1/64'],
      [far, 'fe80::2/64'],
    ] as const) {
      await run(['ip', '-n', where.name, 'link', 'set', device, 'addrgenmode', 'none', 'up']);
      await run(['ip', '-n', where.name, 'address', 'add', own, 'dev', device, 'nodad']);
    }
  }
  server = far.spawn(['node', '-e', serve]);
  await waitFor('the listeners', () => server.stdout.includes('\n'), {
    alive: () => server.running,
    log: () => server.output,
  });
});
afterAll(async () => {
  await Promise.all([near?.close(), far?.close()]);
});

const between = (zone: string) => ({
  ours: [`fe80::1%${zone}`, `fe80::2%${zone}`],
  theirs: [`fe80::1%${zone}`, `fe80::2%${zone}`],
});

describe('a call to a link-local address', () => {
  test.each(['eth0', 'eth1'])('takes the link of its zone, which both ends are told: %s', async (zone) => {
    expect(await call({ host: `fe80::2%${zone}` })).toEqual(between(zone));
    expect(await call({ host: `fe80::2%${zone}`, port: 1001 })).toEqual(between(zone));
    expect(await call({ host: `fe80::2%${zone}`, localAddress: `fe80::1%${zone}` })).toEqual(between(zone));
  });

  test('through a native socket needs the zone, or the device it is bound to', async () => {
    expect(await call({ host: 'fe80::2%eth1', device: 'eth1' })).toEqual(between('eth1'));
    expect(await call({ host: 'fe80::2', device: 'eth1' })).toEqual(between('eth1'));
    expect(await call({ host: 'fe80::2%eth1', device: 'eth1', source: 'fe80::1' })).toEqual(between('eth1'));
  });

  test.each<[string, Call, string]>([
    ['no zone', { host: 'fe80::2' }, 'EINVAL'],
    ['a zone that does not exist', { host: 'fe80::2%eth9' }, 'EINVAL'],
    ['a source address without a zone', { host: 'fe80::2%eth1', localAddress: 'fe80::1' }, 'EINVAL'],
    ['a source address in another zone', { host: 'fe80::2%eth1', localAddress: 'fe80::1%eth0' }, 'EINVAL'],
    ['an address that nobody has', { host: 'fe80::2%eth1', localAddress: 'fe80::9%eth1' }, 'EADDRNOTAVAIL'],
  ])('fails with %s', async (_, options, code) => {
    expect(await call(options)).toBe(code);
  });
});

describe('a listener', () => {
  test('on a link-local address needs its zone, and is reached through that alone', async () => {
    expect(JSON.parse(server.stdout)).toEqual(['ok', 'ok', 'ok', 'EINVAL']);
    expect(await call({ host: 'fe80::2%eth1', port: 1002 })).toEqual(between('eth1'));
    expect(await call({ host: 'fe80::2%eth0', port: 1002 })).toBe('ECONNREFUSED');
  });
});

test('`waypost peer` has a session over the link that stands behind the address', async () => {
  const peer = (host: string, asn: string, other: string, ...more: readonly string[]) => [
    ...['node', `${root}bin/waypost`, 'peer', host, '--local-as', asn, '--peer-as', other, '--json', ...more],
    ...['--router-id', `192.0.2.${asn}`],
  ];
  const waiting = far.spawn(peer('fe80::1%eth1', '2', '1', '--passive', '--listen', '[::]:1790'));
  const calling = near.spawn(peer('fe80::2%eth1', '1', '2', '--port', '1790', '--announce', '198.51.100.0/24'));
  try {
    // Over IPv6 alone there is no other next hop for it (RFC 8950).
    await waitFor('the route', () => /"prefix":"198.51.100.0\/24","nextHop":"fe80::1"/.test(waiting.stdout), {
      log: () => waiting.output + calling.output,
    });
  } finally {
    await Promise.all([calling.stop('SIGINT'), waiting.stop('SIGINT')]);
  }
});
