/** FRR and BIRD with BGP and BFD towards one speaker: over IPv4, over IPv6 and between loopback addresses. */
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Namespace } from './netns.ts';
import { type Daemon, run, waitFor } from './process.ts';

/** Addresses of the speaker and the router, by kind of session. */
export const ends = {
  ipv4: ['192.0.2.1', '192.0.2.2', 'single'],
  ipv6: ['2001:db8::1', '2001:db8::2', 'single'],
  multihop: ['198.51.100.1', '198.51.100.2', 'multi'],
} as const;
export type Kind = keyof typeof ends;
export const kinds = Object.keys(ends) as Kind[];
const kindOf = (peer: string): Kind => kinds.find((kind) => ends[kind][0] === peer)!;
/** Where the router waits for BGP. */
export const PORT = 1790;
/** What the router announces over IPv4. */
export const ROUTE = '203.0.113.0/24';
/** What the router asks for. */
export const theirs = { intervalMs: 200, multiplier: 5 };

export interface Seen {
  readonly state: string;
  /** Between the router's packets. */
  readonly intervalMs: number;
  readonly detectionMs: number;
}

export interface BfdRouter {
  /** The speaker's sessions are of this kind: FRR decides by it which of them are multihop. */
  readonly asn: number;
  start(): Promise<void>;
  /** BFD sessions by kind. */
  sessions(): Promise<Map<Kind, Seen>>;
  /** Whether a BGP session is up. */
  established(kind: Kind): Promise<boolean>;
  /** Takes the BFD sessions down as an operator does, and up again. BIRD has no such thing. */
  readonly shutdown?: { begin(): Promise<unknown>; end(): Promise<unknown> };
  /** To the process that speaks BFD. */
  signal(signal: NodeJS.Signals): void;
  /** That process dies, and another one begins. */
  restart(): Promise<void>;
  stop(): Promise<unknown>;
  log(): string;
}

export function bird(namespace: Namespace, speakerAs: number): BfdRouter {
  const asn = 64_513;
  const folder = namespace.folder('bird');
  let daemon: Daemon;
  const control = (...words: string[]) => run(['birdc', '-s', `${folder}/ctl`, ...words]);
  const start = async () => {
    daemon = namespace.spawn(['bird', '-f', '-c', `${folder}/bird.conf`, '-s', `${folder}/ctl`]);
    await waitFor('bird', async () => (await control('show', 'status')).includes('Daemon is up'), {
      alive: () => daemon.running,
      log: () => daemon.output,
    });
  };
  return {
    asn,
    async start() {
      const ms = `${theirs.intervalMs} ms`;
      const timers = `min rx interval ${ms}; min tx interval ${ms}; multiplier ${theirs.multiplier};`;
      const sessions = kinds.map((kind) => {
        const [peer, own, hops] = ends[kind];
        return `protocol bgp with_${kind} { local ${own} port ${PORT} as ${asn}; neighbor ${peer} as ${speakerAs};
          ${hops === 'multi' ? 'multihop 2;' : ''} bfd on; passive on; error wait time 1, 2;
          ipv4 { import all; export ${kind === 'ipv4' ? 'all' : 'none'}; }; ipv6 { import all; export none; }; }`;
      });
      writeFileSync(
        `${folder}/bird.conf`,
        `log stderr all; router id 192.0.2.2; protocol device {}
         protocol bfd watch { interface "*" { ${timers} }; multihop { ${timers} }; }
         protocol static { ipv4; route ${ROUTE} blackhole; }
         ${sessions.join('\n')}`,
      );
      await start();
    },
    async sessions() {
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
    established: async (kind) => (await control('show', 'protocols', `with_${kind}`)).includes('Established'),
    signal: (signal) => daemon.signal(signal),
    async restart() {
      await daemon.stop('SIGKILL');
      await start();
    },
    stop: () => daemon.stop(),
    log: () => daemon.output,
  };
}

export function frr(namespace: Namespace, speakerAs: number): BfdRouter {
  const folder = namespace.folder('frr');
  const daemons = new Map<string, Daemon>();
  const vtysh = (...lines: string[]) =>
    run(['vtysh', '--vty_socket', `${folder}/vty`, ...lines.flatMap((line) => ['-c', line])]);
  const daemon = async (name: string, ...flags: string[]) => {
    // biome-ignore format: one command line
    const one = namespace.spawn([
      `/usr/lib/frr/${name}`, '-f', `${folder}/${name}.conf`, '-i', `${folder}/${name}.pid`, '--log', 'stdout',
      '-z', `${folder}/zebra.sock`, '--vty_socket', `${folder}/vty`, '-P', '0', ...flags,
    ]);
    daemons.set(name, one);
    const ask = { zebra: 'show version', bfdd: 'show bfd peers json', bgpd: 'show bgp summary json' }[name]!;
    await waitFor(name, async () => (await vtysh(ask)).trim() !== '', { alive: () => one.running, log });
  };
  const bfdd = () => daemon('bfdd', '--bfdctl', `${folder}/bfdd.sock`);
  const log = () => [...daemons.values()].map(({ output }) => output).join('\n');
  const profile = (...lines: string[]) => vtysh('configure terminal', 'bfd', 'profile fast', ...lines);
  return {
    asn: speakerAs,
    async start() {
      mkdirSync(`${folder}/vty`, { recursive: true });
      writeFileSync(`${folder}/zebra.conf`, 'hostname zebra\n');
      const { intervalMs, multiplier } = theirs;
      writeFileSync(
        `${folder}/bfdd.conf`,
        `bfd\n profile fast\n  receive-interval ${intervalMs}\n  transmit-interval ${intervalMs}\n  detect-multiplier ${multiplier}\n exit\nexit\n`,
      );
      const neighbors = kinds.flatMap((kind) => {
        const [peer, own] = ends[kind];
        return [
          `neighbor ${peer} remote-as ${speakerAs}`,
          `neighbor ${peer} update-source ${own}`,
          `neighbor ${peer} passive`,
          `neighbor ${peer} bfd profile fast`,
        ];
      });
      const family4 = ['address-family ipv4 unicast', `network ${ROUTE}`, 'exit-address-family'];
      const family6 = ['address-family ipv6 unicast', `neighbor ${ends.ipv6[0]} activate`, 'exit-address-family'];
      writeFileSync(
        `${folder}/bgpd.conf`,
        [
          ...[`router bgp ${speakerAs}`, 'bgp router-id 192.0.2.2', 'no bgp network import-check'],
          ...[...neighbors, ...family4, ...family6, 'exit', ''],
        ].join('\n'),
      );
      await run(['chown', '-R', 'frr:frr', folder]);
      await daemon('zebra');
      await bfdd();
      await daemon('bgpd', '-p', `${PORT}`);
    },
    async sessions() {
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
    async established(kind) {
      const [peer] = ends[kind];
      const all = JSON.parse(await vtysh(`show bgp neighbors ${peer} json`)) as Record<string, { bgpState?: string }>;
      return all[peer]?.bgpState === 'Established';
    },
    shutdown: { begin: () => profile('shutdown'), end: () => profile('no shutdown') },
    signal: (signal) => daemons.get('bfdd')!.signal(signal),
    async restart() {
      await daemons.get('bfdd')!.stop('SIGKILL');
      await bfdd();
    },
    stop: () => Promise.all([...daemons.values()].map((one) => one.stop())),
    log,
  };
}
