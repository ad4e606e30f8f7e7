/** YAML as programs and people write it: aliases by the hundred, numbers that are none, merge keys. */
import { describe, expect, it } from 'vitest';
import { parseChunk } from '../../src/config/parse.ts';
import { accepted, told } from '../support/config.ts';

describe('aliases', () => {
  const service = (i: number) =>
    `- {apiVersion: v1, kind: Service, metadata: {name: s${i}, labels: *labels}, spec: {<<: *spec, ports: [{port: ${i + 1}}]}}\n`;
  const list = (count: number) =>
    `apiVersion: v1\nkind: List\nmetadata: {labels: &labels {app: web}, annotations: &spec {type: ClusterIP}}\nitems:\n${Array.from({ length: count }, (_, i) => service(i)).join('')}`;

  it('of one anchor may be many, as programs write them', async () => {
    const { services } = await accepted(list(1000));
    expect(services.size).toBe(1000);
    expect(services.get('default/s999')).toMatchObject({ labels: { app: 'web' }, type: 'ClusterIP' });
  });

  it('that multiply each other are refused, however few make how much', () => {
    const bomb = ['a: &a0 [x, x]'];
    for (let i = 1; i < 24; i++) bomb.push(`a${i}: &a${i} [*a${i - 1}, *a${i - 1}]`);
    expect(parseChunk(bomb.join('\n')).faults.map(({ message }) => message)).toEqual([
      'YAML aliases multiply this document beyond reason: refused',
    ]);
    const wide = `a: &a [${'x, '.repeat(2000)}x]\nb: [${'*a, '.repeat(999)}*a]\n`;
    expect(parseChunk(wide).faults).toHaveLength(1);
    expect(parseChunk('a: &a [x]\nb: [*a, *a]\n').faults).toEqual([]);
  });

  it('of themselves are refused', () => {
    expect(parseChunk('a: &a [*a]\n').faults).toHaveLength(1);
  });
});

describe('a field that stands elsewhere', () => {
  const peer = `
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: p, annotations: &more {holdTime: 1s}}
spec:
  <<: *more
  myASN: 64512
  peerASN: 64513
  peerAddress: 192.0.2.1
`;
  it('is pointed at where it stands', async () => {
    expect(await told(peer)).toEqual([
      'test.yaml:4:51: error: BGPPeer/p: spec.holdTime: invalid hold time: 1 s (0s, or 3s to 65535s)',
    ]);
    expect((await told(peer.replace('<<: *more', '<<: [*more, {holdTime: 2s}]')))[0]).toMatch(/^test\.yaml:4:51: /);
  });

  it('is pointed at by the key that brings it in, where it is in another item of a List', async () => {
    const text = `
apiVersion: v1
kind: List
items:
- apiVersion: metallb.io/v1beta2
  kind: BGPPeer
  metadata: {name: p}
  spec: &spec {myASN: 64512, peerASN: 64513, peerAddress: 192.0.2.1}
- apiVersion: metallb.io/v1beta2
  kind: BGPPeer
  metadata: {name: q}
  spec:
    <<: *spec
    peerPort: 180
    routerID: 192.0.2.9
- apiVersion: metallb.io/v1beta2
  kind: BGPPeer
  metadata: {name: r}
  spec:
    <<: *spec
`;
    expect((await told(text)).map((line) => line.split(' ')[0])).toEqual(['test.yaml:15:15:', 'test.yaml:20:5:']);
  });
});
