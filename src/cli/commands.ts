/** Every command, its file loaded when it is wanted. */
import type { Command } from 'commander';

interface Entry {
  readonly summary: string;
  readonly load: () => Promise<{ command(): Command }>;
}

/** In the order of `waypost --help`. */
export const commands: Readonly<Record<string, Entry>> = {
  run: { summary: 'the daemon: reads documents, holds sessions, announces addresses', load: () => import('./run.ts') },
  check: { summary: 'validate documents without applying them', load: () => import('./check.ts') },
  peer: { summary: 'one session with a router, without a file', load: () => import('./peer.ts') },
  show: { summary: 'what the daemon does: peers, routes, services, configuration', load: () => import('./show.ts') },
  plan: { summary: 'what documents would do, or change in the running daemon', load: () => import('./plan.ts') },
  explain: { summary: 'why something is announced or not, or a session is down', load: () => import('./explain.ts') },
  doctor: {
    summary: 'what of this machine, or which router, would keep documents from their effect',
    load: () => import('./doctor.ts'),
  },
  reload: { summary: 'make the daemon read its documents again', load: () => import('./reload.ts') },
  drain: { summary: 'move traffic away, then withdraw all routes of this node', load: () => import('./drain.ts') },
  undrain: { summary: 'put this node back into use', load: () => import('./undrain.ts') },
  decode: { summary: 'recorded BGP (hex, raw, pcap, MRT) as lines of JSON', load: () => import('./decode.ts') },
  replay: { summary: 'run recorded sessions again, without a network', load: () => import('./replay.ts') },
  completion: { summary: 'completion script for bash, zsh or fish', load: () => import('./completion.ts') },
  demo: { summary: 'a daemon and a router on this machine, without privileges', load: () => import('./demo.ts') },
};
