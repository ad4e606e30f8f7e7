/** What a Speaker says beyond its name: callers, draining, and what Services may ask for. */
import { describe, expect, it } from 'vitest';
import { formatPrefix } from '../../src/lib/prefix.ts';
import { OWN_PROTOCOL } from '../../src/vrf/mark.ts';
import { accepted, configure, told } from '../support/config.ts';

const speaker = (spec: string) =>
  `apiVersion: waypost.dev/v1\nkind: Speaker\nmetadata: {name: host}\nspec: {${spec}}\n`;
const load = async (spec: string) => (await accepted(speaker(spec))).speaker;

describe('callers without a BGPPeer', () => {
  const dynamic = (...entries: string[]) =>
    load(`routerID: 192.0.2.1, listen: {addresses: ["::"], dynamic: [${entries.map((e) => `{${e}}`).join()}]}`);

  it('none by default', async () => {
    expect((await load('')).dynamicPeers).toEqual([]);
  });

  it('come with defaults', async () => {
    const { dynamicPeers } = await dynamic('prefix: "2001:DB8::/32", myASN: 64512, dynamicASN: internal');
    expect(dynamicPeers.map(({ prefix, ...rest }) => [formatPrefix(prefix), rest])).toEqual([
      ['2001:db8::/32', { myAsn: 64512, peerAsn: 'internal', limit: 100, ebgpMultiHop: false, families: ['ipv6'] }],
    ]);
  });

  it('say everything, the most specific first', async () => {
    const { dynamicPeers } = await dynamic(
      'prefix: 10.0.0.0/8, myASN: 1, peerASN: 2',
      'prefix: 10.1.0.0/16, myASN: 1, peerASN: 3, limit: 5, maxPrefixes: 1000, password: hush, ebgpMultiHop: true, families: [ipv6, ipv4]',
      'prefix: 9.0.0.0/8, myASN: 1, dynamicASN: external',
    );
    expect(dynamicPeers.map(({ prefix }) => formatPrefix(prefix))).toEqual(['10.1.0.0/16', '9.0.0.0/8', '10.0.0.0/8']);
    expect(dynamicPeers[0]).toMatchObject({
      peerAsn: 3,
      limit: 5,
      maxPrefixes: 1000,
      password: 'hush',
      ebgpMultiHop: true,
      families: ['ipv6', 'ipv4'],
    });
  });
});

it('learned routes do not have the protocol by which routes of network policies are told from others', async () => {
  expect(await told(speaker(`kernel: {protocol: ${OWN_PROTOCOL}}`))).toEqual([
    expect.stringContaining('spec.kernel.protocol: is that of routes that network policies make'),
  ]);
});

describe('draining', () => {
  it.each([
    ['', { waitMs: 5000, onShutdown: true, keepSoleLocal: true, terminating: 'keep' }],
    ['drain: {}', { waitMs: 5000, onShutdown: true, keepSoleLocal: true, terminating: 'keep' }],
    ['drain: {wait: 0s}', { waitMs: 0, onShutdown: true, keepSoleLocal: true, terminating: 'keep' }],
    [
      'drain: {wait: 1m30s, onShutdown: no, keepSoleLocal: false, terminating: lower, message: bye}',
      { waitMs: 90_000, onShutdown: false, keepSoleLocal: false, terminating: 'lower', message: 'bye' },
    ],
    [
      'drain: {wait: 1h, message: ""}',
      { waitMs: 3_600_000, onShutdown: true, keepSoleLocal: true, terminating: 'keep' },
    ],
  ])('%s', async (spec, expected) => {
    expect((await load(spec)).drain).toEqual(expected);
  });
});

describe('communities of Services', () => {
  it('are what the documents name', async () => {
    const names = `apiVersion: metallb.io/v1beta1\nkind: Community\nmetadata: {name: c}\nspec: {communities: [{name: home, value: "65000:1"}, {name: big, value: "large:1:2:3"}]}\n`;
    const config = await accepted(`${speaker('serviceCommunities: ["65000:*", home]')}---\n${names}`);
    expect(config.speaker.serviceCommunities).toEqual(['65000:*', 'home']);
    expect(config.aliases).toEqual(
      new Map([
        ['home', { type: 'standard', value: 65000 * 65536 + 1 }],
        ['big', { type: 'large', value: [1, 2, 3] }],
      ]),
    );
  });

  it('that are named and not known may be known later', async () => {
    const { configuration, diagnostics } = await configure(speaker('serviceCommunities: [home]'));
    expect(configuration).toBeUndefined();
    expect(diagnostics.map(({ path, transient }) => [path, transient])).toEqual([['spec.serviceCommunities[0]', true]]);
  });
});
