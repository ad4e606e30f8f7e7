import { describe, expect, it } from 'vitest';
import type { Peer } from '../../src/config/model.ts';
import { formatPrefix } from '../../src/lib/prefix.ts';
import { accepted, fixture, told } from '../support/config.ts';

const extras = (...lines: readonly string[]): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bgpextras}\ndata:\n  extras: |\n${lines.map((line) => `    ${line}\n`).join('')}`;
const peer = (name: string, fields: string): string =>
  `apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: ${name}}\nspec: {myASN: 64512, peerASN: 64513, ${fields}}\n`;
const near = peer('near', 'peerAddress: 192.0.2.2');
const peersOf = async (...texts: string[]): Promise<readonly Peer[]> => (await accepted(texts.join('---\n'))).peers;
const shown = ({ receive }: Peer) =>
  receive && [
    receive.all,
    ...receive.rules.map(
      ({ prefix, ge, le, deny }) => `${deny ? 'deny' : 'permit'} ${formatPrefix(prefix)} ${ge ?? ''}-${le ?? ''}`,
    ),
  ];

describe('bgpextras', () => {
  it('repeats no password of what it does not understand', async () => {
    for (const line of [
      'neighbor 192.0.2.2 password hunter2',
      'neighbor 192.0.2.2 PASSWORD 8 hunter2',
      'key-string hunter2',
    ]) {
      const [said] = await told(extras(line));
      expect(said).not.toMatch(/hunter2/);
      expect(said).toMatch(
        /^test\.yaml:6:5: error: ConfigMap\/bgpextras: data\.extras\[0\]: not understood: ".* …" \(/,
      );
    }
  });

  it('lets in everything from the peers of the seed, and what its prefix-list has', async () => {
    expect((await peersOf(fixture('extras-peers.yaml'))).map(shown)).toEqual([[true], [true]]);
    expect((await peersOf(fixture('extras-filter.yaml'))).map(shown)).toEqual([
      [false, 'permit 172.16.1.0/24 -32', 'permit 172.16.2.0/24 -32'],
    ]);
  });

  it('puts entries of a list in the order of their numbers', async () => {
    const [one] = await peersOf(
      near,
      extras(
        'ip prefix-list l permit 10.0.0.0/8 ge 9 le 24',
        'ip prefix-list l permit any',
        'ip prefix-list l seq 1 deny 10.1.0.0/16',
        'ip prefix-list other seq 2 deny any',
        'route-map 192.0.2.2-in permit 20',
        '  match ip address prefix-list l',
      ),
    );
    expect(shown(one!)).toEqual([false, 'deny 10.1.0.0/16 -', 'permit 10.0.0.0/8 9-24', 'permit 0.0.0.0/0 -32']);
  });

  it('knows peers by interface and by VRF', async () => {
    const peers = await peersOf(
      peer('link', 'interface: eth0'),
      peer('red', 'peerAddress: 192.0.2.2, vrf: red'),
      near,
      extras('route-map eth0-in permit 20', 'route-map 192.0.2.2-red-in permit 20'),
    );
    expect(peers.map((p) => [p.name, p.receive?.all])).toEqual([
      ['link', true],
      ['red', true],
      ['near', undefined],
    ]);
  });

  it('is about one family where a list is named, and none of the other comes in', async () => {
    const [one] = await peersOf(
      peer('six', 'peerAddress: "2001:db8::2"'),
      extras(
        'ipv6 prefix-list l permit 2001:db8:1::/48 le 64',
        'route-map 2001:db8::2-in permit 20',
        'match ipv6 address prefix-list l',
      ),
    );
    expect(shown(one!)).toEqual([false, 'permit 2001:db8:1::/48 -64']);
  });

  it('adds to what an FRRConfiguration lets in', async () => {
    const frr =
      'apiVersion: frrk8s.metallb.io/v1beta1\nkind: FRRConfiguration\nmetadata: {name: a}\nspec: {bgp: {routers: [{asn: 64512, neighbors: [{address: 192.0.2.2, asn: 64513, toReceive: {allowed: {prefixes: [{prefix: 10.1.0.0/16}]}}}]}]}}\n';
    const [one] = await peersOf(
      near,
      frr,
      extras('ip prefix-list l deny 10.1.0.0/16', 'route-map 192.0.2.2-in permit 20', 'match ip address prefix-list l'),
    );
    expect(shown(one!)).toEqual([false, 'permit 10.1.0.0/16 -', 'deny 10.1.0.0/16 -']);
  });

  it('says that no peer is called so', async () => {
    expect(await told(`${near}---\n${extras('route-map 192.0.2.3-in permit 20')}`)).toEqual([
      'test.yaml:11:5: warning: ConfigMap/bgpextras: data.extras[0]: no peer is called "192.0.2.3": of no effect (did you mean "192.0.2.2"?)',
    ]);
  });
});
