/** Other programs in this network namespace that do the same work, or have what waypost needs. */
import { clash, type OpenSocket, type Program, SocketState } from '../../io/programs.ts';
import { type Address, compareAddresses, formatAddress } from '../../lib/address.ts';
import { type Finding, findingsOf } from './finding.ts';
import type { Use } from './use.ts';

export interface Neighbours {
  readonly programs: readonly Program[];
  readonly tcp: readonly OpenSocket[];
  readonly udp: readonly OpenSocket[];
  /** The process of the running daemon; undefined where none runs, or it is not to be seen. */
  readonly daemon: number | undefined;
  readonly isRunning: boolean;
  holder(inode: string): Program | undefined;
}

/** Names of the kernel's table of processes. */
const speakers: ReadonlyMap<string, { readonly does: 'bgp' | 'layer2'; readonly what: string }> = new Map([
  ['bgpd', { does: 'bgp', what: 'FRR or OpenBGPD' }],
  ['bird', { does: 'bgp', what: 'BIRD, or calico-node' }],
  ['bird6', { does: 'bgp', what: 'BIRD, or calico-node' }],
  ['gobgpd', { does: 'bgp', what: 'GoBGP' }],
  ['cilium-agent', { does: 'bgp', what: 'Cilium, whose BGP control plane may be on' }],
  ['kube-router', { does: 'bgp', what: 'kube-router' }],
  ['speaker', { does: 'layer2', what: "MetalLB's speaker" }],
  ['keepalived', { does: 'layer2', what: 'keepalived' }],
  ['kube-vip', { does: 'layer2', what: 'kube-vip' }],
]);

/** Destination ports of BFD (RFC 5881 §4, RFC 5883 §5). */
const BFD_PORTS = [3784, 4784];

const { ok, note, warning, problem } = findingsOf('programs');

export function programFindings(use: Use, listen: readonly Address[], around: Neighbours): Finding[] {
  const ports = [
    ...(use.listenPort === undefined ? [] : portFindings(use.listenPort, listen, around)),
    ...(use.bfd ? BFD_PORTS.flatMap((port) => bfdFindings(port, around)) : []),
  ];
  return [...ports, ...speakerFindings(use, around)];
}

function portFindings(port: number, listen: readonly Address[], around: Neighbours): Finding[] {
  const others = around.tcp.filter(
    ({ state, local }) =>
      state === SocketState.listen && local.port === port && listen.some((address) => clash(address, local.address)),
  );
  for (const { local, inode } of others) {
    const holder = around.holder(inode);
    if (isOurs(holder, around)) continue;
    const who = holder === undefined ? 'another program' : programText(holder);
    return [
      problem(
        `port ${port}`,
        `${who} listens on ${formatAddress(local.address)}: peers that call are answered by it`,
        'end it, or give the Speaker another spec.listen (port, or addresses that it does not listen on)',
      ),
    ];
  }
  if (around.isRunning && others.length === 0)
    return [problem(`port ${port}`, 'nobody listens on it, although a daemon runs', 'see the log of the daemon')];
  return [ok(`port ${port}`, around.isRunning ? 'the daemon listens' : 'is free')];
}

function bfdFindings(port: number, around: Neighbours): Finding[] {
  const bound = around.udp.filter(({ state, local }) => state === SocketState.unconnected && local.port === port);
  for (const { inode } of bound) {
    const holder = around.holder(inode);
    if (isOurs(holder, around)) continue;
    const who = holder === undefined ? 'another program' : programText(holder);
    return [problem(`UDP port ${port}`, `${who} has it: its BFD gets the packets of ours`, 'end its BFD')];
  }
  return [];
}

/** Whoever cannot be seen counts as the daemon where there is one. */
const isOurs = (holder: Program | undefined, { daemon, isRunning }: Neighbours): boolean =>
  holder === undefined ? isRunning : holder.pid === daemon;

function speakerFindings(use: Use, { programs }: Neighbours): Finding[] {
  return programs.flatMap((program) => {
    const known = speakers.get(program.name);
    if (known === undefined) return [];
    const who = `${programText(program)} runs here (${known.what})`;
    if (known.does === 'bgp')
      return use.bgp
        ? [
            warning(
              null,
              `${who}: a router takes one session from one address, and the two would end each other's`,
              'peer with different routers, give one of them a sourceAddress of its own, or end it',
            ),
          ]
        : [note(null, who)];
    return use.layer2
      ? [
          warning(
            null,
            `${who}: an address that both announce has two hosts`,
            'end it, or leave it other addresses than the pools here',
          ),
        ]
      : [note(null, who)];
  });
}

export const programText = ({ name, pid }: Program): string => `${name} (process ${pid})`;

/** Who has a connection with a peer at the moment, beside the daemon. */
export function connectedTo(peer: Address, port: number, { tcp, holder }: Neighbours): string | undefined {
  const found = tcp.find(
    ({ state, local, remote }) =>
      state === SocketState.established &&
      compareAddresses(remote.address, peer) === 0 &&
      (remote.port === port || local.port === port),
  );
  if (found === undefined) return undefined;
  const program = holder(found.inode);
  return program === undefined ? 'another program' : programText(program);
}
