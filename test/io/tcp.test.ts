import { readdirSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Ends, Tcp } from '../../src/io/tcp.ts';
import { address, formatAddress } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';
import { waitFor } from '../support/process.ts';

const until = (what: string, done: () => boolean) => waitFor(what, done, { everyMs: 2, timeoutMs: 60_000 });
const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** A Tcp that writes down what it is told. */
class Host {
  readonly events: string[] = [];
  readonly ends = new Map<number, Ends>();
  readonly received = new Map<number, Uint8Array[]>();
  welcome = true;
  readonly tcp = new Tcp({
    connected: (c, ends) => this.note(`connected ${c}`, c, ends),
    accepted: (c, ends) => {
      this.note(`accepted ${c}`, c, ends);
      return this.welcome;
    },
    received: (c, bytes) => {
      if (!this.received.has(c)) this.events.push(`received ${c}`);
      this.received.set(c, [...(this.received.get(c) ?? []), bytes.slice()]);
    },
    sent: (c) => this.events.push(`sent ${c}`),
    closed: (c, error) => this.events.push(`closed ${c}${error === undefined ? '' : `: ${error}`}`),
  });

  private note(text: string, connection: number, ends: Ends): void {
    this.events.push(text);
    this.ends.set(connection, ends);
  }

  dial(to: string, port: number, from?: string): number {
    const connection = this.tcp.newConnection();
    this.tcp.dial(connection, { address: address(to), port, ...(from && { sourceAddress: address(from) }) });
    return connection;
  }

  listen(at: string, port = 0): Promise<number> {
    return this.tcp.listen({ address: address(at), port });
  }

  async until(event: string): Promise<void> {
    await until(event, () => this.events.includes(event));
  }

  text(connection: number): string {
    return Buffer.concat(this.received.get(connection) ?? []).toString();
  }
}

const hosts: Host[] = [];
const host = (): Host => {
  const h = new Host();
  hosts.push(h);
  return h;
};
const sockets: Socket[] = [];
const client = (port: number, to = '127.0.0.1', from?: string): Socket => {
  const socket = connect({ host: to, port, ...(from && { localAddress: from }) });
  socket.on('error', () => {});
  sockets.push(socket);
  return socket;
};
afterEach(async () => {
  for (const s of sockets.splice(0)) s.destroy();
  await Promise.all(hosts.splice(0).map((h) => h.tcp.stop()));
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a connection', () => {
  it('hands over what takes long in small pieces, with turns of the event loop in between', async () => {
    const handed: number[] = [];
    const got: Uint8Array[] = [];
    let turns = 0;
    let counting = true;
    const tcp = new Tcp({
      connected: () => {},
      accepted: () => true,
      received: (_, octets) => {
        handed.push(octets.length);
        got.push(octets.slice());
        const until = performance.now() + 3;
        while (performance.now() < until);
      },
      sent: () => {},
      closed: () => {},
    });
    const port = await tcp.listen({ address: address('127.0.0.1'), port: 0 });
    const count = () => {
      turns++;
      if (counting) setImmediate(count);
    };
    count();
    const sent = Uint8Array.from({ length: 400_000 }, (_, i) => (i * 7919) >> 8);
    client(port).write(sent);
    await until('all octets', () => handed.reduce((n, octets) => n + octets, 0) === sent.length);
    counting = false;
    expect(Buffer.compare(Buffer.concat(got), sent)).toBe(0);
    expect(Math.max(...handed)).toBeLessThanOrEqual(4096);
    // Two of 3 ms make a turn.
    expect(turns).toBeGreaterThan(handed.length / 3);
    await tcp.stop();
  });

  it('is the same two ends from both sides, and carries octets both ways', async () => {
    const [a, b] = [host(), host()];
    const port = await a.listen('127.0.0.1');
    const out = b.dial('127.0.0.1', port, '127.0.0.5');
    await b.until(`connected ${out}`);
    await a.until('accepted 1');
    const show = ({ local, remote }: Ends) => [local, remote].map(formatAddress);
    expect(show(a.ends.get(1)!)).toEqual(['127.0.0.1', '127.0.0.5']);
    expect(show(b.ends.get(out)!)).toEqual(['127.0.0.5', '127.0.0.1']);
    a.tcp.send(1, bytes('hello'));
    b.tcp.send(out, bytes('world'));
    await until('both', () => a.text(1) === 'world' && b.text(out) === 'hello');
    expect(a.events).toContain('sent 1');
  });

  it('of a dual-stack listener shows IPv4 callers as such', async () => {
    const a = host();
    const port = await a.listen('::');
    client(port, '127.0.0.1', '127.0.0.7');
    await a.until('accepted 1');
    expect(formatAddress(a.ends.get(1)!.remote)).toBe('127.0.0.7');
    client(port, '::1');
    await a.until('accepted 2');
    expect(formatAddress(a.ends.get(2)!.remote)).toBe('::1');
  });

  it('of an IPv6 listener elsewhere takes no IPv4', async () => {
    const a = host();
    const port = await a.listen('::1');
    const socket = client(port);
    await until('refusal', () => socket.destroyed);
    expect(a.events).toEqual([]);
  });

  it('that is not wanted is closed and never mentioned again', async () => {
    const a = host();
    a.welcome = false;
    const socket = client(await a.listen('127.0.0.1'));
    socket.write('whatever');
    await until('the end', () => socket.destroyed || socket.readableEnded);
    expect(a.events).toEqual(['accepted 1']);
  });

  it('ends with one event, however it ends', async () => {
    const a = host();
    const port = await a.listen('127.0.0.1');
    const endings: [(s: Socket) => void, string][] = [
      [(s) => s.end(), 'closed 1'],
      [(s) => s.resetAndDestroy(), 'closed 2: connection reset by the peer'],
      [(s) => s.end('last words'), 'closed 3'],
    ];
    for (const [end, event] of endings) {
      const socket = client(port);
      await until('the connection', () =>
        a.events.some((e) => e === `accepted ${event.split(' ')[1]!.replace(':', '')}`),
      );
      end(socket);
      await a.until(event);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(a.events.filter((e) => e.startsWith('closed'))).toHaveLength(3);
    expect(a.text(3)).toBe('last words');
  });

  it('that we closed says nothing more, but what was sent arrives, and then the end', async () => {
    const a = host();
    const port = await a.listen('127.0.0.1');
    const socket = client(port);
    await a.until('accepted 1');
    const big = new Uint8Array(2_000_000).fill(7);
    let got = 0;
    let reset = false;
    socket.on('error', () => {
      reset = true;
    });
    // The peer has more to say itself than the kernel keeps, and nobody wants to know it.
    socket.write(new Uint8Array(8_000_000));
    a.tcp.send(1, big);
    a.tcp.close(1);
    const { length } = a.events;
    socket.on('data', (chunk: Buffer) => {
      got += chunk.length;
    });
    await until('the end', () => socket.readableEnded || socket.destroyed);
    expect(got).toBe(big.length);
    await until('the socket', () => socket.destroyed);
    expect(reset).toBe(false);
    expect(a.events.slice(length)).toEqual([]);
  });

  it('that we closed is gone after a second even when the peer never reads', async () => {
    const before = descriptors();
    const a = host();
    const socket = client(await a.listen('127.0.0.1'));
    socket.pause();
    await a.until('accepted 1');
    a.tcp.send(1, new Uint8Array(20_000_000));
    a.tcp.close(1);
    // The client's descriptor, and the listener's.
    await until('our descriptor', () => descriptors() <= before + 2);
    expect(a.events.filter((e) => e.startsWith('closed'))).toEqual([]);
  });

  it('tells of each send when the kernel has taken it, in order and not before', async () => {
    const a = host();
    const socket = client(await a.listen('127.0.0.1'));
    socket.pause();
    await a.until('accepted 1');
    a.tcp.send(1, bytes('first'));
    await a.until('sent 1');
    const sent = () => a.events.filter((e) => e === 'sent 1').length;
    for (let i = 0; i < 3; i++) a.tcp.send(1, new Uint8Array(10_000_000));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(sent()).toBe(1);
    socket.resume();
    await until('all', () => sent() === 4);
  });

  it('is read fairly: one that never stops does not keep others waiting', async () => {
    const a = host();
    const port = await a.listen('127.0.0.1');
    const flood = client(port);
    await a.until('accepted 1');
    let going = true;
    const more = () => {
      while (going && flood.write(new Uint8Array(65_536)));
    };
    flood.on('drain', more);
    flood.on('connect', more);
    more();
    await a.until('received 1');
    const quiet = client(port);
    await a.until('accepted 2');
    for (let i = 0; i < 20; i++) quiet.write('x');
    await until('the quiet one', () => a.text(2).length === 20);
    going = false;
  });
});

describe('a dial', () => {
  it.each([
    ['nobody listens', '127.0.0.1', undefined, 'connection refused: nothing listens there, or a firewall rejects us'],
    ['the source is not ours', '127.0.0.1', '192.0.2.1', 'the source address is not on this host (yet)'],
    ['the address needs an interface', 'fe80::1', undefined, 'link-local'],
  ])('says why it failed: %s', async (_, to, from, reason) => {
    const a = host();
    const connection = a.dial(to, 1, from);
    await until('the end', () => a.events.length > 0);
    expect(a.events[0]).toMatch(`closed ${connection}: `);
    expect(a.events[0]).toMatch(reason);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(a.events).toHaveLength(1);
  });

  it('given up before it is there says nothing, and leaves nothing behind', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await until('the server', () => server.listening);
    const before = descriptors();
    const a = host();
    for (let i = 0; i < 100; i++) a.tcp.close(a.dial('127.0.0.1', (server.address() as { port: number }).port));
    await until('no descriptors left over', () => descriptors() <= before);
    expect(a.events).toEqual([]);
    server.close();
  });

  it('refused five hundred times leaves no descriptor open', async () => {
    const before = descriptors();
    const a = host();
    for (let i = 0; i < 500; i++) {
      a.dial('127.0.0.1', 1);
      if (i % 50 === 49) await until('refusals', () => a.events.length === i + 1);
    }
    expect(new Set(a.events).size).toBe(500);
    await until('no descriptors left over', () => descriptors() <= before);
  });
});

describe('listening', () => {
  it('ends, and connections stay', async () => {
    const a = host();
    const port = await a.listen('127.0.0.1');
    const socket = client(port);
    await a.until('accepted 1');
    a.tcp.unlisten({ address: address('127.0.0.1'), port });
    const late = client(port);
    await until('refusal', () => late.destroyed);
    a.tcp.send(1, bytes('still here'));
    let heard = '';
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
    });
    await until('the words', () => heard === 'still here');
    const again = host();
    expect(await again.listen('127.0.0.1', port)).toBe(port);
  });

  it('that is no longer wanted before it began does not begin', async () => {
    const [a, b] = [host(), host()];
    const port = await b.listen('127.0.0.1');
    b.tcp.unlisten({ address: address('127.0.0.1'), port });
    const listening = a.listen('127.0.0.1', port);
    a.tcp.unlisten({ address: address('127.0.0.1'), port });
    const outcome = await Promise.race([
      listening.then(
        () => 'listens',
        () => 'refused',
      ),
      new Promise((resolve) => setTimeout(resolve, 2_000, 'hangs')),
    ]);
    expect(outcome).toBe('refused');
    const socket = client(port);
    await until('refusal', () => socket.destroyed);
    expect(a.events).toEqual([]);
  });

  it('lets nobody in whose password the system does not take, and everybody else', async () => {
    const a = host();
    const port = await a.listen('127.0.0.1');
    const keys = [
      { peer: address('127.0.0.9'), password: 'x'.repeat(81) },
      { peer: prefix('127.7.0.0/16'), password: 'y'.repeat(81) },
      { peer: address('127.0.0.8'), password: 'fine' },
    ];
    expect(() => a.tcp.setKeys(keys)).toThrow(/^TCP-MD5 for 127\.0\.0\.9 on 127\.0\.0\.1:\d+: .*not let in$/);
    for (const from of ['127.0.0.9', '127.7.1.1']) {
      const refused = client(port, '127.0.0.1', from);
      await until('refusal', () => refused.destroyed);
    }
    expect(a.events).toEqual([]);
    client(port);
    await until('the other', () => a.events.length === 1);
    // The key behind those that failed is there: an unsigned call is not answered at all.
    const unsigned = client(port, '127.0.0.1', '127.0.0.8');
    a.tcp.setKeys(keys.slice(2));
    client(port, '127.0.0.1', '127.0.0.9');
    await until('the first', () => a.events.length === 2);
    expect([unsigned.connecting, a.events.length]).toEqual([true, 2]);
  });

  it('on several ports that the system chose ends on all of them', async () => {
    const a = host();
    const ports = [await a.listen('127.0.0.1'), await a.listen('127.0.0.1'), await a.listen('127.0.0.1')];
    expect(new Set(ports).size).toBe(3);
    await a.tcp.stop();
    for (const port of ports) {
      const socket = client(port);
      await until('refusal', () => socket.destroyed);
    }
    expect(a.events).toEqual([]);
  });
});
