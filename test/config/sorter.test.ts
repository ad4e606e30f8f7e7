import { expect, it } from 'vitest';
import { assemble, assembleSorted } from '../../src/config/assemble.ts';
import { Loader } from '../../src/config/load.ts';
import { Sorter } from '../../src/config/sorter.ts';
import { loadText } from '../support/config.ts';

const options = { hostname: 'host' };
const pool = (name: string, addresses = '10.0.0.0/24', more = '') =>
  `apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: ${name}${more}}\nspec: {addresses: [${addresses}]}\n`;
const service = (name: string, port = '80', type = 'LoadBalancer') =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}, annotations: {metallb.io/address-pool: a}}\nspec: {type: ${type}, ports: [{port: ${port}}]}\n`;
const many = (from: number) => Array.from({ length: 20 }, (_, i) => service(`m${i}`, String(from + i)));

/** Each is a state of two files; from one to the next is an edit. */
const edits: Record<string, readonly [readonly string[], readonly string[]]> = {
  'at first': [[pool('a'), service('s'), service('t')], [pool('b', '10.0.1.0/24')]],
  'nothing changed': [[pool('a'), service('s'), service('t')], [pool('b', '10.0.1.0/24')]],
  'a Service changed': [[pool('a'), service('s', '81'), service('t')], [pool('b', '10.0.1.0/24')]],
  'a Service and a pool changed': [[pool('a', '10.0.2.0/24'), service('s'), service('t')], [pool('b', '10.0.1.0/24')]],
  'it cannot be read': [[pool('a', '10.0.2.0/24'), service('s', 'x'), service('t')], [pool('b', '10.0.1.0/24')]],
  'nor can it after another edit': [[pool('a'), service('s', 'y'), service('t')], [pool('b', '10.0.1.0/24')]],
  'it can again': [[pool('a'), service('s', '82'), service('t')], [pool('b', '10.0.1.0/24')]],
  'two changed places': [[pool('a'), service('t'), service('s', '82')], [pool('b', '10.0.1.0/24')]],
  'one is renamed': [[pool('a'), service('u'), service('s', '82')], [pool('b', '10.0.1.0/24')]],
  'a name is there twice': [[pool('a'), service('s'), service('s', '82')], [pool('b', '10.0.1.0/24')]],
  'the second of them changed': [[pool('a'), service('s'), service('s', '83')], [pool('b', '10.0.1.0/24')]],
  'and goes': [[pool('a'), service('s')], [pool('b', '10.0.1.0/24')]],
  'a pool that Services name goes': [[service('s')], [pool('b', '10.0.1.0/24')]],
  'pools overlap': [[pool('a', '10.0.1.7/32'), service('s')], [pool('b', '10.0.1.0/24')]],
  'there is something to say of one': [[pool('a', '10.0.0.0/24', ', colour: red'), service('s')], []],
  'and nothing any more': [[pool('a'), service('s')], []],
  'many come': [many(1), [pool('a')]],
  'many change': [many(2), [pool('a')]],
};

it('kept over edits, it makes what a new one makes', async () => {
  const loader = new Loader();
  const sorter = new Sorter();
  for (const [name, files] of Object.entries(edits)) {
    const loaded = [];
    for (const [i, texts] of files.entries()) loaded.push(await loadText(texts.join('---\n'), `${i}.yaml`, loader));
    const kept = assembleSorted(sorter.sort(loaded), options);
    const anew = assemble(loaded, options);
    expect(kept, name).toEqual(anew);
    expect([...(kept.configuration?.services ?? [])], name).toEqual([...(anew.configuration?.services ?? [])]);
  }
});

it('leaves the configuration as it is that was made before an edit', async () => {
  const loader = new Loader();
  const sorter = new Sorter();
  const before = assembleSorted(
    sorter.sort([await loadText(`${pool('a')}---\n${service('s')}`, 'f', loader)]),
    options,
  );
  const [was, meta] = [before.configuration!.services.get('default/s'), before.configuration!.documents[1]];
  const file = await loadText(`${pool('a')}---\n${service('s', '81')}`, 'f', loader);
  const after = assembleSorted(sorter.sort([file]), options);
  expect(before.configuration!.services.get('default/s')).toBe(was);
  expect(before.configuration!.documents[1]).toBe(meta);
  expect(after.configuration!.services.get('default/s')!.ports[0]!.port).toBe(81);
  expect(after.configuration!.pools.get('a')).toBe(before.configuration!.pools.get('a'));
});
