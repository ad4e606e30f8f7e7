import { describe, expect, it } from 'vitest';
import type { AdvertisedPrefix } from '../../src/config/exchange.ts';
import type { Peer } from '../../src/config/model.ts';
import { Advertisements } from '../../src/intent/advertise.ts';
import { originate } from '../../src/intent/originate.ts';
import { formatPrefix, prefix } from '../../src/lib/prefix.ts';
import { configuration, peer, selector } from '../support/model.ts';

const document = peer('doc', '192.0.2.9');
const one = (text: string, more: Partial<AdvertisedPrefix> = {}): AdvertisedPrefix => ({
  document,
  prefix: prefix(text),
  communities: [],
  largeCommunities: [],
  ...more,
});
const told = (name: string, advertise: readonly AdvertisedPrefix[], more: Partial<Peer> = {}): Peer =>
  peer(name, '192.0.2.1', { advertise, ...more });
const from = (peers: readonly Peer[], drain?: Parameters<typeof originate>[1]) =>
  originate(configuration({ peers }), drain);
const shown = (contributions: ReturnType<typeof originate>) =>
  contributions.map((c) => [formatPrefix(c.prefix), [...(c.policy.peers as ReadonlySet<string>)], c.policy.localPref]);

describe('originate', () => {
  it('is for the sessions that are told, and no others', () => {
    const a = told('a', [one('10.0.0.0/8', { localPref: 200 }), one('11.0.0.0/8')]);
    const b = told('b', [one('10.0.0.0/8'), one('11.0.0.0/8')]);
    const elsewhere = told('c', [one('12.0.0.0/8')], { nodeSelectors: [selector({ rack: '7' })] });
    expect(shown(from([a, b, elsewhere]))).toEqual([
      ['10.0.0.0/8', ['a'], 200],
      ['11.0.0.0/8', ['a', 'b'], undefined],
      ['10.0.0.0/8', ['b'], undefined],
    ]);
  });

  it('is the same object where it says the same, so that nothing is told again', () => {
    const peers = [told('a', [one('10.0.0.0/8'), one('11.0.0.0/8')])];
    const [first, second] = from(peers);
    expect(first!.policy).toBe(second!.policy);
    expect(from(peers)[0]!.policy).toBe(first!.policy);
    expect(from([told('b', [one('10.0.0.0/8')])])[0]!.policy).not.toBe(first!.policy);
  });

  it('is a last choice while the node is drained, and then nothing', () => {
    const peers = [told('a', [one('10.0.0.0/8')])];
    expect(from(peers, { stage: 'lowered', keepSoleLocal: true })[0]!.policy.drained).toBe(true);
    expect(from(peers, { stage: 'withdrawn', keepSoleLocal: true })).toEqual([]);
  });

  it('joins what Services say of the prefix, and keeps theirs from sessions that are only told what names them', () => {
    const advertisements = new Advertisements(100);
    const policy = {
      from: 'BGPAdvertisement/x',
      document,
      communities: [1],
      largeCommunities: [],
      localPref: undefined,
      prepend: undefined,
      med: undefined,
      bandwidthMbit: undefined,
      peers: 'all' as const,
      drained: false,
    };
    advertisements.update('default/web', [{ prefix: prefix('10.0.0.0/8'), policy }]);
    const frr = told('a', [one('10.0.0.0/8', { localPref: 200, communities: [2] })]);
    advertisements.update('FRRConfiguration', from([frr]));
    const receiver = (name: string, onlyNamed: boolean) =>
      advertisements.decide({ name, families: ['ipv4'], onlyNamed }, prefix('10.0.0.0/8'));
    expect(receiver('a', false)).toMatchObject({ attributes: { localPref: 200, communities: [1, 2] } });
    expect(receiver('a', true)).toMatchObject({ attributes: { localPref: 200, communities: [2] } });
    expect(receiver('b', false)).toMatchObject({ attributes: { localPref: 100, communities: [1] } });
    expect(receiver('b', true)).toMatchObject({ advertised: false, reason: 'peerNotSelected' });
  });
});
