/** What a BGPPeer's fields and annotations become. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/config/assemble.ts';
import { Loader } from '../../src/config/load.ts';
import type { Configuration, Peer } from '../../src/config/model.ts';
import { formatAddress } from '../../src/lib/address.ts';
import { accepted, configure, fixture, loadText } from '../support/config.ts';

const peer = (spec: string, annotations = '') =>
  `apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: p, annotations: {${annotations}}}\nspec: {myASN: 64512, ${spec}}\n`;
const secret = (values: string, type = 'kubernetes.io/basic-auth') =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ntype: ${type}\n${values}\n`;
const only = async (text: string): Promise<Peer> => (await accepted(text)).peers[0]!;

describe('fields', () => {
  it('all of them, and all annotations', async () => {
    const [everything, unnumbered] = (await accepted(fixture('peer-whole.yaml'))).peers;
    expect(everything).toMatchObject({
      name: 'everything',
      myAsn: 64512,
      peerAsn: 64513,
      localAsn: 64999,
      vrf: 'red',
      port: 179,
      ebgpMultiHop: true,
      restartTimeSec: 240,
      password: 'session-hunter2',
      passive: true,
      addPathReceive: true,
      role: 'routeServerClient',
      strictRole: true,
      bfd: { receiveIntervalMs: 50, transmitIntervalMs: 60, detectMultiplier: 4, passive: true, minimumTtl: 250 },
      bfdStrict: true,
      limits: { maxPrefixes: 1000, restartSec: 300, maxAsPath: 50, enforceFirstAs: false, refuseMartians: true },
    });
    expect(everything).not.toHaveProperty('secret');
    expect(unnumbered).toMatchObject({
      peerAsn: 'external',
      interface: 'eth0.100',
      ttlSecurityHops: 1,
      password: 'hunter2',
    });
    expect(unnumbered).not.toHaveProperty('address');
    expect(formatAddress(unnumbered!.sourceAddress!)).toBe('fe80::1');
  });

  it('none of them', async () => {
    const value = await only(peer('peerASN: 64513, peerAddress: 192.0.2.1'));
    expect(value).toMatchObject({ passive: false, addPathReceive: false, strictRole: false, limits: {} });
    const absent = [
      'localAsn',
      'interface',
      'vrf',
      'restartTimeSec',
      'password',
      'ttlSecurityHops',
      'role',
      'bfd',
      'bfdStrict',
    ];
    for (const field of absent) expect(value).not.toHaveProperty(field);
  });

  it('graceful restart takes the 120 seconds of FRR', async () => {
    const value = await only(peer('peerASN: 64513, peerAddress: 192.0.2.1, enableGracefulRestart: true'));
    expect(value.restartTimeSec).toBe(120);
  });

  it('localASN that is myASN is none', async () => {
    const { configuration } = await configure(peer('peerASN: 64513, localASN: 64512, peerAddress: 192.0.2.1'));
    expect(configuration!.peers[0]).not.toHaveProperty('localAsn');
  });

  it('connects from an interface, which has another address on each node', async () => {
    const from = 'waypost.dev/source-interface: bond0';
    const value = await only(peer('peerASN: 64513, peerAddress: 192.0.2.1', from));
    expect(value.sourceInterface).toBe('bond0');
    expect(value).not.toHaveProperty('sourceAddress');
    // Another source makes another session.
    await accepted(
      `${peer('peerASN: 64513, peerAddress: 192.0.2.1', from)}---\n${peer('peerASN: 64513, peerAddress: 192.0.2.1').replace('name: p', 'name: q')}`,
    );
    for (const [spec, source, message] of [
      ['peerAddress: 192.0.2.1, sourceAddress: 192.0.2.9', 'bond0', 'excludes sourceAddress'],
      ['interface: eth0', 'bond0', 'an unnumbered session uses the addresses of its own interface'],
      ['peerAddress: 192.0.2.1', 'a/b', 'not the name of a network device: "a/b"'],
    ] as const) {
      const { configuration, diagnostics } = await configure(
        peer(`peerASN: 64513, ${spec}`, `waypost.dev/source-interface: ${source}`),
      );
      expect(configuration).toBeUndefined();
      expect(diagnostics.map((d) => [d.path, d.message])).toEqual([
        ['metadata.annotations["waypost.dev/source-interface"]', message],
      ]);
    }
  });

  it('a peer that we wait for needs somebody who listens', async () => {
    const text = peer('peerASN: 64513, peerAddress: 192.0.2.1', 'waypost.dev/passive: "true"');
    const { configuration, diagnostics } = await configure(text);
    expect(configuration?.peers[0]?.passive).toBe(true);
    expect(diagnostics.map(({ severity, path }) => [severity, path])).toEqual([
      ['warning', 'metadata.annotations["waypost.dev/passive"]'],
    ]);
    const listening = `apiVersion: waypost.dev/v1\nkind: Speaker\nmetadata: {name: host}\nspec: {listen: {addresses: ["::"]}}\n`;
    await accepted(`${text}---\n${listening}`);
    // It runs elsewhere, where the Speaker is another.
    const away = text.replace('peerASN', 'nodeSelectors: [{matchLabels: {rack: r2}}], peerASN');
    await accepted(away);
    await accepted(`${away}---\napiVersion: v1\nkind: Node\nmetadata: {name: other, labels: {rack: r2}}\n`);
  });
});

describe('a password', () => {
  const refers = peer('peerASN: 64513, peerAddress: 192.0.2.1, passwordSecret: {name: s}');

  it.each([
    ['text', secret('stringData: {password: open sesame}'), 'open sesame'],
    ['base64', secret('data: {password: b3BlbiBzZXNhbWU=}'), 'open sesame'],
    ['base64 over several lines', secret('data:\n  password: |\n    b3BlbiBz\n    ZXNhbWU=\n'), 'open sesame'],
    ['both: text wins', secret('data: {password: b2xk}\nstringData: {password: new}'), 'new'],
    ['letters beyond ASCII', secret('data: {password: w6k=}'), 'é'],
  ])('%s', async (_, document, expected) => {
    expect((await only(`${refers}---\n${document}`)).password).toBe(expected);
    expect((await only(`${document}---\n${refers}`)).password).toBe(expected);
  });

  it('counts in octets', async () => {
    const of = (text: string) => configure(peer(`peerASN: 64513, peerAddress: 192.0.2.1, password: "${text}"`));
    expect((await of('x'.repeat(80))).configuration).toBeDefined();
    expect((await of('é'.repeat(40))).configuration).toBeDefined();
    expect((await of('é'.repeat(41))).diagnostics[0]!.message).toBe(
      'the password has 82 octets, at most 80 are possible',
    );
  });

  it('that is not there yet is waited for; one that is wrong is not', async () => {
    const missing = await configure(refers);
    expect(missing.configuration).toBeUndefined();
    expect(missing.diagnostics.map(({ transient }) => transient)).toEqual([true]);
    const wrong = await configure(`${refers}---\n${secret('stringData: {password: x}', 'Opaque')}`);
    expect(wrong.diagnostics.map(({ severity, transient }) => [severity, transient])).toEqual([['error', undefined]]);
  });

  it('is no concern of Secrets of other programs, whatever those hold', async () => {
    await accepted(secret('data: {password: /////w==}', 'Opaque'));
    const { diagnostics } = await configure(`${refers}---\n${secret('data: {password: /////w==}', 'Opaque')}`);
    expect(diagnostics.map(({ message }) => message)).toEqual([
      'Secret/s (test.yaml:6): its type is "Opaque", not kubernetes.io/basic-auth',
    ]);
    const own = await configure(secret('data: {password: /////w==}'));
    expect(own.diagnostics.map(({ path }) => path)).toEqual(['data.password']);
  });

  it('in a file that cannot be read is not said to be missing', async () => {
    const files = [await loadText('a: [', 'bad.yaml'), await loadText(refers, 'good.yaml')];
    const { diagnostics } = assemble(files, { hostname: 'host' });
    expect(diagnostics.map(({ position }) => position.file)).toEqual(['bad.yaml']);
  });

  it('is the only thing that makes another peer of it', async () => {
    const loader = new Loader();
    const load = async (text: string): Promise<Configuration> => {
      const files = [await loadText(refers, 'a.yaml', loader), await loadText(text, 'b.yaml', loader)];
      return assemble(files, { hostname: 'host' }).configuration!;
    };
    const [before] = (await load(secret('stringData: {password: one}'))).peers;
    const [same] = (await load(secret('stringData: {password: one, username: me}'))).peers;
    const [other] = (await load(secret('stringData: {password: two}'))).peers;
    expect(same).toBe(before);
    expect(other).not.toBe(before);
    expect(other?.password).toBe('two');
  });

  it('does not stay in what kubectl keeps of a document', async () => {
    const { documents } = await accepted(fixture('peer-whole.yaml'));
    const kept = documents.find(({ kind }) => kind === 'Secret')!;
    expect(kept.annotations).toEqual({});
  });
});

describe('a BFDProfile', () => {
  const watched = peer('peerASN: 64513, peerAddress: 192.0.2.1, bfdProfile: b');
  const profile = (spec: string) => `apiVersion: metallb.io/v1beta1\nkind: BFDProfile\nmetadata: {name: b}\n${spec}\n`;

  it('has defaults', async () => {
    const expected = {
      ...{ receiveIntervalMs: 300, transmitIntervalMs: 300, detectMultiplier: 3, passive: false, minimumTtl: 254 },
    };
    for (const spec of ['', 'spec: {}', 'spec: {echoMode: false}']) {
      const value = await only(`${profile(spec)}---\n${watched}`);
      expect(value.bfd).toEqual(expected);
      expect(value).not.toHaveProperty('bfdStrict');
    }
  });

  it('is taken as it is, by both versions of BGPPeer, before and after it', async () => {
    const spec = 'spec: {receiveInterval: 10, transmitInterval: 60000, detectMultiplier: 255, minimumTtl: 1}';
    for (const version of ['v1beta1', 'v1beta2'])
      for (const order of [0, 1]) {
        const texts = [profile(spec), watched.replace('v1beta2', version)];
        const value = await only((order ? texts : texts.reverse()).join('---\n'));
        expect(value.bfd).toEqual({
          ...{
            receiveIntervalMs: 10,
            transmitIntervalMs: 60_000,
            detectMultiplier: 255,
            passive: false,
            minimumTtl: 1,
          },
        });
      }
  });

  it('that is not there yet is waited for', async () => {
    const { configuration, diagnostics } = await configure(watched);
    expect(configuration).toBeUndefined();
    expect(diagnostics.map(({ transient, path }) => [transient, path])).toEqual([[true, 'spec.bfdProfile']]);
  });

  it('that is wrong, or in a file that cannot be read, is not said to be missing', async () => {
    const { diagnostics } = await configure(`${watched}---\n${profile('spec: {minimumTtl: 0}')}`);
    expect(diagnostics.map(({ subject }) => subject)).toEqual(['BFDProfile/b']);
    const files = [await loadText('a: [', 'bad.yaml'), await loadText(watched, 'good.yaml')];
    const unread = assemble(files, { hostname: 'host' }).diagnostics;
    expect(unread.map(({ position }) => position.file)).toEqual(['bad.yaml']);
  });

  it('that says something else makes another peer; one that says the same does not', async () => {
    const loader = new Loader();
    const load = async (spec: string): Promise<Peer> => {
      const files = [await loadText(watched, 'a.yaml', loader), await loadText(profile(spec), 'b.yaml', loader)];
      return assemble(files, { hostname: 'host' }).configuration!.peers[0]!;
    };
    const before = await load('spec: {}');
    expect(await load('spec: {detectMultiplier: 3}')).toBe(before);
    const other = await load('spec: {detectMultiplier: 4}');
    expect(other).not.toBe(before);
    expect(other.bfd?.detectMultiplier).toBe(4);
  });
});
