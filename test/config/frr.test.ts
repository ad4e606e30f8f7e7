import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Peer } from '../../src/config/model.ts';
import { isTold } from '../../src/config/uses.ts';
import { formatAddress } from '../../src/lib/address.ts';
import { formatPrefix } from '../../src/lib/prefix.ts';
import { accepted, configure, fixture, told } from '../support/config.ts';

const documents = (...texts: readonly string[]): string => texts.join('---\n');
const configuration = (name: string, router: string, more = ''): string =>
  `apiVersion: frrk8s.metallb.io/v1beta1\nkind: FRRConfiguration\nmetadata: {name: ${name}}\nspec: {bgp: {routers: [{asn: 64512, ${router}}]}${more}}\n`;
const neighbor = (name: string, fields: string): string => configuration(name, `neighbors: [{${fields}}]`);
const peer = (name: string, fields: string): string =>
  `apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: ${name}}\nspec: {myASN: 64512, peerASN: 64513, ${fields}}\n`;
const peersOf = async (...texts: string[]): Promise<readonly Peer[]> => (await accepted(documents(...texts))).peers;
const here = 'address: 192.0.2.2, asn: 64513';
const rules = ({ receive }: Peer): string[] =>
  (receive?.rules ?? []).map(({ prefix, ge, le }) => `${formatPrefix(prefix)} ${ge ?? ''}-${le ?? ''}`);

describe('a session that no BGPPeer describes', () => {
  it('is called by its address or interface, and has the timers of frr-k8s', async () => {
    const { peers } = (await configure(fixture('frr-whole.yaml'))).configuration!;
    expect(
      peers.map(({ name, port, holdTimeSec, keepaliveTimeSec, vrf }) => [
        name,
        port,
        holdTimeSec,
        keepaliveTimeSec,
        vrf,
      ]),
    ).toEqual([
      ['192.0.2.2', 1179, 90, 30, undefined],
      ['eth1', 179, 180, 60, undefined],
      ['192.0.2.3', 179, 180, 60, undefined],
      ['192.0.2.2-red', 179, 180, 60, 'red'],
    ]);
  });

  it('has all that its document says', async () => {
    const [first, unnumbered, third] = (await configure(fixture('frr-whole.yaml'))).configuration!.peers;
    expect(first).toMatchObject({
      kind: 'FRRConfiguration',
      myAsn: 64512,
      localAsn: 64999,
      peerAsn: 64513,
      connectTimeSec: 10,
      password: 'hunter2',
      ebgpMultiHop: true,
      dualStackAddressFamily: true,
      restartTimeSec: 120,
      bfd: { receiveIntervalMs: 100, transmitIntervalMs: 100, detectMultiplier: 4, passive: true, minimumTtl: 200 },
      onlyNamed: true,
    });
    expect(formatAddress(first!.sourceAddress!)).toBe('192.0.2.1');
    expect(formatAddress(first!.routerId!)).toBe('192.0.2.1');
    expect(Object.values(first!.nextHops!).map(formatAddress)).toEqual(['192.0.2.9', '2001:db8::9']);
    expect(rules(first!)).toEqual(['10.0.0.0/8 16-24', '0.0.0.0/0 -', '2001:db8::/32 -48']);
    expect(
      first!.advertise!.map((a) => [formatPrefix(a.prefix), a.localPref, a.communities, a.largeCommunities]),
    ).toEqual([
      ['198.51.100.0/24', 200, [0xfc000001], [[64512, 1, 2]]],
      ['198.51.101.0/24', undefined, [0xfc000001], []],
      ['2001:db8:1::/48', undefined, [], []],
    ]);
    expect(unnumbered).toMatchObject({ interface: 'eth1', peerAsn: 'external', receive: { all: true } });
    expect(third).toMatchObject({ sourceInterface: 'lo', peerAsn: 'internal', password: 'hunter3' });
  });

  it('takes nothing and is told nothing by default', async () => {
    const [only] = await peersOf(neighbor('a', here));
    expect(only).toMatchObject({ receive: { all: false, rules: [] }, advertise: [], nextHops: {} });
  });

  it('has another name where a BGPPeer has its address for a name', async () => {
    const peers = await peersOf(peer('192.0.2.2', 'peerAddress: 192.0.2.9'), neighbor('a', here));
    expect(peers.map(({ name }) => name)).toEqual(['192.0.2.2', 'frr-192.0.2.2']);
  });

  it('is told of Services where an advertisement names it, and not by those for every BGPPeer', async () => {
    const advertisement = (name: string, spec: string) =>
      `apiVersion: metallb.io/v1beta1\nkind: BGPAdvertisement\nmetadata: {name: ${name}}\nspec: {${spec}}\n`;
    const text = documents(
      neighbor('a', here),
      advertisement('named', 'peers: ["192.0.2.2"]'),
      advertisement('all', ''),
    );
    const { advertisements, peers } = await accepted(text);
    expect(advertisements.map((a) => isTold(a, peers[0]!))).toEqual([true, false]);
  });

  it('may have a BFDProfile of MetalLB', async () => {
    const profile =
      'apiVersion: metallb.io/v1beta1\nkind: BFDProfile\nmetadata: {name: slow}\nspec: {receiveInterval: 900}\n';
    const [only] = await peersOf(profile, neighbor('a', `${here}, bfdProfile: slow`));
    expect(only!.bfd!.receiveIntervalMs).toBe(900);
  });
});

describe('a session that a BGPPeer describes too', () => {
  it('is one, under the name of the BGPPeer', async () => {
    const [red, blue, ...more] = await peersOf(fixture('seed-002-sessions.yaml'));
    expect(more).toEqual([]);
    expect(red).toMatchObject({ kind: 'BGPPeer', name: 'peerred', receive: { all: true } });
    expect(blue).toMatchObject({ kind: 'BGPPeer', name: 'peerblue', receive: { all: true } });
    expect(red!.onlyNamed).toBeUndefined();
  });

  it('is as the BGPPeer has it where the FRRConfiguration says nothing', async () => {
    const all =
      'peerAddress: 192.0.2.2, peerPort: 1179, password: hunter2, holdTime: 30s, sourceAddress: 192.0.2.1, ebgpMultiHop: true';
    const [one, ...more] = await peersOf(peer('p', all), neighbor('a', `${here}, toReceive: {allowed: {mode: all}}`));
    expect(more).toEqual([]);
    expect(one).toMatchObject({ port: 1179, password: 'hunter2', holdTimeSec: 30, ebgpMultiHop: true });
    expect(one!.receive!.all).toBe(true);
  });

  it('is as the FRRConfiguration has it where the BGPPeer says nothing', async () => {
    const more = 'password: hunter2, holdTime: 30s, keepaliveTime: 10s, connectTime: 5s, enableGracefulRestart: true';
    const [one] = await peersOf(
      peer('p', 'peerAddress: 192.0.2.2'),
      configuration('a', `id: 192.0.2.7, neighbors: [{${here}, sourceaddress: lo, localASN: 9, ${more}}]`),
    );
    expect(one).toMatchObject({
      sourceInterface: 'lo',
      localAsn: 9,
      password: 'hunter2',
      holdTimeSec: 30,
      keepaliveTimeSec: 10,
      connectTimeSec: 5,
      restartTimeSec: 120,
    });
    expect(formatAddress(one!.routerId!)).toBe('192.0.2.7');
  });

  it('connects from the interface that the annotation of the BGPPeer names, and from no other', async () => {
    const annotated = peer('p', 'peerAddress: 192.0.2.2').replace(
      '{name: p}',
      '{name: p, annotations: {waypost.dev/source-interface: bond0}}',
    );
    for (const source of ['', ', sourceaddress: bond0'])
      expect(await peersOf(annotated, neighbor('a', `${here}${source}`))).toMatchObject([
        { name: 'p', sourceInterface: 'bond0' },
      ]);
    expect(await told(documents(annotated, neighbor('a', `${here}, sourceaddress: lo`)))).toEqual([
      expect.stringMatching(
        /sourceaddress: multiple source addresses: lo here, bond0 in BGPPeer\/p .*, which is the same session/,
      ),
    ]);
  });

  it('is found by its VRF too', async () => {
    const peers = await peersOf(
      peer('p', 'peerAddress: 192.0.2.2, vrf: red'),
      peer('q', 'peerAddress: 192.0.2.2'),
      configuration('a', `vrf: red, neighbors: [{${here}, toReceive: {allowed: {mode: all}}}]`),
    );
    expect(peers.map(({ name, receive }) => [name, receive?.all])).toEqual([
      ['p', true],
      ['q', undefined],
    ]);
  });

  it('is the one with the port, or each with the address', async () => {
    const two = [
      peer('p', 'peerAddress: 192.0.2.2, peerPort: 179'),
      peer('q', 'peerAddress: 192.0.2.2, peerPort: 180'),
    ];
    const receive = 'toReceive: {allowed: {mode: all}}';
    const policies = async (fields: string) =>
      (await peersOf(...two, neighbor('a', `${here}, ${receive}${fields}`))).map((p) => p.receive?.all);
    expect(await policies(', port: 180')).toEqual([undefined, true]);
    expect(await policies('')).toEqual([true, true]);
  });

  it('is another where the BGPPeer is not for this node', async () => {
    const elsewhere = 'peerAddress: 192.0.2.2, nodeSelectors: [{matchLabels: {rack: "7"}}]';
    const peers = await peersOf(peer('p', elsewhere), neighbor('a', here));
    expect(peers.map(({ name }) => name)).toEqual(['p', '192.0.2.2']);
  });
});

it('what MetalLB wrote for frr-k8s is told of: it would announce Services without endpoints', async () => {
  const generated = configuration(
    'metallb-host',
    'prefixes: [198.51.100.1/32]',
    ', nodeSelector: {matchLabels: {kubernetes.io/hostname: host}}',
  );
  expect(await told(generated)).toEqual([
    expect.stringMatching(
      /^test\.yaml:3:18: warning: FRRConfiguration\/metallb-host: metadata\.name: is what MetalLB made/,
    ),
  ]);
  await accepted(generated.replace('metallb-host', 'metallb-other'));
});

it('the documents of the manual are accepted', async () => {
  const page = readFileSync(new URL('../../docs/receive.md', import.meta.url), 'utf8');
  const blocks = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, block]) => block!);
  expect(blocks).toHaveLength(2);
  const [only] = await peersOf(...blocks);
  expect(rules(only!)).toEqual([
    '10.0.0.0/8 16-24',
    '172.16.0.0/12 -32',
    '0.0.0.0/0 -',
    '10.9.0.0/16 -32',
    '10.0.0.0/8 16-24',
  ]);
});

describe('documents of one neighbour', () => {
  it('add up', async () => {
    const advertise = (prefixes: string, more = '') =>
      `prefixes: [${prefixes}], neighbors: [{${here}, toAdvertise: {allowed: {mode: all}${more}}`;
    const [one, ...more] = await peersOf(
      configuration(
        'a',
        `${advertise('10.0.0.0/8', ', nextHop: {ipv4: 192.0.2.9}')}, toReceive: {allowed: {prefixes: [{prefix: 10.1.0.0/16, le: 24}]}}}]`,
      ),
      configuration(
        'b',
        `${advertise('10.0.0.0/8, 11.0.0.0/8')}, enableGracefulRestart: false, toReceive: {allowed: {prefixes: [{prefix: 10.2.0.0/16}]}}}]`,
      ),
    );
    expect(more).toEqual([]);
    expect(rules(one!)).toEqual(['10.1.0.0/16 -24', '10.2.0.0/16 -']);
    expect(one!.advertise!.map(({ document, prefix }) => `${document.name} ${formatPrefix(prefix)}`)).toEqual([
      'a 10.0.0.0/8',
      'b 10.0.0.0/8',
      'b 11.0.0.0/8',
    ]);
    expect(formatAddress(one!.nextHops!.ipv4!)).toBe('192.0.2.9');
  });

  it('take everything where one of them does', async () => {
    const [one] = await peersOf(neighbor('a', here), neighbor('b', `${here}, toReceive: {allowed: {mode: all}}`));
    expect(one!.receive!.all).toBe(true);
  });

  it('have the BFD profile that one of them names', async () => {
    const profiles = '{bgp: {bfdProfiles: [{name: fast, receiveInterval: 50}]}}';
    const only = `apiVersion: frrk8s.metallb.io/v1beta1\nkind: FRRConfiguration\nmetadata: {name: profiles}\nspec: ${profiles}\n`;
    const [one] = await peersOf(neighbor('a', here), neighbor('b', `${here}, bfdProfile: fast`), only);
    expect(one!.bfd!.receiveIntervalMs).toBe(50);
  });

  it('restart gracefully when the first does', async () => {
    const [first, second] = ['true', 'false'].map((on) => `${here}, enableGracefulRestart: ${on}`);
    const restart = async (...texts: string[]) =>
      (await configure(documents(...texts))).configuration!.peers[0]!.restartTimeSec;
    expect(await restart(neighbor('a', first!), neighbor('b', second!))).toBe(120);
    expect(await restart(neighbor('a', second!), neighbor('b', first!))).toBeUndefined();
    expect(await told(documents(neighbor('a', first!), neighbor('b', first!)))).toEqual([]);
  });
});

describe('routes of other VRFs', () => {
  const router = (name: string, asn: number, fields: string) =>
    configuration(name, fields).replace('asn: 64512', `asn: ${asn}`);
  const red = (imports: string, more = '') => router('red', 64512, `vrf: red, imports: [${imports}]${more}`);
  const blue = router('blue', 64513, 'vrf: blue, prefixes: [198.51.100.0/24, "2001:db8:1::/48"]');

  it('are imported by the routers that say so, in the order of documents', async () => {
    const plain = router('plain', 64512, 'imports: [{vrf: red}]');
    const more = router('more', 64512, 'vrf: red, imports: [{vrf: blue}, {vrf: default}]');
    const { imports } = await accepted(documents(plain, red('{vrf: default}'), more, blue));
    expect([...imports]).toEqual([
      ['', ['red']],
      ['red', ['', 'blue']],
    ]);
  });

  it('are none without that', async () => {
    expect((await accepted(documents(neighbor('a', here), blue))).imports.size).toBe(0);
    const other = configuration('other', 'imports: [{vrf: blue}]', ', nodeSelector: {matchLabels: {a: b}}');
    expect((await accepted(documents(other, blue))).imports.size).toBe(0);
  });

  it('may be those that sessions of BGPPeers bring', async () => {
    const session = peer('p', 'peerAddress: 192.0.2.9, vrf: green');
    expect([...(await accepted(documents(red('{vrf: green}'), session))).imports]).toEqual([['red', ['green']]]);
  });

  it('and what the other router tells may be told here, wherever its document is', async () => {
    const to = (allowed: string) =>
      `, prefixes: [203.0.113.0/24], neighbors: [{${here}, dualStackAddressFamily: true, toAdvertise: {${allowed}}}]`;
    const named =
      'allowed: {prefixes: [198.51.100.0/24]}, withLocalPref: [{prefixes: [198.51.100.0/24], localPref: 200}]';
    for (const [allowed, want] of [
      ['allowed: {mode: all}', ['203.0.113.0/24', '198.51.100.0/24', '2001:db8:1::/48']],
      [named, ['198.51.100.0/24']],
      ['', []],
    ] as const) {
      const [only] = await peersOf(red('{vrf: blue}', to(allowed)), blue);
      expect(only!.advertise!.map((a) => formatPrefix(a.prefix))).toEqual(want);
      expect(only).not.toHaveProperty('toAdvertise');
    }
    const [only] = await peersOf(red('{vrf: blue}', to(named)), blue);
    expect(only!.advertise![0]).toMatchObject({ localPref: 200, document: { name: 'red' } });
  });

  it.each([
    [
      'that nobody has defined',
      red('{vrf: bleu}'),
      'imports[0].vrf: the router of vrf red imports vrf bleu which is not defined',
    ],
    [
      'of its own',
      red('{vrf: red}'),
      'imports[0].vrf: a router has the routes of its own vrf, red, without importing them',
    ],
    ['without a name', red('{}'), 'imports[0].vrf: import without a vrf'],
    ['twice', red('{vrf: blue}, {vrf: blue}'), 'imports[1]: duplicate definition of import "blue"'],
    ['that is no name', red('{vrf: a/b}'), 'imports[0].vrf: not the name of a network device: "a/b"'],
    [
      'whose prefixes these are not',
      red('{vrf: blue}', `, neighbors: [{${here}, toAdvertise: {allowed: {prefixes: [192.88.99.0/24]}}}]`),
      'neighbors[0].toAdvertise.allowed.prefixes[0]: trying to advertise non configured prefix 192.88.99.0/24',
    ],
  ])('%s are refused by the field', async (_, text, message) => {
    expect((await told(documents(text, blue))).join('\n')).toContain(`spec.bgp.routers[0].${message}`);
  });
});
