/** A view of the page as tests want it: small, and with whatever they change. */

import type { PageView, PeerShown } from '../../../src/daemon/page/view.ts';
import { missingView } from '../../../src/daemon/peerview.ts';

export const NOW_MS = Date.parse('2026-03-01T12:00:00Z');

export const peer = (name: string, more: Partial<PeerShown> = {}): PeerShown => {
  const settings = {
    ...{ name, port: 179, localAsn: 64512, peerAsn: 64513, routerId: 1, holdTimeSec: 90 },
    ...{ families: ['ipv4'] as const, passive: false, multihop: false, address: undefined },
  };
  return { ...missingView({ settings: settings as never, reason: '' }), past: [], changes: [], ...more };
};

export const service = (name: string): PageView['services']['rows'][number] => ({
  service: `default/${name}`,
  ips: ['198.51.100.1'],
  pool: 'main',
  allocation: null,
  bgp: { announced: true, reason: null, peers: ['tor-a'], prefixes: ['198.51.100.1/32'], notes: [] },
  layer2: { announced: false, reason: 'notOwner', interfaces: [], owner: 'node-b' },
  egress: null as never,
  loopback: {},
});

export const sample = (more: Partial<PageView> = {}): PageView => ({
  version: '0.0.1',
  atMs: NOW_MS,
  startedMs: NOW_MS - 7_200_000,
  node: 'node-a',
  ready: true,
  drain: 'none',
  configuration: {
    ...{ loadedAt: '2026-03-01T11:00:00.000Z', files: 1, documents: 3, valid: true, stale: false },
    problems: { rows: [], total: 0 },
  },
  peers: { rows: [], total: 0, up: 0 },
  services: { rows: [], total: 0, counts: [] },
  tables: [],
  rejected: [],
  conflicts: null,
  members: { rows: [], total: 0 },
  bfd: { rows: [], total: 0 },
  vrfs: { rows: [], total: 0 },
  events: { rows: [], total: 0 },
  ...more,
});
