/** Sessions with OpenPERouters: what documents of its four generations make of a host's peers. */
import { describe, expect, it } from 'vitest';
import type { Peer } from '../../src/config/model.ts';
import { routerAddress } from '../../src/config/openperouter.ts';
import { formatAddress } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';
import { accepted, configure, fixture, told } from '../support/config.ts';

const ends = ({ name, myAsn, peerAsn, address, vrf, port }: Peer) => [
  name,
  myAsn,
  peerAsn,
  address && formatAddress(address),
  vrf,
  port,
];

const l3vni = (spec: string, name = 'red'): string =>
  `apiVersion: network.openperouter.io/v1alpha1\nkind: L3VNI\nmetadata: {name: ${name}}\nspec: {vni: 100, vrf: red, ${spec}}\n`;
const bgpPeer = (spec: string, name = 'peerred'): string =>
  `apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: ${name}}\nspec: {${spec}}\n`;
const advertisement = (peer: string): string =>
  `apiVersion: metallb.io/v1beta1\nkind: BGPAdvertisement\nmetadata: {name: to-${peer}}\nspec: {peers: [${peer}]}\n`;
const leg = 'localCIDR: {ipv4: 192.169.10.0/24}';

describe("the router's address", () => {
  it.each([
    ['192.169.10.0/24', '192.169.10.1'],
    ['192.169.10.128/25', '192.169.10.128'],
    ['192.169.11.0/31', '192.169.11.1'],
    ['fd00:10::/64', 'fd00:10::1'],
    ['fd00:10::8/125', 'fd00:10::8'],
    ['fd00:10::100/120', 'fd00:10::101'],
  ])('of %s is %s', (cidr, router) => {
    expect(formatAddress(routerAddress(prefix(cidr)))).toBe(router);
  });
});

describe('sessions with OpenPERouters', () => {
  it('are the same from all four generations', async () => {
    const { peers } = await accepted(fixture('openperouter.yaml'));
    expect(peers.map(ends)).toEqual([
      ['zero', 64515, 64514, '192.169.10.1', undefined, 179],
      ['one', 64515, 64514, '192.169.11.1', undefined, 179],
      ['one-ipv6', 64515, 64514, 'fd00:11::1', undefined, 179],
      ['two', 64515, 64514, '192.169.12.1', undefined, 179],
      ['three', 64515, 64514, '192.169.13.1', undefined, 179],
      ['fabric', 64515, 64514, 'fd00:14::1', undefined, 179],
      ['segment', 64515, 64514, '192.169.15.1', undefined, 179],
      ['segment-two', 64515, 64514, '192.169.16.1', undefined, 179],
    ]);
  });

  it('are named in advertisements by their documents, with both families', async () => {
    const { advertisements } = await accepted(fixture('openperouter.yaml'));
    expect(advertisements[0]!.peers).toEqual(['zero', 'one', 'one-ipv6', 'fabric']);
  });

  it('run where their documents select the node', async () => {
    const { peers } = await accepted(fixture('openperouter.yaml'));
    expect(peers.find(({ name }) => name === 'three')!.nodeSelectors).toHaveLength(1);
    expect(peers.find(({ name }) => name === 'two')!.nodeSelectors).toHaveLength(0);
  });

  it('need no repetition as BGPPeers, and there is one session where they are repeated', async () => {
    const alone = await accepted(fixture('seed-002-vni.yaml'));
    expect(alone.peers.map(ends)).toEqual([
      ['red', 64515, 64514, '192.169.10.1', undefined, 179],
      ['blue', 64515, 64514, '192.169.11.1', undefined, 179],
    ]);
    const parts = ['vni', 'peers', 'pools', 'advertisements'].map((part) => fixture(`seed-002-${part}.yaml`));
    const both = await accepted(parts.join('---\n'));
    expect(both.peers.map(({ name }) => name)).toEqual(['peerred', 'peerblue']);
    expect(both.advertisements.map(({ peers }) => peers)).toEqual([['peerred'], ['peerblue']]);
  });

  it('take routes where an FRRConfiguration for the same router says so, in one session', async () => {
    const parts = ['vni', 'pools', 'receive'].map((part) => fixture(`seed-002-${part}.yaml`));
    const { peers } = await accepted(parts.join('---\n'));
    expect(peers.map(({ name, receive }) => [name, receive !== undefined])).toEqual([
      ['red', true],
      ['blue', true],
    ]);
  });

  it('may be named by either document where both stand', async () => {
    const parts = ['vni', 'peers', 'pools', 'advertisements'].map((part) => fixture(`seed-002-${part}.yaml`));
    const text = parts.join('---\n').replace('    - peerred', '    - red');
    expect((await accepted(text)).advertisements[0]!.peers).toEqual(['peerred']);
  });

  it('keep apart from a BGPPeer of the same name for somebody else', async () => {
    const text = `${l3vni(`hostSession: {asn: 64514, hostASN: 64515, ${leg}}`)}---\n${bgpPeer('myASN: 64515, peerASN: 64999, peerAddress: 192.0.2.1', 'red')}`;
    expect((await accepted(text)).peers.map(ends).map(([name, , asn]) => [name, asn])).toEqual([
      ['red', 64999],
      ['l3vni-red', 64514],
    ]);
    const { advertisements } = await accepted(`${text}---\n${advertisement('red')}---\n${advertisement('l3vni-red')}`);
    expect(advertisements.map(({ peers }) => peers)).toEqual([['red'], ['l3vni-red']]);
  });

  it.each([
    [
      'peerASN',
      'myASN: 64515, peerASN: 64513',
      /spec\.peerASN: 64513 is not the AS of the router of L3VNI\/red .*\(use 64514\)/,
    ],
    [
      'myASN',
      'myASN: 64516, peerASN: 64514',
      /spec\.myASN: 64516 is not what the router .* expects of the host \(use 64515\)/,
    ],
    ['localASN', 'myASN: 64520, localASN: 64516, peerASN: 64514', /spec\.localASN: 64516 is not what/],
    ['dynamicASN', 'myASN: 64515, dynamicASN: internal', /internal is not the AS of the router/],
  ])('refuse a BGPPeer that disagrees about the %s', async (_, spec, message) => {
    const text = `${l3vni(`hostSession: {asn: 64514, hostASN: 64515, ${leg}}`)}---\n${bgpPeer(`${spec}, peerAddress: 192.169.10.1`)}`;
    const { configuration } = await configure(text);
    expect(configuration).toBeUndefined();
    expect((await told(text))[0]).toMatch(message);
  });

  it('leave a BGPPeer of a VRF alone, which is another session', async () => {
    const text = `${l3vni(`hostSession: {asn: 64514, hostASN: 64515, ${leg}}`)}---\n${bgpPeer('myASN: 64515, peerASN: 64514, peerAddress: 192.169.10.1, vrf: red')}`;
    expect((await accepted(text)).peers.map(ends).map(([name, , , , vrf]) => [name, vrf])).toEqual([
      ['peerred', 'red'],
      ['red', undefined],
    ]);
  });

  it('are internal, or external with our AS number from the BGPPeers', async () => {
    const internal = await accepted(
      `apiVersion: network.openperouter.io/v1alpha1\nkind: L3Passthrough\nmetadata: {name: pass}\nspec: {hostSession: {asn: 64514, hostType: Internal, ${leg}}}\n`,
    );
    expect(internal.peers.map(ends).map(([, mine, theirs]) => [mine, theirs])).toEqual([[64514, 64514]]);
    const external = l3vni(`hostSession: {asn: 64514, hostType: External, ${leg}}`);
    const other = bgpPeer('myASN: 64515, peerASN: 64999, peerAddress: 192.0.2.1');
    expect((await accepted(`${external}---\n${other}`)).peers.map(ends).at(-1)!.slice(0, 3)).toEqual([
      'red',
      64515,
      64514,
    ]);
    const inVrf = bgpPeer('myASN: 65009, peerASN: 64999, peerAddress: 192.0.2.1, vrf: blue', 'in-vrf');
    expect((await accepted(`${external}---\n${inVrf}---\n${other}`)).peers.map(ends).at(-1)![1]).toBe(64515);
    const elsewhere = 'nodeSelectors: [{matchLabels: {kubernetes.io/hostname: elsewhere}}]';
    const far = bgpPeer(`myASN: 65000, peerASN: 64999, peerAddress: 192.0.2.9, ${elsewhere}`, 'far');
    expect((await accepted(`${external}---\n${far}---\n${other}`)).peers.map(ends).at(-1)![1]).toBe(64515);
    expect(await told(external)).toEqual([
      expect.stringMatching(
        /L3VNI\/red: spec\.hostSession: our AS number is not given, so there is no session .*hostASN/,
      ),
    ]);
    // What is for a session that there is not is for nobody, and not for all.
    const { configuration } = await configure(`${external}---\n${advertisement('red')}`);
    expect(configuration!.advertisements[0]!.peers).toEqual(['red']);
    expect(configuration!.peers).toEqual([]);
  });

  it('have the router ID that the BGPPeers of the node have, since a node has one', async () => {
    const session = l3vni(`hostSession: {asn: 64514, hostASN: 64515, ${leg}}`);
    const other = bgpPeer('myASN: 64515, peerASN: 64999, peerAddress: 192.0.2.1, routerID: 192.0.2.7');
    const { peers } = await accepted(`${session}---\n${other}`);
    expect(peers.map(({ name, routerId }) => [name, formatAddress(routerId!)])).toEqual([
      ['peerred', '192.0.2.7'],
      ['red', '192.0.2.7'],
    ]);
  });

  it('keep their identity over a reload of the same documents', async () => {
    const { Loader } = await import('../../src/config/load.ts');
    const { assemble } = await import('../../src/config/assemble.ts');
    const loader = new Loader();
    const load = async () => {
      const file = await loader.load('a.yaml', new TextEncoder().encode(fixture('openperouter.yaml')));
      return assemble([file], { hostname: 'host' }).configuration!;
    };
    const [first, second] = [await load(), await load()];
    expect(second.peers.every((peer, i) => peer === first.peers[i])).toBe(true);
    expect(second.advertisements[0]).toBe(first.advertisements[0]);
  });
});
