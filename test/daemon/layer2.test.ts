/** From decisions and interfaces to snapshots, and from reports to rows and log lines, with a worker that only listens. */
import { pino } from 'pino';
import { beforeEach, describe, expect, test } from 'vitest';
import { Bfd } from '../../src/daemon/bfd.ts';
import type { Documents as Reader } from '../../src/daemon/documents.ts';
import type { Engine } from '../../src/daemon/engine.ts';
import type { FastEvents } from '../../src/daemon/fast/worker.ts';
import { Layer2, type Layer2Options } from '../../src/daemon/layer2.ts';
import type { LinksEvents } from '../../src/daemon/links.ts';
import { Metrics } from '../../src/daemon/metrics.ts';
import { Services } from '../../src/daemon/services.ts';
import { Speaker } from '../../src/daemon/speaker.ts';
import { Tally } from '../../src/daemon/tally.ts';
import { type Filter, layer2Rows, serviceRows } from '../../src/daemon/views.ts';
import type { Snapshot } from '../../src/l2/snapshot.ts';
import { formatAddress } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';
import type { Link } from '../../src/netlink/link.ts';
import {
  configuration,
  type Documents,
  ingress,
  layer2Advertisement,
  node,
  pool,
  request,
  selector,
  service,
  speaker,
} from '../support/model.ts';

const UP_RUNNING = 0x1 | 0x2 | 0x1000 | 0x10000;
const link = (index: number, name: string, flags = UP_RUNNING): Link => ({
  ...{ index, name, flags, type: 1, changed: 0 },
  address: Uint8Array.of(2, 0, 0, 0, 0, index),
});

class Bench {
  readonly snapshots: Snapshot[] = [];
  readonly log: Record<string, unknown>[] = [];
  readonly failures: Error[] = [];
  links: Link[] = [link(1, 'eth0'), link(2, 'eth1')];
  readonly moves = new Map<number, number>();
  linksEvents: LinksEvents | undefined;
  worker: FastEvents | undefined;
  refusal: Error | undefined;
  /** The worker takes over what it gets at once. */
  prompt = true;
  stopped = 0;
  readonly services = new Services();
  config = configuration();
  readonly layer2: Layer2;

  constructor(takenOver?: Layer2Options['takenOver']) {
    this.layer2 = this.make(takenOver);
  }

  private make = (takenOver: Layer2Options['takenOver']) =>
    new Layer2({
      ...(takenOver && { takenOver }),
      log: pino({ base: null }, { write: (line: string) => this.log.push(JSON.parse(line)) }),
      failed: (error) => this.failures.push(error),
      parts: {
        links: (events) => {
          this.linksEvents = events;
          const bench = this;
          return {
            get all() {
              return bench.links;
            },
            moves: this.moves,
            close: () => this.stopped++,
          };
        },
        worker: (events) => {
          if (this.refusal !== undefined) throw this.refusal;
          this.worker = events;
          const apply = (snapshot: Snapshot) => {
            this.snapshots.push(snapshot);
            if (this.prompt) this.serve(snapshot);
          };
          return { apply, stop: async () => void this.stopped++ };
        },
      },
    });

  /** As the daemon does it: configuration, decisions, and at the end that they have settled. */
  load(documents: Documents): void {
    this.config = configuration({ speaker: speaker({ name: 'node-b' }), ...documents });
    this.layer2.configure(this.config);
    this.services.apply(this.config);
    this.work();
  }

  work(): void {
    for (let one = this.services.step(); one !== undefined; one = this.services.step())
      this.layer2.decided(one.key, one.after, one.before);
    this.layer2.settled();
  }

  /** The worker has a snapshot in force, and all sockets. */
  serve({ number, ports }: Snapshot = this.snapshots.at(-1)!): void {
    const word = (wanted: boolean) => (wanted ? 'on' : 'off');
    const all = ports.map(({ index, name, arp, ndp }) => ({ index, name, arp: word(arp), ndp: word(ndp), mld: 'on' }));
    this.worker!.report({ type: 'applied', number, ports: all });
  }

  applied(...ports: readonly (readonly [index: number, name: string, arp: string, ndp: string])[]): void {
    const number = this.snapshots.at(-1)!.number;
    const all = ports.map(([index, name, arp, ndp]) => ({ index, name, arp, ndp, mld: 'on' }));
    this.worker!.report({ type: 'applied', number, ports: all });
  }

  /** The last snapshot's addresses: `IP INTERFACES`. */
  get addresses(): string[] {
    return this.snapshots.at(-1)!.addresses.map(({ ip, interfaces }) => `${formatAddress(ip)} ${interfaces}`);
  }

  rows(filter: Filter = {}) {
    const engine = { config: this.config, services: this.services } as unknown as Engine;
    return [...layer2Rows(this.layer2, engine, filter)].flatMap((row) => row ?? []);
  }

  /** The first Service as `show services` has it. */
  get service() {
    const engine = { config: this.config, services: this.services, roster: { missing: [] } } as unknown as Engine;
    const parts = { layer2: this.layer2, egress: { row: () => null }, loopback: { state: () => undefined } };
    return [...serviceRows(new Speaker({ state: () => {} }), engine, parts)][0]!;
  }

  told(text: string): Record<string, unknown>[] {
    return this.log.filter(({ msg }) => String(msg).includes(text));
  }
}

const noBfd = new Bfd({} as ConstructorParameters<typeof Bfd>[0]);
let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

const lab: Documents = {
  pools: [pool('lab', ['192.168.10.0/24', 'fc00:f853:ccd:e799::/64'])],
  layer2Advertisements: [layer2Advertisement('l2', ['lab'])],
};
const web = service('web', { ingress: ingress('192.168.10.10', 'fc00:f853:ccd:e799::1') });

describe('snapshots', () => {
  test('nothing is started before some L2Advertisement exists', () => {
    bench.load({ ...lab, layer2Advertisements: [], services: [web] });
    expect(bench.worker).toBeUndefined();
    expect(bench.rows()).toEqual([]);
    bench.load({ ...lab, services: [web] });
    expect(bench.addresses).toEqual(['192.168.10.10 all', 'fc00:f853:ccd:e799::1 all']);
    expect(bench.snapshots[0]!.ports.map(({ name }) => name)).toEqual(['eth0', 'eth1']);
  });

  test('go out when decisions have settled, not before, and whenever an interface changes', () => {
    bench.layer2.configure(configuration(lab));
    bench.linksEvents!.changed();
    expect(bench.snapshots).toEqual([]);
    bench.load({ ...lab, services: [web] });
    bench.links = [link(3, 'eth2')];
    bench.linksEvents!.changed();
    expect(bench.snapshots.map(({ number }) => number)).toEqual([1, 2]);
    expect(bench.snapshots[1]!.ports.map(({ name }) => name)).toEqual(['eth2']);
    bench.layer2.settled(); // as when a peer was given its routes
    expect(bench.snapshots).toHaveLength(2);
  });

  test('have the rules of the Speaker, and leave out interfaces by pattern', () => {
    const layer2 = {
      ...speaker().layer2,
      gratuitousIntervalMs: 60_000,
      conflict: 'yield',
      reception: 'promiscuous',
    } as const;
    bench.load({ ...lab, speaker: speaker({ name: 'node-b', layer2 }) });
    expect(bench.snapshots[0]!.rules).toMatchObject({
      conflict: 'yield',
      reception: 'promiscuous',
      schedule: { refreshMs: 60_000, roundMs: 1100 },
    });
    bench.layer2.configure({ ...configuration(lab), excludedInterfaces: ['^eth0$'] });
    bench.layer2.settled();
    expect(bench.snapshots[1]!.ports.map(({ name }) => name)).toEqual(['eth1']);
    expect(bench.snapshots[1]!.macs).toHaveLength(2);
  });

  test('lose what is no longer ours', () => {
    bench.load({ ...lab, services: [web] });
    bench.load({ ...lab, services: [web], nodes: ['node-a', 'node-b'].map((name) => node(name)) });
    expect(bench.addresses).toHaveLength(2); // node-b is the first by hash
    const away = selector({ 'kubernetes.io/hostname': 'node-a' });
    const prefer = [layer2Advertisement('l2', ['lab'], { preferences: [{ weight: 1, selector: away }] })];
    const nodes = ['node-a', 'node-b'].map((name) => node(name));
    bench.load({ ...lab, services: [web], nodes, layer2Advertisements: prefer });
    expect(bench.addresses).toEqual([]);
    expect(bench.rows()[0]).toMatchObject({ announced: false, reason: 'notOwner', owner: 'node-a' });
    bench.load({ ...lab, services: [] });
    expect(bench.rows()).toEqual([]);
  });

  test('join what Services that share an address ask for, and a newcomer begins a burst', () => {
    const on = (name: string, device: string) =>
      layer2Advertisement(name, ['lab'], { interfaces: [device], serviceSelectors: [selector({ app: name })] });
    const shared = { ingress: ingress('192.168.10.10'), request: request() };
    const one = service('one', { ...shared, labels: { app: 'x' } });
    const two = service('two', { ...shared, labels: { app: 'y' } });
    const documents = { ...lab, layer2Advertisements: [on('x', 'eth1'), on('y', 'eth0')] };
    bench.load({ ...documents, services: [one] });
    const [before] = bench.snapshots.at(-1)!.addresses;
    bench.load({ ...documents, services: [one, two] });
    const [after] = bench.snapshots.at(-1)!.addresses;
    expect(bench.addresses).toEqual(['192.168.10.10 eth0,eth1']);
    expect(after!.epoch).toBeGreaterThan(before!.epoch);
    bench.load({ ...documents, services: [two] });
    expect(bench.addresses).toEqual(['192.168.10.10 eth0']);
    expect(bench.snapshots.at(-1)!.addresses[0]!.epoch).toBe(after!.epoch);
  });
});

test('that nodes which did not hear each other do again is told to the worker with the decisions that follow', () => {
  bench.load({ ...lab, services: [web] });
  bench.layer2.renew();
  expect(bench.snapshots.map(({ renewals }) => renewals)).toEqual([0]);
  bench.layer2.settled();
  expect(bench.snapshots.map(({ renewals }) => renewals)).toEqual([0, 1]);
});

test('an interface that moved is another one to the worker', () => {
  bench.load({ ...lab, services: [web] });
  bench.moves.set(2, 1);
  bench.linksEvents!.changed();
  expect(bench.snapshots.at(-1)!.ports.map(({ name, moves }) => [name, moves])).toEqual([
    ['eth0', undefined],
    ['eth1', 1],
  ]);
});

describe('rows', () => {
  test('say where an address is answered for, by family and prefix', () => {
    bench.load({ ...lab, services: [web] });
    expect(bench.rows()[0]).toEqual({
      ip: '192.168.10.10',
      service: 'default/web',
      interfaces: ['eth0', 'eth1'],
      announced: true,
      reason: null,
      owner: 'node-b',
      requests: 0,
      replies: 0,
      gratuitous: 0,
      conflicts: 0,
      claimedBy: [],
    });
    expect(bench.rows({ family: 'ipv6' }).map(({ ip }) => ip)).toEqual(['fc00:f853:ccd:e799::1']);
    expect(bench.rows({ prefix: prefix('192.168.10.10/32') }).map(({ ip }) => ip)).toEqual(['192.168.10.10']);
  });

  test('leave out interfaces that are down, and those whose sockets cannot be had', () => {
    bench.load({ ...lab, services: [web] });
    bench.applied([1, 'eth0', 'EPERM', 'on'], [2, 'eth1', 'on', 'on']);
    expect(bench.rows().map(({ interfaces }) => interfaces)).toEqual([['eth1'], ['eth0', 'eth1']]);
    expect(bench.told('CAP_NET_RAW is needed')).toMatchObject([
      { interface: 'eth0', protocol: 'arp', reason: 'EPERM' },
    ]);
    bench.applied([1, 'eth0', 'EPERM', 'on'], [2, 'eth1', 'on', 'on']);
    expect(bench.told('CAP_NET_RAW')).toHaveLength(1);
    bench.applied([1, 'eth0', 'on', 'on'], [2, 'eth1', 'on', 'on']);
    expect(bench.told('on this interface again')).toHaveLength(1);
    bench.links = [link(1, 'eth0', 0x1002), link(2, 'eth1')];
    bench.linksEvents!.changed();
    expect(bench.rows()[0]!.interfaces).toEqual(['eth1']);
  });

  test('say that an address is announced once the worker has it, not before', () => {
    bench.prompt = false;
    const shared = { ingress: ingress('192.168.10.14'), request: request() };
    bench.load({ ...lab, services: [service('one', shared)] });
    expect(bench.rows()[0]).toMatchObject({ announced: false, reason: 'announcePending', interfaces: [] });
    expect(bench.service.layer2).toMatchObject({ announced: false, reason: 'announcePending' });
    expect(bench.told('no interface that may answer')).toEqual([]);
    bench.serve();
    expect(bench.rows()[0]).toMatchObject({ announced: true, reason: null, interfaces: ['eth0', 'eth1'] });
    const more = service('more', { ingress: ingress('192.168.10.13') });
    bench.load({ ...lab, services: [service('one', shared), more, service('two', shared)] });
    const state = () => bench.rows().map((row) => [row.service, row.announced, row.reason]);
    expect(state()).toEqual([
      ['default/more', false, 'announcePending'],
      ['default/one', true, null],
      ['default/two', true, null],
    ]);
    bench.links = [...bench.links, link(3, 'eth2')];
    bench.linksEvents!.changed();
    expect(bench.rows()[1]!.interfaces).toEqual(['eth0', 'eth1']);
    bench.serve(bench.snapshots.at(-2)!);
    expect(state().map(([, announced]) => announced)).toEqual([true, true, true]);
    expect(bench.rows()[1]!.interfaces).toEqual(['eth0', 'eth1']);
    bench.serve();
    expect(bench.rows()[1]!.interfaces).toEqual(['eth0', 'eth1', 'eth2']);
    // Another one of that name is not yet served.
    bench.links = [link(1, 'eth0'), link(9, 'eth1')];
    bench.linksEvents!.changed();
    expect(bench.rows()[1]!.interfaces).toEqual(['eth0']);
  });

  test('under stickiness say so once it was announced, since it is asked for before', () => {
    const layer2 = { ...speaker().layer2, stickiness: true } as const;
    bench.load({ ...lab, speaker: speaker({ name: 'node-b', layer2 }), services: [web] });
    const ip = '192.168.10.10';
    expect(bench.rows()[0]).toMatchObject({ announced: false, reason: 'announcePending' });
    const report = (stage: 'defer' | 'end' | 'resume') => {
      for (const name of ['eth0', 'eth1'])
        bench.worker!.report({ type: 'conflict', ip, interface: name, mac: '02:00:5e:10:00:01', stage });
    };
    report('defer');
    expect(bench.rows()[0]).toMatchObject({ announced: false, reason: 'heldElsewhere' });
    report('end');
    report('resume');
    const counters = { ip, requests: 0, responses: 0, gratuitous: 2, claims: 0, firstMs: undefined };
    bench.worker!.report({ type: 'counters', addresses: [counters], drops: [] });
    expect(bench.rows()[0]).toMatchObject({ announced: true, reason: null, interfaces: ['eth0', 'eth1'] });
  });

  test('have the counters, which end with the address', () => {
    bench.load({ ...lab, services: [web] });
    const counters = { ip: '192.168.10.10', requests: 7, responses: 5, gratuitous: 10, claims: 2, firstMs: undefined };
    const stranger = { ...counters, ip: '192.168.10.99' };
    bench.worker!.report({ type: 'counters', addresses: [counters, stranger], drops: [] });
    expect(bench.rows()[0]).toMatchObject({ requests: 7, replies: 5, gratuitous: 10, conflicts: 2 });
    expect([...bench.layer2.counters()]).toEqual([counters]);
    bench.load({ ...lab, services: [] });
    expect([...bench.layer2.counters()]).toEqual([]);
  });
});

test('interfaces that a pattern matches answer, those too that come later', () => {
  const documents = {
    ...lab,
    layer2Advertisements: [layer2Advertisement('l2', ['lab'], { interfaces: ['bond0', '/^ens/'] })],
  };
  bench.load({ ...documents, services: [web] });
  expect(bench.rows()[0]).toMatchObject({ announced: false, reason: 'announceFailed', interfaces: [] });
  expect(bench.told('no interface that may answer')[0]).toMatchObject({ why: { bond0: 'absent', '/^ens/': 'absent' } });
  bench.links = [link(1, 'eth0'), link(7, 'ens7'), link(8, 'ens8')];
  bench.linksEvents!.changed();
  expect(bench.rows()[0]).toMatchObject({ announced: true, reason: null, interfaces: ['ens7', 'ens8'] });
});

test('interfaces that do not exist are told of once, and again after they were there', () => {
  const documents = { ...lab, layer2Advertisements: [layer2Advertisement('l2', ['lab'], { interfaces: ['eth9'] })] };
  const text = 'no interface that may answer exists and is up';
  bench.load({ ...documents, services: [web] });
  expect(bench.rows()[0]).toMatchObject({ announced: false, reason: 'announceFailed', interfaces: [] });
  expect(bench.told(text)).toMatchObject([
    { reason: 'announceFailed', interfaces: ['eth9'], why: { eth9: 'absent' }, ip: '192.168.10.10', addresses: 1 },
    { reason: 'announceFailed', interfaces: ['eth9'], ip: 'fc00:f853:ccd:e799::1', addresses: 1 },
  ]);
  bench.linksEvents!.changed();
  expect(bench.told(text)).toHaveLength(2);
  bench.links = [link(9, 'eth9')];
  bench.linksEvents!.changed();
  expect(bench.rows()[0]).toMatchObject({ announced: true, reason: null, interfaces: ['eth9'] });
  bench.links = [];
  bench.linksEvents!.changed();
  expect(bench.told(text)).toHaveLength(4);
});

test('why named interfaces cannot answer is said of each', () => {
  const interfaces = ['eth0', 'eth1', 'eth2', 'eth3', 'eth4'];
  bench.links = [
    { ...link(1, 'eth0'), master: 8 },
    link(2, 'eth1', 0x1002),
    link(3, 'eth2', UP_RUNNING | 0x80),
    link(5, 'eth4'),
    { ...link(8, 'br0'), info: { kind: 'bridge' } },
  ];
  bench.prompt = false;
  bench.load({ ...lab, layer2Advertisements: [layer2Advertisement('l2', ['lab'], { interfaces })], services: [web] });
  bench.applied([5, 'eth4', 'EPERM', 'EPERM'], [2, 'eth1', 'on', 'on'], [8, 'br0', 'on', 'on']);
  expect(bench.told('no interface that may answer exists and is up')[0]).toMatchObject({
    why: { eth0: 'enslaved', eth1: 'down', eth2: 'noArp', eth3: 'absent', eth4: 'EPERM' },
  });
  // What `explain` says, also where an advertisement names none.
  const named = bench.services.decisions.get('default/web')!;
  expect(Object.fromEntries(bench.layer2.lacking(named, 4))).toEqual({
    ...{ eth0: 'enslaved', eth1: 'down', eth2: 'noArp', eth3: 'absent', eth4: 'EPERM' },
  });
  const all = { ...named, layer2: { ...named.layer2, interfaces: 'all' as const } };
  expect(bench.layer2.lacking(all, 4).slice(0, 3)).toEqual([
    ['br0', 'on'],
    ['eth0', 'enslaved'],
    ['eth1', 'down'],
  ]);
});

test('a change of interfaces that is none to the worker makes it no work', () => {
  bench.load({ ...lab, services: [web] });
  bench.links = bench.links.map((one) => ({ ...one, mtu: 9000 }));
  bench.linksEvents!.changed();
  expect(bench.snapshots).toHaveLength(1);
  bench.moves.set(1, 1);
  bench.linksEvents!.changed();
  expect(bench.snapshots).toHaveLength(2);
});

describe('a Service is announced where one of its addresses is, and otherwise for the reason of that', () => {
  test('without an interface', () => {
    bench.load({ ...lab, services: [web] });
    expect(bench.service.layer2).toMatchObject({ announced: true, reason: null, owner: 'node-b' });
    bench.links = [];
    bench.linksEvents!.changed();
    expect(bench.rows()[0]).toMatchObject({ announced: false, reason: 'announceFailed' });
    expect(bench.service.layer2).toMatchObject({ announced: false, reason: 'announceFailed', owner: 'node-b' });
  });

  test('while other hosts have its addresses', () => {
    bench.load({ ...lab, services: [web] });
    const report = (ip: string, stage: 'yield' | 'defer' | 'end') => {
      for (const name of ['eth0', 'eth1'])
        bench.worker!.report({ type: 'conflict', ip, interface: name, mac: '02:00:5e:10:00:01', stage });
    };
    report('192.168.10.10', 'defer');
    expect(bench.service.layer2).toMatchObject({ announced: true, reason: null });
    report('fc00:f853:ccd:e799::1', 'yield');
    expect(bench.rows().map(({ reason }) => reason)).toEqual(['heldElsewhere', 'addressClaimed']);
    expect(bench.service.layer2).toMatchObject({ announced: false, reason: 'heldElsewhere' });
    const decision = bench.services.decisions.get('default/web')!;
    expect(decision.ips.map((ip) => bench.layer2.yielded(ip, decision))).toEqual([true, true]);
    report('192.168.10.10', 'end');
    expect(bench.service.layer2).toMatchObject({ announced: true, reason: null });
    expect(decision.ips.map((ip) => bench.layer2.yielded(ip, decision))).toEqual([false, true]);
  });

  test('is not announced for a reason of its own', () => {
    bench.load({ ...lab, layer2Advertisements: [], services: [web] });
    expect(bench.service.layer2.announced).toBe(false);
    expect(bench.service.layer2.reason).not.toBe('announceFailed');
  });
});

test('counters are there as often as they are asked for', async () => {
  bench.load({ ...lab, services: [web] });
  bench.worker!.report({
    type: 'counters',
    addresses: [{ ip: '192.168.10.10', requests: 7, responses: 5, gratuitous: 10, claims: 0, firstMs: undefined }],
    drops: [],
  });
  const engine = { config: bench.config, services: bench.services, roster: { missing: [] } } as unknown as Engine;
  const fresh = new Speaker({ state: () => {} });
  const metrics = new Metrics({
    speaker: fresh,
    engine,
    documents: {} as Reader,
    layer2: bench.layer2,
    chronicle: { tally: new Tally() },
    bfd: noBfd,
  });
  const text = [...(await metrics.text())].join('');
  for (const [name, value] of [
    ['requests_received', 7],
    ['responses_sent', 5],
    ['gratuitous_sent', 10],
  ])
    expect(text).toContain(`metallb_layer2_${name}{ip="192.168.10.10"} ${value}\n`);
  expect(text).toContain(`protocol="layer2",node="node-b",ip="192.168.10.10"} 1\n`);
  expect(text).not.toContain('protocol="bgp"');
});

test('claims of other hosts are logged and shown, and silence where it was chosen', () => {
  bench.load({ ...lab, services: [web] });
  const mac = '02:00:5e:10:00:01';
  const report = (stage: 'begin' | 'yield' | 'resume' | 'end', name: string) =>
    bench.worker!.report({ type: 'conflict', ip: '192.168.10.10', interface: name, mac, stage });
  report('begin', 'eth0');
  expect(bench.rows()[0]).toMatchObject({ announced: true, claimedBy: [{ interface: 'eth0', mac }] });
  report('yield', 'eth0');
  expect(bench.rows()[0]).toMatchObject({ announced: true, interfaces: ['eth1'] });
  report('yield', 'eth1');
  expect(bench.rows()[0]).toMatchObject({ announced: false, reason: 'addressClaimed', interfaces: [] });
  expect(bench.rows()[1]).toMatchObject({ announced: true, claimedBy: [] });
  report('resume', 'eth1');
  expect(bench.rows()[0]).toMatchObject({ announced: true, reason: null, interfaces: ['eth1'] });
  report('end', 'eth1');
  report('end', 'eth0');
  report('resume', 'eth0');
  expect(bench.rows()[0]).toMatchObject({ interfaces: ['eth0', 'eth1'], claimedBy: [] });
  expect(bench.log.filter(({ ip }) => ip === '192.168.10.10').map(({ level }) => level)).toEqual([
    40, 40, 40, 30, 30, 30, 30,
  ]);
});

test('a claim stands when another Service has the address in the same breath', () => {
  bench.load({ ...lab, services: [web] });
  const ip = '192.168.10.10';
  for (const name of ['eth0', 'eth1'])
    bench.worker!.report({ type: 'conflict', ip, interface: name, mac: '02:00:5e:10:00:01', stage: 'yield' });
  bench.worker!.report({
    type: 'counters',
    addresses: [{ ip, requests: 7, responses: 5, gratuitous: 10, claims: 2, firstMs: undefined }],
    drops: [],
  });
  bench.load({ ...lab, services: [service('other', { ingress: ingress(ip) })] });
  expect(bench.rows()[0]).toMatchObject({ service: 'default/other', announced: false, reason: 'addressClaimed' });
  expect(bench.rows()[0]!.conflicts).toBe(2);
  bench.load({ ...lab, services: [] });
  expect([...bench.layer2.conflicts()]).toEqual([]);
});

test('a system without native calls: the log says so, the rows too, and the rest goes on', () => {
  bench.refusal = new Error('no native calls here');
  bench.load({ ...lab, services: [web] });
  expect(bench.told('layer 2 does not work here')).toMatchObject([{ reason: 'no native calls here' }]);
  expect(bench.stopped).toBe(1); // the links
  expect(bench.rows()[0]).toMatchObject({ announced: false, reason: 'announcerUnavailable', interfaces: [] });
});

test('its death is told; an end that was asked for is not, and nothing is posted after it', async () => {
  bench.load({ ...lab, services: [web] });
  await bench.layer2.stop();
  expect(bench.stopped).toBe(2);
  bench.layer2.settled();
  expect(bench.snapshots).toHaveLength(1);
  bench.worker!.failed(new Error('gone'));
  expect(bench.failures).toMatchObject([{ message: 'gone' }]);
});

test('what a node had that is gone is measured when the worker tells of its first announcement', () => {
  const taken: string[] = [];
  const told = new Bench((node, text) => taken.push(`${node}: ${text}`));
  const nodes = [node('node-a'), node('node-b')];
  // By hash node-a is the first for this one.
  const far = service('far', { ingress: ingress('192.168.10.11') });
  told.load({ ...lab, nodes, services: [web, far] });
  const owner = (key: string) => told.services.decisions.get(key)?.layer2.owner;
  const theirs = ['default/web', 'default/far'].filter((key) => owner(key) === 'node-a');
  expect(theirs.length).toBeGreaterThan(0);
  told.layer2.takeovers.lost('node-a', { heardMs: 5_000, noticedMs: 5_900 });
  told.services.hear(new Set(['node-a']), false);
  told.work();
  const ips = theirs.flatMap((key) => told.services.decisions.get(key)!.ips.map(formatAddress));
  const none = { requests: 0, responses: 0, claims: 0 };
  const report = (firstMs: number | undefined) =>
    told.worker!.report({
      ...{ type: 'counters', drops: [] },
      addresses: ips.map((ip) => ({ ...none, ip, gratuitous: firstMs === undefined ? 0 : 2, firstMs })),
    });
  report(undefined);
  expect(taken).toEqual([]);
  report(5_925);
  const what = ips.length === 1 ? '1 address' : `${ips.length} addresses`;
  expect(taken).toEqual([`node-a: ${what}, 925 ms after its last packet, 25 ms after it was missed`]);
  expect(told.told('the addresses of another node are taken over')).toMatchObject([
    { node: 'node-a', addresses: ips.length, failoverMs: 925, takeoverMs: 25 },
  ]);
  expect(told.layer2.takeovers.takeover.sumSec).toBeCloseTo(0.025 * ips.length);
});
