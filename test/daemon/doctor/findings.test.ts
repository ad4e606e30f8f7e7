/** What the doctor says of facts that are made up: each finding once, and nothing where all is well. */
import { describe, expect, it } from 'vitest';
import type { Configuration, EndpointSlice } from '../../../src/config/model.ts';
import { addressFindings, type DeliveryFacts } from '../../../src/daemon/doctor/addresses.ts';
import type { Finding } from '../../../src/daemon/doctor/finding.ts';
import { type Layer2Facts, layer2Findings } from '../../../src/daemon/doctor/layer2.ts';
import { type Grants, machineFindings } from '../../../src/daemon/doctor/machine.ts';
import { type PeerFacts, peerFindings, type WayFound } from '../../../src/daemon/doctor/peers.ts';
import { connectedTo, type Neighbours, programFindings } from '../../../src/daemon/doctor/programs.ts';
import type { Use } from '../../../src/daemon/doctor/use.ts';
import type { ServiceDecision } from '../../../src/intent/service.ts';
import type { OpenSocket } from '../../../src/io/programs.ts';
import { address } from '../../../src/lib/address.ts';
import { prefix } from '../../../src/lib/prefix.ts';
import { type Link, LinkFlag } from '../../../src/netlink/link.ts';
import { settingsOf } from '../../support/pipe.ts';

const lines = (findings: readonly Finding[]) =>
  findings.map(({ verdict, subject, text }) => `${verdict} ${subject ?? '-'}: ${text}`);
const use: Use = {
  bgp: true,
  listenPort: 179,
  layer2: true,
  bfd: true,
  changes: ['learned routes'],
  changesNetwork: false,
};

describe('rights and time', () => {
  const grants: Grants = {
    who: 'the daemon',
    capabilities: new Set(['NET_ADMIN', 'NET_RAW', 'NET_BIND_SERVICE']),
    realtimeLimit: 10,
    quota: undefined,
    nativeProblem: undefined,
    unprivilegedPort: 1024,
  };

  it('are enough', () => {
    expect(machineFindings(use, grants).map(({ verdict }) => verdict)).toEqual(['ok', 'ok']);
  });

  it.each<[string, Partial<Use>, Partial<Grants>, string]>([
    [
      'NET_ADMIN',
      {},
      { capabilities: new Set(['NET_RAW', 'NET_BIND_SERVICE']) },
      'no CAP_NET_ADMIN, needed for learned routes',
    ],
    ['NET_RAW', {}, { capabilities: new Set(['NET_ADMIN', 'NET_BIND_SERVICE']) }, 'no CAP_NET_RAW, needed for layer 2'],
    ['a port', {}, { capabilities: new Set(['NET_ADMIN', 'NET_RAW']) }, 'no CAP_NET_BIND_SERVICE, needed for port 179'],
    ['native sockets', {}, { nativeProblem: 'no koffi' }, 'without native sockets: no koffi'],
  ])('lack %s', (_, more, given, text) => {
    const found = machineFindings({ ...use, ...more }, { ...grants, ...given }).filter(
      ({ verdict }) => verdict === 'problem',
    );
    expect(lines(found)).toEqual([expect.stringContaining(text)]);
  });

  it('need nothing that documents do not use', () => {
    const little = { ...use, layer2: false, bfd: false, changes: [] };
    expect(
      machineFindings(little, { ...grants, capabilities: new Set(), unprivilegedPort: 0, realtimeLimit: 0 }),
    ).toEqual([]);
  });

  it.each<[string, Partial<Grants>, RegExp | undefined]>([
    ['no real-time priority', { realtimeLimit: 0 }, /may not run BFD and layer 2 at real-time priority/],
    [
      'a capability instead',
      { realtimeLimit: 0, capabilities: new Set([...grants.capabilities!, 'SYS_NICE']) },
      undefined,
    ],
    ['half a processor', { quota: { processors: 0.5, throttled: 0 } }, /has 0.5 of a processor: BFD and layer 2 stops/],
    ['stops', { quota: { processors: 2, throttled: 9 } }, /was stopped 9 times/],
    ['two processors', { quota: { processors: 2, throttled: 0 } }, undefined],
  ])('of BFD and layer 2: %s', (_, given, text) => {
    const warnings = machineFindings(use, { ...grants, ...given }).filter(({ verdict }) => verdict === 'warning');
    expect(lines(warnings)).toEqual(text === undefined ? [] : [expect.stringMatching(text)]);
  });
});

describe('other programs', () => {
  const socket = (
    local: string,
    port: number,
    state: number,
    inode = '1',
    remote = '0.0.0.0',
    there = 0,
  ): OpenSocket => ({
    local: { address: address(local), port },
    remote: { address: address(remote), port: there },
    ...{ state, inode },
  });
  const none: Neighbours = {
    programs: [],
    tcp: [],
    udp: [],
    daemon: undefined,
    isRunning: false,
    holder: () => undefined,
  };
  const bgpd = { pid: 7, name: 'bgpd' };
  const any = [address('0.0.0.0')];
  const has = (around: Partial<Neighbours>) => lines(programFindings(use, any, { ...none, ...around }));

  it('leave the port free', () => {
    expect(has({ tcp: [socket('127.0.0.1', 180, 10), socket('127.0.0.1', 179, 1)] })).toEqual(['ok port 179: is free']);
  });

  it('have the port, or BFD', () => {
    expect(has({ tcp: [socket('127.0.0.1', 179, 10)], holder: () => bgpd })).toEqual([
      'problem port 179: bgpd (process 7) listens on 127.0.0.1: peers that call are answered by it',
    ]);
    expect(has({ udp: [socket('::', 3784, 7)] })).toEqual([
      'ok port 179: is free',
      'problem UDP port 3784: another program has it: its BFD gets the packets of ours',
    ]);
  });

  it('are not the daemon', () => {
    const daemon = { pid: 5, name: 'node' };
    const sockets = { tcp: [socket('0.0.0.0', 179, 10)], udp: [socket('::', 3784, 7)] };
    expect(has({ ...sockets, isRunning: true, daemon: 5, holder: () => daemon })).toEqual([
      'ok port 179: the daemon listens',
    ]);
    // Where nobody can be seen, as in another container.
    expect(has({ ...sockets, isRunning: true })).toEqual(['ok port 179: the daemon listens']);
    expect(has({ isRunning: true })).toEqual(['problem port 179: nobody listens on it, although a daemon runs']);
  });

  it('speak BGP, or announce on layer 2', () => {
    const programs = [bgpd, { pid: 8, name: 'keepalived' }, { pid: 9, name: 'sh' }];
    expect(has({ programs })).toEqual([
      'ok port 179: is free',
      expect.stringMatching(/^warning -: bgpd \(process 7\) runs here \(FRR or OpenBGPD\): a router takes one session/),
      expect.stringMatching(/^warning -: keepalived \(process 8\) runs here/),
    ]);
    const notes = programFindings({ ...use, bgp: false, layer2: false }, any, { ...none, programs });
    expect(notes.map(({ verdict }) => verdict)).toEqual(['ok', 'note', 'note']);
  });

  it('have a connection with the peer, whoever called', () => {
    const peer = address('192.0.2.1');
    const holder = () => bgpd;
    const of = (...tcp: OpenSocket[]) => connectedTo(peer, 179, { ...none, tcp, holder });
    expect(of(socket('192.0.2.10', 50_000, 1, '1', '192.0.2.1', 179))).toBe('bgpd (process 7)');
    expect(of(socket('192.0.2.10', 179, 1, '1', '192.0.2.1', 50_000))).toBe('bgpd (process 7)');
    expect(of(socket('192.0.2.10', 50_000, 1, '1', '192.0.2.2', 179))).toBeUndefined();
    expect(of(socket('192.0.2.10', 50_000, 1, '1', '192.0.2.1', 22))).toBeUndefined();
    expect(of(socket('192.0.2.10', 179, 6, '1', '192.0.2.1', 50_000))).toBeUndefined();
  });
});

describe('a peer', () => {
  const way: WayFound = {
    ...{ isLocal: false, isOurs: false, isRunning: true, isStrict: false },
    ...{ interface: 'eth0', gateway: undefined, defaults: ['eth0'] },
  };
  const facts: PeerFacts = {
    settings: settingsOf({ name: 'r', address: address('192.0.2.1'), localAsn: 64512, peerAsn: 64513 }),
    ...{ session: undefined, trial: undefined, taken: undefined, way },
    ...{ sourceIsHere: true, vrfIsHere: true, isToCome: false },
  };
  const trial = (error?: string) => ({ tookMs: 0.4, ...(error !== undefined && { error }) });

  it.each<[Partial<PeerFacts>, string[]]>([
    [{ trial: trial() }, ['ok r: takes the session, after 1 ms']],
    [{ trial: trial('connection refused: …') }, ['problem r: connection refused: …']],
    [{}, []],
    [{ taken: 'bgpd (process 7)' }, ['note r: not tried: bgpd (process 7) has a connection with it']],
    [{ settings: { ...facts.settings, passive: true } }, ['note r: not tried: it is to call']],
    [{ session: { state: 'Established', uptimeSec: 7, lastError: 'x' } }, ['ok r: Established for 7 s']],
    [
      { session: { state: 'Active', uptimeSec: 0, lastError: 'no route to the peer' } },
      ['problem r: Active: no route to the peer'],
    ],
    [{ way: { ...way, error: 'ENETUNREACH' }, trial: trial('x') }, ['problem r: no route to 192.0.2.1: ENETUNREACH']],
    [{ way: { ...way, isRunning: false } }, ['problem r: eth0 is down, or has no carrier']],
    [
      { way: { ...way, gateway: '10.0.0.1' } },
      ['problem r: 192.0.2.1 is behind 10.0.0.1, and packets are sent one hop far'],
    ],
    [{ way: { ...way, gateway: '10.0.0.1' }, settings: { ...facts.settings, multihop: true } }, []],
    [{ way: { ...way, gateway: '10.0.0.1' }, settings: { ...facts.settings, peerAsn: 64512 } }, []],
    [{ way: { ...way, gateway: '10.0.0.1' }, settings: { ...facts.settings, ttlSecurityHops: 3 } }, []],
    [{ way: { ...way, isLocal: true, isRunning: false } }, []],
    [{ way: { ...way, isStrict: true } }, []],
    [{ way: { ...way, isStrict: true, defaults: [] } }, []],
    [
      { way: { ...way, isStrict: true, defaults: ['eth1'] }, trial: trial() },
      [
        'warning r: rp_filter of eth0 is strict, and the default route leaves by eth1: what clients send by this router is dropped',
        'ok r: takes the session, after 1 ms',
      ],
    ],
    [{ vrfIsHere: false, settings: { ...facts.settings, vrf: 'red' } }, ['problem r: there is no VRF red']],
    [
      { vrfIsHere: false, isToCome: true, settings: { ...facts.settings, vrf: 'red' } },
      [expect.stringMatching(/^note r: not tried/)],
    ],
    // What was wrong before says nothing where the session is up.
    [
      { way: { ...way, gateway: '10.0.0.1' }, session: { state: 'Established', uptimeSec: 7, lastError: '' } },
      [expect.stringMatching(/^problem/), 'ok r: Established for 7 s'],
    ],
  ])('with %j', (more, expected) => {
    expect(lines(peerFindings({ ...facts, ...more }))).toEqual(expected);
  });
});

const decision = (
  ip: string,
  more: { bgp?: boolean; layer2?: boolean; interfaces?: readonly string[]; owner?: string } = {},
) =>
  ({
    key: 'default/web',
    ips: [address(ip)],
    pool: 'public',
    bgp: { announced: more.bgp ?? false, detail: '', because: [], contributions: [] },
    layer2: {
      ...{ announced: more.layer2 ?? false, detail: '', because: [], interfaces: more.interfaces ?? 'all' },
      ...((more.layer2 || more.owner !== undefined) && { owner: more.owner ?? 'node-a' }),
    },
  }) satisfies ServiceDecision;

describe('layer 2', () => {
  const up = LinkFlag.up | LinkFlag.lowerUp | LinkFlag.broadcast | LinkFlag.multicast;
  const link = (index: number, name: string, more: Partial<Link> = {}): Link => ({
    ...{ index, name, type: 1, flags: up, changed: 0, mtu: 1500 },
    address: Uint8Array.of(2, 0, 0, 0, 0, index),
    ...more,
  });
  const facts: Layer2Facts = {
    links: [
      link(1, 'eth0'),
      link(2, 'eth1', { flags: LinkFlag.up }),
      link(3, 'port', { master: 4 }),
      link(4, 'br0', { info: { kind: 'bridge' } }),
    ],
    subnets: [{ link: 1, subnet: prefix('192.0.2.0/24') }],
    holders: () => [],
    exclude: [],
    isWireless: () => false,
    answersForOthers: () => false,
  };
  const one = (ip: string, interfaces: readonly string[] = ['eth0'], more: Partial<Layer2Facts> = {}) =>
    lines(layer2Findings([decision(ip, { layer2: true, interfaces })], { ...facts, ...more }));

  it('is of no interest without an address on it', () => {
    expect(layer2Findings([decision('192.0.2.7', { bgp: true })], facts)).toEqual([]);
  });

  it('can answer, or stand by', () => {
    expect(one('192.0.2.7')).toEqual(['ok eth0: can answer']);
    const standby = decision('192.0.2.7', { owner: 'node-b', interfaces: ['eth1'] });
    expect(lines(layer2Findings([standby], facts))).toEqual([
      'problem 192.0.2.7: no interface can answer for it (eth1: down, or without a carrier)',
    ]);
  });

  it.each([
    [
      '203.0.113.7',
      ['eth0'],
      ['ok eth0: can answer', expect.stringMatching(/^warning 203.0.113.7: is in no subnet of eth0/)],
    ],
    ['192.0.2.7', ['eth9'], ['problem 192.0.2.7: no interface can answer for it (eth9: absent)']],
    ['192.0.2.7', ['port'], ['problem 192.0.2.7: no interface can answer for it (port: enslaved)']],
  ])('%s on %s', (ip, interfaces, expected) => {
    expect(one(ip, interfaces)).toEqual(expected);
  });

  it('says the same of many addresses once', () => {
    const many = [1, 2, 3, 4, 5].map((n) => decision(`203.0.113.${n}`, { layer2: true, interfaces: ['eth0'] }));
    expect(lines(layer2Findings(many, facts))[1]).toMatch(
      /^warning 203.0.113.1, 203.0.113.2, 203.0.113.3 and 2 more: is in no/,
    );
  });

  it('is answered for by the kernel, too', () => {
    expect(one('192.0.2.7', ['eth0'], { holders: () => [1] })[1]).toMatch(
      /^problem 192.0.2.7: is an address of eth0 itself/,
    );
    const other = { holders: () => [4], answersForOthers: () => true };
    expect(one('192.0.2.7', ['eth0'], other)[1]).toMatch(
      /^problem 192.0.2.7: is on br0, and the kernel answers ARP for it on eth0/,
    );
    expect(one('192.0.2.7', ['eth0'], { holders: () => [4] })).toHaveLength(1);
  });

  it('is a radio, or a device that passes up little', () => {
    expect(one('192.0.2.7', ['eth0'], { isWireless: () => true })).toEqual([
      expect.stringMatching(/^warning eth0: a wireless/),
    ]);
    const links = [link(1, 'eth0', { info: { kind: 'other', name: 'ipvlan' } })];
    expect(one('192.0.2.7', ['eth0'], { links })).toEqual([expect.stringMatching(/^problem eth0: an ipvlan device/)]);
  });
});

describe('packets for an address', () => {
  const facts: DeliveryFacts = {
    own: new Set(['10.0.0.1']),
    subnets: [{ link: 'eth0', subnet: prefix('192.0.2.0/24') }],
    known: new Set(),
    hidden: undefined,
    gatewayTo: () => '192.0.2.1',
    forwards: { 4: true, 6: true },
    slices: new Map(),
    isOnLoopback: () => false,
  };
  const of = (d: ServiceDecision, more: Partial<DeliveryFacts> = {}) =>
    lines(addressFindings([d], { ...facts, ...more }));
  const told = decision('203.0.113.7', { bgp: true });

  it('that is not announced are of no interest', () => {
    expect(of(decision('203.0.113.7'))).toEqual([]);
  });

  it.each<[string, Partial<DeliveryFacts>, string]>([
    [
      'nobody',
      {},
      'warning 203.0.113.7: nothing here takes its packets: no interface has it, and neither the packet filter nor IPVS knows it, and its packets would go back out to 192.0.2.1',
    ],
    ['an interface', { own: new Set(['203.0.113.7']) }, 'ok 203.0.113.7: is on an interface of this node'],
    ['the loopback', { isOnLoopback: (by) => by === 'bgp' }, 'ok 203.0.113.7: is put on the loopback by the daemon'],
    ['rules', { known: new Set(['203.0.113.7']) }, 'ok 203.0.113.7: is known to the packet filter or IPVS'],
    [
      'who knows',
      { hidden: 'eBPF of Cilium' },
      'note 203.0.113.7: whether its packets are taken cannot be seen: eBPF of Cilium',
    ],
  ])('are taken by %s', (_, more, expected) => {
    expect(of(told, more)).toEqual([expected]);
  });

  it('in a subnet of a link nobody answers for, where BGP alone announces it', () => {
    const near = { known: new Set(['192.0.2.7']) };
    expect(of(decision('192.0.2.7', { bgp: true }), near)[1]).toMatch(
      /^warning 192.0.2.7: is announced by BGP and lies in a subnet of eth0/,
    );
    expect(of(decision('192.0.2.7', { bgp: true, layer2: true }), near)).toHaveLength(1);
  });

  it('go to endpoints elsewhere only where packets are forwarded', () => {
    const slices: Configuration['endpointSlices'] = new Map([
      ['default/web', [{ endpoints: [{ addresses: ['10.0.0.9'] }] } as unknown as EndpointSlice]],
    ]);
    const known = new Set(['203.0.113.7']);
    expect(of(told, { known, slices })).toHaveLength(1);
    expect(of(told, { known, slices, forwards: { 4: false, 6: true } })[1]).toMatch(
      /^problem 203.0.113.7: has endpoints/,
    );
    expect(of(told, { known, slices, forwards: { 4: false, 6: true }, own: new Set(['10.0.0.9']) })).toHaveLength(1);
  });
});
