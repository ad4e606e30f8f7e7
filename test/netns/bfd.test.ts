/**
 * BFD sessions over a real link with real routers: BIRD and FRR's bfdd, by IPv4, by IPv6, between link-local addresses, and
 * multihop between loopback addresses. Our end runs in this process, with its sockets in a namespace.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Demux, type Path } from '../../src/bfd/demux.ts';
import { detectionMs, transmitMs } from '../../src/bfd/interval.ts';
import { Diagnostic, decodeControl, encodeControl } from '../../src/bfd/packet.ts';
import { type BfdEvent, dueMs } from '../../src/bfd/session.ts';
import { BfdReceiver, BfdSender, MULTIHOP_PORT, SINGLE_HOP_PORT } from '../../src/io/bfdsocket.ts';
import { monotonicMs } from '../../src/io/clock.ts';
import { sysInterfaceIndex } from '../../src/io/native.ts';
import { type Address, address, isLinkLocal } from '../../src/lib/address.ts';
import { Lone } from '../support/bfd.ts';
import { link, Namespace } from '../support/netns.ts';
import { type Daemon, run, waitFor } from '../support/process.ts';
import { inNamespace } from '../support/setns.ts';

const neighbours = {
  ipv4: ['192.0.2.1', '192.0.2.2', 'single'],
  ipv6: ['2001:db8::1', '2001:db8::2', 'single'],
  'link-local': ['fe80::1', 'fe80::2', 'single'],
  multihop: ['198.51.100.1', '198.51.100.2', 'multi'],
} as const;
type Kind = keyof typeof neighbours;
const kinds = Object.keys(neighbours) as Kind[];

let near: Namespace;
let far: Namespace;

beforeAll(async () => {
  near = await Namespace.create('bfd-near');
  far = await Namespace.create('bfd-far');
  await link(
    { namespace: near, device: 'bfd0', addresses: ['192.0.2.1/24', '2001:db8::1/64', 'fe80::1/64'] },
    { namespace: far, device: 'bfd1', addresses: ['192.0.2.2/24', '2001:db8::2/64', 'fe80::2/64'] },
  );
  const lo = (namespace: Namespace, own: string, to: string, via: string) =>
    namespace.run(['sh', '-c', `ip address add ${own}/32 dev lo; ip route add ${to}/32 via ${via}`]);
  await lo(near, '198.51.100.1', '198.51.100.2', '192.0.2.2');
  await lo(far, '198.51.100.2', '198.51.100.1', '192.0.2.1');
});
afterAll(async () => {
  await near?.close();
  await far?.close();
});

interface End {
  readonly lone: Lone;
  readonly sender: BfdSender;
}

/** Our sessions, one per kind of neighbour. */
class Speaker {
  readonly ends = new Map<Kind, End>();
  private readonly demux = new Demux<Lone>();
  private readonly receivers: BfdReceiver[];
  private readonly timer: NodeJS.Timeout;
  readonly refused: string[] = [];

  constructor() {
    this.receivers = inNamespace(near.name, () =>
      ([4, 6] as const).flatMap((family) => [
        new BfdReceiver({ family, port: SINGLE_HOP_PORT, minTtl: 255 }),
        // BIRD sends multihop packets with the system's TTL, 64.
        new BfdReceiver({ family, port: MULTIHOP_PORT, minTtl: 64 }),
      ]),
    );
    for (const kind of kinds) {
      const [own, peer, hops] = neighbours[kind];
      const scope = this.scope(address(peer));
      const localDiscriminator = this.demux.newDiscriminator(Math.random);
      const lone = new Lone({ localDiscriminator, desiredMinTxMs: 150, requiredMinRxMs: 150, detectMult: 10 });
      lone.random = Math.random;
      this.demux.add(localDiscriminator, { hops, peer: address(peer), scope, device: '' }, lone);
      const port = hops === 'single' ? SINGLE_HOP_PORT : MULTIHOP_PORT;
      const sender = inNamespace(
        near.name,
        () => new BfdSender({ peer: address(peer), port, scope, source: address(own) }),
      );
      this.ends.set(kind, { lone, sender });
    }
    this.timer = setInterval(() => this.turn(), 2);
  }

  private scope(peer: Address): number {
    return isLinkLocal(peer) ? inNamespace(near.name, () => sysInterfaceIndex('bfd0')) : 0;
  }

  /** What waits in the sockets first, then the time. */
  private turn(): void {
    const nowMs = monotonicMs();
    for (const receiver of this.receivers) {
      const hops = receiver.options.port === SINGLE_HOP_PORT ? 'single' : 'multi';
      for (let got = receiver.receive(); got !== undefined; got = receiver.receive()) {
        const packet = decodeControl(got.bytes);
        const path: Path = { hops, peer: got.source, scope: got.scope, device: '' };
        const chosen = typeof packet === 'string' ? packet : this.demux.select(packet, path);
        if (typeof chosen === 'string' || typeof packet === 'string') {
          this.refused.push(String(chosen));
          continue;
        }
        chosen.nowMs = nowMs;
        chosen.do({ type: 'received', packet });
      }
    }
    for (const { lone, sender } of this.ends.values()) {
      lone.nowMs = nowMs;
      if ((dueMs(lone.session) ?? Number.POSITIVE_INFINITY) <= nowMs) lone.do({ type: 'tick' });
      for (const { action } of lone.take('send')) sender.send(encodeControl(action.packet));
    }
  }

  do(event: BfdEvent): void {
    for (const { lone } of this.ends.values()) lone.do(event);
  }

  sessions = () => kinds.map((kind) => this.ends.get(kind)!.lone.session);
  states = () => this.sessions().map(({ state }) => state);
  allAre = (state: string) => this.states().every((one) => one === state);
  /** How often each went down by a fault, since the last time. */
  faults = () =>
    kinds.map(
      (kind) =>
        this.ends
          .get(kind)!
          .lone.take('changed')
          .filter(({ action }) => action.fault).length,
    );

  close(): void {
    clearInterval(this.timer);
    for (const { sender } of this.ends.values()) sender.close();
    for (const receiver of this.receivers) receiver.close();
  }
}

interface Seen {
  readonly state: string;
  /** Between the router's packets. */
  readonly intervalMs: number;
  readonly detectionMs: number;
}

interface Router {
  start(): Promise<void>;
  /** By the kind of session. */
  seen(): Promise<Map<Kind, Seen>>;
  /** To the daemon that speaks BFD. */
  signal(signal: NodeJS.Signals): void;
  stop(): Promise<unknown>;
  log(): string;
}

/** The router's own: sends and takes a packet every 200 ms, bears the loss of five. */
const kindOf = (peer: string): Kind => kinds.find((kind) => neighbours[kind][0] === peer)!;

function bird(): Router {
  const folder = far.folder('bird');
  let daemon: Daemon;
  const control = (...words: string[]) => run(['birdc', '-s', `${folder}/ctl`, ...words]);
  return {
    async start() {
      const timers = 'min rx interval 200 ms; min tx interval 200 ms; multiplier 5;';
      const lines = kinds.map((kind) => {
        const [peer, own, hops] = neighbours[kind];
        return `neighbor ${peer} ${hops === 'single' ? 'dev "bfd1" ' : ''}local ${own}${hops === 'multi' ? ' multihop on' : ''};`;
      });
      writeFileSync(
        `${folder}/bird.conf`,
        `log stderr all; router id 192.0.2.2; protocol device {}
         protocol bfd { interface "*" { ${timers} }; multihop { ${timers} }; ${lines.join('\n')} }`,
      );
      daemon = far.spawn(['bird', '-f', '-c', `${folder}/bird.conf`, '-s', `${folder}/ctl`]);
      await waitFor('bird', async () => (await control('show', 'status')).includes('Daemon is up'), {
        alive: () => daemon.running,
        log: () => daemon.output,
      });
    },
    async seen() {
      // Address, interface, state, since, interval, timeout.
      const rows = (await control('show', 'bfd', 'sessions')).matchAll(
        /^(\S+)\s+\S+\s+(\S+)\s+\S+\s+([\d.]+)\s+([\d.]+)$/gm,
      );
      return new Map(
        [...rows].map(([, peer, state, interval, timeout]) => [
          kindOf(peer!),
          { state: state!.toLowerCase(), intervalMs: 1000 * Number(interval), detectionMs: 1000 * Number(timeout) },
        ]),
      );
    },
    signal: (signal) => daemon.signal(signal),
    stop: () => daemon.stop(),
    log: () => daemon.output,
  };
}

function frr(): Router {
  const folder = far.folder('frr');
  const daemons: Daemon[] = [];
  const vtysh = (line: string) => run(['vtysh', '--vty_socket', `${folder}/vty`, '-c', line]);
  const daemon = async (name: string, ...flags: string[]) => {
    // biome-ignore format: one command line
    const one = far.spawn([
      `/usr/lib/frr/${name}`, '-f', `${folder}/${name}.conf`, '-i', `${folder}/${name}.pid`, '--log', 'stdout',
      '-z', `${folder}/zebra.sock`, '--vty_socket', `${folder}/vty`, '-P', '0', ...flags,
    ]);
    daemons.push(one);
    const ask = name === 'bfdd' ? 'show bfd peers json' : 'show version';
    await waitFor(name, async () => (await vtysh(ask)).trim() !== '', {
      alive: () => one.running,
      log: () => one.output,
    });
  };
  return {
    async start() {
      mkdirSync(`${folder}/vty`, { recursive: true });
      writeFileSync(`${folder}/zebra.conf`, 'hostname zebra\n');
      const peers = kinds.map((kind) => {
        const [peer, own, hops] = neighbours[kind];
        const where = hops === 'single' ? `local-address ${own} interface bfd1` : `multihop local-address ${own}`;
        return ` peer ${peer} ${where}\n  receive-interval 200\n  transmit-interval 200\n  detect-multiplier 5\n exit`;
      });
      writeFileSync(`${folder}/bfdd.conf`, `bfd\n${peers.join('\n')}\nexit\n`);
      await run(['chown', '-R', 'frr:frr', folder]);
      await daemon('zebra');
      await daemon('bfdd', '--bfdctl', `${folder}/bfdd.sock`);
    },
    async seen() {
      const peers = JSON.parse(await vtysh('show bfd peers json')) as Record<string, string & number>[];
      return new Map(
        peers.map((peer) => [
          kindOf(peer.peer!),
          {
            state: peer.status!,
            // It tells what each side asks for; the larger is in force.
            intervalMs: Math.max(peer['transmit-interval']!, peer['remote-receive-interval']!),
            detectionMs:
              peer['remote-detect-multiplier']! *
              Math.max(peer['receive-interval']!, peer['remote-transmit-interval']!),
          },
        ]),
      );
    },
    signal: (signal) => daemons[1]!.signal(signal),
    stop: () => Promise.all(daemons.map((daemon) => daemon.stop())),
    log: () => daemons.map(({ output }) => output).join('\n'),
  };
}

describe.each([
  ['BIRD', bird],
  ['FRR', frr],
] as const)('with %s', (_, make) => {
  let speaker: Speaker;
  let router: Router;
  beforeAll(async () => {
    router = make();
    await router.start();
    speaker = new Speaker();
  });
  afterAll(async () => {
    speaker?.close();
    await router?.stop();
  });
  afterEach(() => {
    // Whatever comes is for a session that there is.
    expect(speaker.refused).toEqual([]);
  });
  const log = () => `${speaker.states()}\n${router.log()}`;
  const routerSees = (what: string, right: (seen: Seen) => boolean) =>
    waitFor(
      what,
      async () => {
        const seen = await router.seen();
        return seen.size === kinds.length && [...seen.values()].every(right);
      },
      { log },
    );

  it('every kind of session comes up, and both sides say so', async () => {
    await waitFor('Up', () => speaker.allAre('Up'), { log });
    await routerSees('up at the router', ({ state }) => state === 'up');
  });

  it('intervals are agreed on', async () => {
    await routerSees('its intervals', ({ intervalMs, detectionMs }) => intervalMs === 200 && detectionMs === 10 * 200);
    await waitFor('ours', () => speaker.sessions().every((s) => transmitMs(s) === 200 && detectionMs(s) === 1000), {
      log,
    });
  });

  it('other intervals are agreed on without a flap, slower ones and faster ones', async () => {
    speaker.faults();
    for (const [txMs, rxMs, mult] of [
      [600, 300, 3],
      [250, 700, 6],
      [100, 100, 10],
    ] as const) {
      for (const { lone } of speaker.ends.values())
        lone.configure({ desiredMinTxMs: txMs, requiredMinRxMs: rxMs, detectMult: mult });
      const theirs = Math.max(200, rxMs);
      const ours = Math.max(200, txMs);
      await routerSees(`${txMs} ${rxMs}`, (s) => s.intervalMs === theirs && s.detectionMs === mult * ours);
      await waitFor(
        'ours',
        () => speaker.sessions().every((s) => transmitMs(s) === ours && detectionMs(s) === 5 * theirs),
        {
          log,
        },
      );
    }
    expect(speaker.faults()).toEqual([0, 0, 0, 0]);
    expect(speaker.allAre('Up')).toBe(true);
  });

  it('disabled by us, all go down at the router, and come up again', async () => {
    speaker.do({ type: 'disable', diagnostic: Diagnostic.administrativelyDown });
    await routerSees('down at the router', ({ state }) => state !== 'up');
    expect(speaker.states()).toEqual(kinds.map(() => 'AdminDown'));
    speaker.refused.length = 0;
    speaker.do({ type: 'enable' });
    await waitFor('Up', () => speaker.allAre('Up'), { log });
    await routerSees('up at the router', ({ state }) => state === 'up');
    expect(speaker.faults()).toEqual([0, 0, 0, 0]);
  });

  it('a router that stops is detected, and comes up again when it goes on', async () => {
    router.signal('SIGSTOP');
    await waitFor('Down', () => speaker.allAre('Down'), { log: () => `${speaker.states()}`, everyMs: 2 });
    for (const session of speaker.sessions()) expect(session.diagnostic).toBe(Diagnostic.controlDetectionTimeExpired);
    expect(speaker.faults()).toEqual([1, 1, 1, 1]);
    router.signal('SIGCONT');
    await waitFor('Up', () => speaker.allAre('Up'), { log });
    await routerSees('up at the router', ({ state }) => state === 'up');
  });
});
