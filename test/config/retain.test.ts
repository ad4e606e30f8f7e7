import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/config/assemble.ts';
import { Loader } from '../../src/config/load.ts';
import type { Configuration } from '../../src/config/model.ts';
import { retain, sameGround } from '../../src/config/retain.ts';
import { loadText } from '../support/config.ts';

const parts = {
  speaker: 'apiVersion: waypost.dev/v1\nkind: Speaker\nmetadata: {name: n}\nspec: {serviceCommunities: ["1:*"]}\n',
  community:
    'apiVersion: metallb.io/v1beta1\nkind: Community\nmetadata: {name: c}\nspec: {communities: [{name: home, value: "1:1"}]}\n',
  pool: 'apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: p}\nspec: {addresses: [10.0.0.0/24]}\n',
  advertisement: 'apiVersion: metallb.io/v1beta1\nkind: BGPAdvertisement\nmetadata: {name: a}\n',
  node: 'apiVersion: v1\nkind: Node\nmetadata: {name: n}\n',
  namespace: 'apiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n',
  peer: 'apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: r}\nspec: {myASN: 1, peerASN: 2, peerAddress: 192.0.2.1}\n',
  slice:
    'apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: e, labels: {kubernetes.io/service-name: s}}\n',
};
type Part = keyof typeof parts;

/** Two configurations, the second with `from` replaced in one part. */
async function reload(part?: Part, from = '', to = ''): Promise<[Configuration, Configuration]> {
  const loader = new Loader();
  const load = async (texts: Record<Part, string>) => {
    const files = [];
    for (const [name, text] of Object.entries(texts)) files.push(await loadText(text, name, loader));
    return assemble(files, { hostname: 'host' }).configuration!;
  };
  const before = await load(parts);
  if (part !== undefined) expect(parts[part]).toContain(from);
  const after = await load(part === undefined ? parts : { ...parts, [part]: parts[part].replace(from, to) });
  return [before, retain(before, after)];
}

it('nothing changed: the same objects', async () => {
  const [before, after] = await reload();
  expect(after.speaker).toBe(before.speaker);
  expect(after.aliases).toBe(before.aliases);
  expect(after.endpointSlices.get('default/s')).toBe(before.endpointSlices.get('default/s'));
  expect(sameGround(before, after)).toBe(true);
});

describe('what every Service rests on', () => {
  it.each<[Part, string, string, boolean]>([
    ['speaker', '1:*', '2:*', false],
    ['community', '1:1', '1:2', false],
    ['pool', '/24', '/25', false],
    ['advertisement', 'name: a', 'name: b', false],
    ['node', '{name: n}', '{name: n, labels: {waypost.dev/drain: ""}}', false],
    ['namespace', '{name: default}', '{name: default, labels: {a: b}}', false],
    ['peer', '192.0.2.1', '192.0.2.2', true],
    ['slice', 'name: e', 'name: f', true],
  ])('%s: %s becomes %s', async (part, from, to, expected) => {
    const [before, after] = await reload(part, from, to);
    expect(sameGround(before, after)).toBe(expected);
  });
});
