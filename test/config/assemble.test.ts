import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/config/assemble.ts';
import type { Document } from '../../src/config/document.ts';
import { formatDiagnostic } from '../../src/config/format.ts';
import { Loader } from '../../src/config/load.ts';
import type { Peer } from '../../src/config/model.ts';
import { formatAddress } from '../../src/lib/address.ts';
import { accepted, configure, fixture, loadText, told } from '../support/config.ts';

const documents = (...texts: string[]) => texts.join('---\n');
const pool = (name: string, addresses: string, labels = '{}') =>
  `apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: ${name}, labels: ${labels}}\nspec: {addresses: [${addresses}]}\n`;
const advertisement = (name: string, spec: string) =>
  `apiVersion: metallb.io/v1beta1\nkind: BGPAdvertisement\nmetadata: {name: ${name}}\nspec: {${spec}}\n`;
const peer = (name: string, spec: string, version = 'v1beta2') =>
  `apiVersion: metallb.io/${version}\nkind: BGPPeer\nmetadata: {name: ${name}}\nspec: {myASN: 64512, peerASN: 64513, ${spec}}\n`;
const speaker = (name: string, spec = '') =>
  `apiVersion: waypost.dev/v1\nkind: Speaker\nmetadata: {name: ${name}}\nspec: {${spec}}\n`;
const node = (name: string, labels: string, status = '{}') =>
  `apiVersion: v1\nkind: Node\nmetadata: {name: ${name}, labels: ${labels}}\nstatus: ${status}\n`;

describe('peers', () => {
  const only = async (spec: string, version?: string): Promise<Peer> =>
    (await accepted(peer('p', spec, version))).peers[0]!;

  it.each([
    ['', undefined, undefined],
    ['holdTime: 90s', 90, 30],
    ['holdTime: 10s', 10, 3],
    ['keepaliveTime: 20s', 60, 20],
    ['holdTime: 1m30s, keepaliveTime: 5s', 90, 5],
    ['holdTime: 0s', 0, 0],
    ['holdTime: 0s, keepaliveTime: 0s', 0, 0],
    ['holdTime: 3900ms', 3, 1],
    ['holdTime: 3s', 3, 1],
  ])('%s', async (timers, hold, keepalive) => {
    const { holdTimeSec, keepaliveTimeSec } = await only(`peerAddress: 192.0.2.1, ${timers}`);
    expect([holdTimeSec, keepaliveTimeSec]).toEqual([hold, keepalive]);
  });

  it('have defaults', async () => {
    const value = await only('peerAddress: "2001:db8::1"');
    expect(value).toMatchObject({ port: 179, ebgpMultiHop: false, dualStackAddressFamily: false, nodeSelectors: [] });
    expect(Object.keys(value)).not.toContain('sourceAddress');
    expect(formatAddress(value.address!)).toBe('2001:db8::1');
  });

  it('say everything', async () => {
    const value = await only(
      'peerAddress: 192.0.2.1, peerPort: 1179, sourceAddress: 192.0.2.9, routerID: 10.0.0.1, connectTime: 10s, dualStackAddressFamily: yes',
    );
    expect(value).toMatchObject({ port: 1179, connectTimeSec: 10, dualStackAddressFamily: true });
    expect([value.sourceAddress, value.routerId].map((a) => formatAddress(a!))).toEqual(['192.0.2.9', '10.0.0.1']);
  });

  it('of v1beta1 leave absent timers absent', async () => {
    const value = await only('peerAddress: 192.0.2.1', 'v1beta1');
    expect(value.holdTimeSec).toBeUndefined();
  });

  it('on a port that MetalLB refuses draw a warning only', async () => {
    const { configuration, diagnostics } = await configure(peer('p', 'peerAddress: 192.0.2.1, peerPort: 20000'));
    expect(configuration?.peers[0]?.port).toBe(20000);
    expect(diagnostics.map(({ severity, path }) => [severity, path])).toEqual([['warning', 'spec.peerPort']]);
  });

  it('of another node are found by its name, though its document has no labels', async () => {
    const on = 'peerAddress: 192.0.2.1, nodeSelectors: [{matchLabels: {kubernetes.io/hostname: there}}]';
    const { configuration, diagnostics } = await configure(
      documents(peer('a', on), peer('b', on), node('there', '{}')),
      'here',
    );
    expect(configuration).toBeDefined();
    expect(diagnostics.map(({ severity, message }) => [severity, message])).toEqual([
      ['warning', expect.stringMatching(/is already that of BGPPeer\/a .*; node there refuses this$/)],
    ]);
  });

  it('may differ when no node has both', async () => {
    const on = (rack: string, address: string, asn: number) =>
      peer(`r${rack}`, `peerAddress: ${address}, nodeSelectors: [{matchLabels: {rack: "${rack}"}}]`).replace(
        '64512',
        String(asn),
      );
    const two = documents(on('1', '192.0.2.1', 64512), on('2', '192.0.2.1', 64999));
    const one = node('a', '{rack: "1"}');
    await accepted(documents(two, one, node('b', '{rack: "2"}')), 'a');
    // A node with both racks would have both peers.
    expect(await told(documents(two, one, node('b', '{}')), 'a')).toEqual([]);
    const { configuration } = await configure(documents(two, speaker('a', 'labels: {rack: "1"}')), 'a');
    expect(configuration).toBeDefined();
  });
});

describe('annotations of an advertisement', () => {
  it('give prepending and a MED', async () => {
    const text = advertisement('adv', '').replace(
      '{name: adv}',
      '{name: adv, annotations: {waypost.dev/as-path-prepend: "3", waypost.dev/med: "0", waypost.dev/bandwidth-per-endpoint: "100"}}',
    );
    expect((await accepted(text)).advertisements[0]).toMatchObject({ prepend: 3, med: 0, endpointMbit: 100 });
    const bare = (await accepted(advertisement('adv', ''))).advertisements[0];
    expect(bare).not.toHaveProperty('prepend');
    expect(bare).not.toHaveProperty('med');
    expect(bare).not.toHaveProperty('endpointMbit');
  });
});

describe('pools of an advertisement', () => {
  const pools = documents(
    pool('a', '10.0.0.0/24', '{zone: east}'),
    pool('b', '10.0.1.0/24', '{zone: west}'),
    pool('c', '10.0.2.0/24'),
  );
  const selector = (zone: string) => `ipAddressPoolSelectors: [{matchLabels: {zone: ${zone}}}]`;

  it.each([
    ['', ['a', 'b', 'c']],
    ['ipAddressPools: [b]', ['b']],
    [selector('east'), ['a']],
    [`ipAddressPools: [c], ${selector('east')}`, ['a', 'c']],
    [selector('north'), []],
    ['ipAddressPools: [], ipAddressPoolSelectors: []', ['a', 'b', 'c']],
    ['ipAddressPoolSelectors: [{}]', ['a', 'b', 'c']],
  ])('%s', async (spec, expected) => {
    const { advertisements } = await accepted(documents(pools, advertisement('adv', spec)));
    expect(advertisements[0]!.pools).toEqual(expected);
  });
});

describe('communities of an advertisement', () => {
  const alias = (name: string, value: string) =>
    `apiVersion: metallb.io/v1beta1\nkind: Community\nmetadata: {name: c-${name.replace(/\W/g, '')}}\nspec: {communities: [{name: "${name}", value: "${value}"}]}\n`;

  it('are sorted, counted once, and an alias wins over what it looks like', async () => {
    const text = documents(
      alias('65000:1', '1:1'),
      alias('big', 'large:1:2:3'),
      advertisement('adv', 'communities: ["65535:65281", "65000:1", "1:1", big, "large:1:2:1", "65000:2"]'),
    );
    const [adv] = (await accepted(text)).advertisements;
    expect(adv!.communities).toEqual([0x1_0001, 65000 * 65536 + 2, 0xffff_ff01]);
    expect(adv!.largeCommunities).toEqual([
      [1, 2, 1],
      [1, 2, 3],
    ]);
  });

  it('that are unknown names may be known later', async () => {
    const { configuration, diagnostics } = await configure(advertisement('adv', 'communities: [later, "70000:1"]'));
    expect(configuration).toBeUndefined();
    expect(diagnostics.map(({ path, transient }) => [path, transient])).toEqual([
      ['spec.communities[0]', true],
      ['spec.communities[1]', undefined],
    ]);
  });
});

describe('one prefix, one local preference', () => {
  const conflict = async (addresses: string, first: string, second: string, more = '') =>
    (
      await configure(
        documents(pool('p', addresses), advertisement('a', first), advertisement('b', second), ...(more ? [more] : [])),
        'here',
      )
    ).diagnostics.map(({ severity }) => severity);
  const on = (name: string) => `nodeSelectors: [{matchLabels: {kubernetes.io/hostname: ${name}}}]`;
  const both = '10.0.0.0/24, "2001:db8::/112"';

  it.each([
    ['equal', both, 'localPref: 1', 'localPref: 1', []],
    ['different', both, 'localPref: 1', 'localPref: 2', ['error']],
    ['IPv4 pool, IPv4 length', '10.0.0.0/24', 'localPref: 1', 'localPref: 2, aggregationLength: 24', []],
    ['IPv4 pool, IPv6 length', '10.0.0.0/24', 'localPref: 1', 'localPref: 2, aggregationLengthV6: 112', ['error']],
    ['IPv6 pool, IPv6 length', '"2001:db8::/112"', 'localPref: 1', 'localPref: 2, aggregationLengthV6: 112', []],
    ['IPv6 pool, IPv4 length', '"2001:db8::/112"', 'localPref: 1', 'localPref: 2, aggregationLength: 24', ['error']],
    ['both, one length', both, 'localPref: 1', 'localPref: 2, aggregationLength: 24', ['error']],
    ['both, both lengths', both, 'localPref: 1', 'localPref: 2, aggregationLength: 24, aggregationLengthV6: 112', []],
    ['other nodes', both, `localPref: 1, ${on('here')}`, `localPref: 2, ${on('there')}`, []],
    ['every node and this one', both, 'localPref: 1', `localPref: 2, ${on('here')}`, ['error']],
    ['every node and one not known', both, 'localPref: 1', `localPref: 2, ${on('there')}`, []],
    ['by service', both, 'localPref: 1', 'localPref: 2, serviceSelectors: [{}]', []],
  ])('%s', async (_, addresses, first, second, expected) => {
    expect(await conflict(addresses, first, second)).toEqual(expected);
  });

  it('another node that is known would refuse it: a warning', async () => {
    const there = node('there', '{kubernetes.io/hostname: there}');
    expect(await conflict(both, 'localPref: 1', `localPref: 2, ${on('there')}`, there)).toEqual(['warning']);
  });

  it('two pools that share an aggregate are looked at as one, unless the values or the peers differ', async () => {
    const text = fixture('preference-shared.yaml');
    expect((await configure(text)).configuration).toBeUndefined();
    expect((await configure(text.replace('localPref: 50', 'localPref: 100'))).configuration).toBeDefined();
    const apart = text
      .replace('localPref: 50', 'localPref: 50, peers: [x]')
      .replace('localPref: 100', 'localPref: 100, peers: [y]');
    expect((await configure(apart)).configuration).toBeDefined();
    expect(
      (await configure(text.replaceAll('aggregationLength: 30', 'aggregationLength: 32'))).configuration,
    ).toBeDefined();
  });
});

describe('this node', () => {
  const name = async (text: string, given?: string) => {
    const { configuration, diagnostics } = await configure(text, given);
    return [configuration?.speaker.name, configuration?.speaker.defaultLocalPref, diagnostics.length];
  };
  const a = speaker('a', 'defaultLocalPref: 1');
  const b = speaker('b', 'defaultLocalPref: 2');
  const host = speaker('host', 'defaultLocalPref: 3');

  it.each([
    ['no document: the host', pool('p', '10.0.0.0/24'), undefined, ['host', 100, 0]],
    ['no document, a name given', pool('p', '10.0.0.0/24'), 'x', ['x', 100, 0]],
    ['one document: its name', a, undefined, ['a', 1, 0]],
    ['one document of another name than given', a, 'x', ['x', 100, 1]],
    ['several, one given', documents(a, b), 'b', ['b', 2, 0]],
    ['several, one of them the host', documents(a, host), undefined, ['host', 3, 0]],
    ['several, none of them the host', documents(a, b), undefined, ['host', 100, 1]],
  ])('%s', async (_, text, given, expected) => {
    expect(await name(text, given)).toEqual(expected);
  });

  it('is not held up by a mistake in the Speaker of another node, unless it could be its own', async () => {
    const wrong = speaker('b', 'defaultLocalPref: -1');
    const { configuration, diagnostics } = await configure(documents(a, wrong), 'a');
    expect(configuration?.speaker.defaultLocalPref).toBe(1);
    expect(diagnostics.map(({ severity, path, message }) => [severity, path, message])).toEqual([
      ['warning', 'spec.defaultLocalPref', 'must be in 0..4294967295; the nodes it is for refuse this'],
    ]);
    expect((await configure(documents(a, wrong), 'b')).configuration).toBeUndefined();
    expect((await configure(wrong)).configuration).toBeUndefined();
    expect((await configure(documents(a, wrong), 'c')).configuration).toBeUndefined();
    // Who has no other name may be either of the two.
    expect((await configure(documents(a, wrong))).configuration).toBeUndefined();
  });

  it('has the labels of its Node with those of its Speaker over them', async () => {
    const text = documents(
      speaker('a', 'labels: {rack: r2}'),
      node('a', '{rack: r1, zone: east}'),
      node('b', '{zone: west}'),
    );
    expect((await accepted(text)).speaker.labels).toEqual({ 'kubernetes.io/hostname': 'a', rack: 'r2', zone: 'east' });
  });

  it('has its settings, and a place', async () => {
    const settings = (await accepted(fixture('speaker.yaml'))).speaker;
    expect(settings).toMatchObject({
      name: 'node-a',
      labels: { rack: 'r1' },
      listen: { port: 179 },
      stateDir: '/var/lib/waypost',
    });
    expect(settings.listen.addresses.map(formatAddress)).toEqual(['192.0.2.1', '2001:db8::1']);
    expect(formatAddress(settings.routerId!)).toBe('192.0.2.1');
    expect(settings.position).toMatchObject({ file: 'test.yaml', line: 1 });
    expect((await accepted(pool('p', '10.0.0.0/24'))).speaker.position).toBeUndefined();
  });
});

describe('a node that load balancers are to leave alone', () => {
  const labelled = node('a', '{node.kubernetes.io/exclude-from-external-load-balancers: ""}');
  const announcing = documents(pool('p', '10.0.0.0/24'), advertisement('adv', ''));
  it('is told once why it announces nothing', async () => {
    expect(await told(documents(announcing, labelled), 'a')).toEqual([
      expect.stringMatching(
        /^test\.yaml:13:\d+: warning: Node\/a: metadata\.labels\["node\.kubernetes\.io\/exclude-.*"\]: keeps this node from announcing Services \(take it away/,
      ),
    ]);
  });

  it('need not be told where that is another one, is ignored, or nothing is to be announced', async () => {
    await accepted(documents(announcing, labelled), 'b');
    await accepted(documents(announcing, labelled, speaker('a', 'ignoreExcludeLabel: true')), 'a');
    await accepted(documents(pool('p', '10.0.0.0/24'), labelled), 'a');
  });
});

describe('what kubectl prints', () => {
  it('loads without a word', async () => {
    const { services, endpointSlices, nodes, pools, documents } = await accepted(fixture('kubectl-list.yaml'));
    const web = services.get('shop/web')!;
    expect(web.ingress.map(({ text, address }) => [text, formatAddress(address!)])).toEqual([
      ['198.51.100.7', '198.51.100.7'],
    ]);
    expect(web).toMatchObject({ loadBalancerClass: '', ipFamilies: [4], selector: 'app=web', labels: { app: 'web' } });
    expect(endpointSlices.get('shop/web')!.map(({ endpoints }) => endpoints)).toEqual([
      [{ addresses: ['10.244.1.5'], nodeName: 'node-a', ready: true, serving: true }],
    ]);
    expect(nodes.get('node-a')!.networkUnavailable).toBe(false);
    expect(pools.get('pool')!.autoAssign).toBe(true);
    expect(documents.map(({ key, position }) => [key, position.line])).toEqual([
      ['Service/shop/web', 3],
      ['EndpointSlice/shop/web-abcde', 48],
      ['Node//node-a', 71],
      ['IPAddressPool//pool', 86],
    ]);
  });

  it('of a node without network', async () => {
    const status = '{conditions: [{type: Ready, status: "True"}, {type: NetworkUnavailable, status: "True"}]}';
    expect((await accepted(node('a', '{}', status))).nodes.get('a')!.networkUnavailable).toBe(true);
  });
});

describe('Services', () => {
  const request = async (annotations: string, spec = '') => {
    const text = `apiVersion: v1\nkind: Service\nmetadata: {name: s, annotations: {${annotations}}}\nspec: {type: LoadBalancer, ${spec}}\n`;
    const { request } = (await accepted(documents(pool('p', '10.0.0.0/24, "2001:db8::/64"'), text))).services.get(
      'default/s',
    )!;
    return { ...request, addresses: request.addresses.map(formatAddress) };
  };

  it('ask for pools and addresses', async () => {
    expect(await request('')).toEqual({ addresses: [], sharingKey: '' });
    expect(await request('metallb.io/address-pool: p, metallb.universe.tf/address-pool: q')).toMatchObject({
      pool: 'p',
    });
    expect(await request('metallb.universe.tf/address-pool: p')).toMatchObject({ pool: 'p' });
    expect(await request('metallb.io/allow-shared-ip: key')).toMatchObject({ sharingKey: 'key' });
    expect(await request('metallb.io/loadBalancerIPs: "10.0.0.1 , 2001:DB8::1"')).toMatchObject({
      addresses: ['10.0.0.1', '2001:db8::1'],
    });
    expect(await request('', 'loadBalancerIP: 10.0.0.1')).toMatchObject({ addresses: ['10.0.0.1'] });
    expect(await request('', 'clusterIPs: [None], loadBalancerIP: "2001:db8::1"')).toMatchObject({
      addresses: ['2001:db8::1'],
    });
  });

  it('ask for what cannot be, and fail alone', async () => {
    const text = (annotations: string, spec = '') =>
      `apiVersion: v1\nkind: Service\nmetadata: {name: s, annotations: {${annotations}}}\nspec: {type: LoadBalancer, ${spec}}\n`;
    const outcome = async (...args: [string, string?]) => {
      const { configuration, diagnostics } = await configure(documents(pool('p', '10.0.0.0/24'), text(...args)));
      expect(diagnostics.map(({ severity }) => severity)).toEqual(['warning']);
      return configuration!.services.get('default/s')!.request.invalid;
    };
    expect(await outcome('metallb.io/loadBalancerIPs: 10.0.0.1', 'loadBalancerIP: 10.0.0.1')).toBe(
      'service can not have both metallb.io/loadBalancerIPs and spec.loadBalancerIP',
    );
    expect(await outcome('metallb.io/loadBalancerIPs: ten')).toBe('invalid address "ten"');
    expect(await outcome('', 'loadBalancerIP: "10.0.0.1,2001:db8::1"')).toBe('invalid address "10.0.0.1,2001:db8::1"');
    expect(await outcome('metallb.io/loadBalancerIPs: "10.0.0.1,2001:db8::1,10.0.0.2"')).toBe(
      'too many addresses: 10.0.0.1,2001:db8::1,10.0.0.2',
    );
    expect(await outcome('', 'ipFamilies: [IPv6], loadBalancerIP: 10.0.0.1')).toBe(
      'requested loadBalancer IP(s) 10.0.0.1 does not match the ipFamily of the service',
    );
    // The allocator says it of this one.
    expect(await outcome('metallb.io/address-pool: p, metallb.io/loadBalancerIPs: 10.0.1.1')).toBeUndefined();
  });

  it('ask for communities, by annotation and by label', async () => {
    const { configuration, diagnostics } = await configure(fixture('service-communities.yaml'));
    expect(configuration!.services.get('default/allowed')!.communities).toEqual([
      '65000:1',
      'large:65000:5:7',
      'blackhole',
      'home',
      '65535:666',
      '65000:2',
      'large:65000:9:7',
    ]);
    expect(diagnostics.filter(({ subject }) => subject === 'Service/allowed')).toEqual([]);
    expect((await accepted(fixture('minimal.yaml'))).services.values().next().value?.communities).toEqual([]);
  });

  it('say what becomes of their routes while endpoints terminate', async () => {
    const outcome = async (spec: string, word: string) => {
      const text = `apiVersion: v1\nkind: Service\nmetadata: {name: s, annotations: {waypost.dev/terminating: ${word}}}\nspec: {type: LoadBalancer, ${spec}}\n`;
      const { configuration, diagnostics } = await configure(text);
      const told = diagnostics.filter(({ subject }) => subject === 'Service/s');
      return [
        configuration!.services.get('default/s')!.terminating,
        ...told.map(
          ({ severity, position, message, hint }) => `${severity} ${position.line}: ${message} (${hint ?? ''})`,
        ),
      ];
    };
    const local = 'externalTrafficPolicy: Local';
    expect(await outcome(local, 'lower')).toEqual(['lower']);
    expect(await outcome(local, 'keep')).toEqual(['keep']);
    // One Service that cannot be read is no reason to refuse everybody's.
    expect(await outcome(local, 'lowr')).toEqual([
      undefined,
      'warning 3: expected "keep" or "lower", found "lowr": ignored (did you mean "lower"?)',
    ]);
    expect(await outcome('externalTrafficPolicy: Cluster', 'lower')).toEqual([
      'lower',
      'warning 3: has no effect under the Cluster policy (set externalTrafficPolicy: Local, or leave it out)',
    ]);
    expect(await outcome(`${local}, loadBalancerClass: theirs`, 'lowr')).toEqual([undefined]);
  });

  it('keep what is no address in status', async () => {
    const text = `apiVersion: v1\nkind: Service\nmetadata: {name: s}\nstatus: {loadBalancer: {ingress: [{hostname: lb.example.com}, {ip: ten}]}}\n`;
    expect((await accepted(text)).services.get('default/s')!.ingress).toEqual([
      { text: 'lb.example.com' },
      { text: 'ten' },
    ]);
  });

  it('have a backend key that does not depend on order', async () => {
    const text = (selector: string) =>
      `apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {selector: {${selector}}}\n`;
    expect((await accepted(text('b: "2", a: "1"'))).services.get('default/s')!.selector).toBe('a=1,b=2');
  });
});

describe('several files', () => {
  it('make one configuration, in order', async () => {
    const files = [
      await loadText(pool('a', '10.0.0.0/24'), 'a.yaml'),
      await loadText(pool('b', '10.0.1.0/24'), 'b.yaml'),
    ];
    const { configuration } = assemble(files, { hostname: 'host' });
    expect([...configuration!.pools.keys()]).toEqual(['a', 'b']);
  });

  it('name both places of a conflict, and sort what they say', async () => {
    const files = [
      await loadText(`${pool('a', '10.0.0.0/24')}---\n${pool('c', '10.0.1.0/24, 10.0.0.7/32')}`, 'z.yaml'),
      await loadText(pool('a', '10.0.2.0/24'), 'b.yaml'),
    ];
    expect(assemble(files, { hostname: 'host' }).diagnostics.map(formatDiagnostic)).toEqual([
      'b.yaml:3:18: error: IPAddressPool/a: metadata.name: duplicate definition of IPAddressPool metallb-system/a, first at z.yaml:3',
      'z.yaml:9:33: error: IPAddressPool/c: spec.addresses[1]: CIDR "10.0.0.7/32" in pool "c" overlaps with already defined CIDR "10.0.0.0/24" of pool "a", z.yaml:4',
    ]);
  });

  it('one that cannot be read refuses all, and makes nobody doubt the rest', async () => {
    const files = [
      await loadText('a: [', 'bad.yaml'),
      await loadText(advertisement('adv', 'peers: [elsewhere]'), 'good.yaml'),
    ];
    const { configuration, diagnostics } = assemble(files, { hostname: 'host' });
    expect(configuration).toBeUndefined();
    expect(diagnostics.map(({ position }) => position.file)).toEqual(['bad.yaml']);
  });
});

describe('what thousands of documents say', () => {
  const service = (n: number, pool = 'gone') =>
    `apiVersion: v1\nkind: Service\nmetadata: {name: s${n}, annotations: {metallb.io/address-pool: ${pool}}}\nspec: {type: LoadBalancer}\n`;
  const many = (count: number) => Array.from({ length: count }, (_, n) => service(n));

  it('is told twenty times, and counted', async () => {
    const lines = await told(documents(...many(50), service(50, 'lost')));
    expect(lines).toHaveLength(21);
    expect(lines[18]).toMatch(/^test\.yaml:93:.*Service\/s18: .* is named "gone".{0,20}$/);
    expect(lines[19]).toMatch(
      /^test\.yaml:98:.*Service\/s19: .* is named "gone".*; the same holds for 30 more of this file/,
    );
    expect(lines[20]).toMatch(/Service\/s50: .* is named "lost"/);
    expect(await told(documents(...many(20)))).toHaveLength(20);
  });

  it('is looked up for none but those', async () => {
    const file = await loadText(documents(...many(50)));
    const asked: string[] = [];
    for (const { source, meta } of file.documents) {
      const locate = source.locate.bind(source);
      source.locate = (...given) => {
        asked.push(meta.name);
        return locate(...given);
      };
    }
    assemble([file], { hostname: 'host' });
    expect(asked).toEqual(Array.from({ length: 20 }, (_, n) => `s${n}`));
  });

  it('is said of a copy of their file, too', async () => {
    const files = [await loadText(documents(...many(50)), 'a.yaml'), await loadText(documents(...many(50)), 'b.yaml')];
    const { configuration, diagnostics } = assemble(files, { hostname: 'host' });
    const errors = diagnostics.filter(({ severity }) => severity === 'error').map(formatDiagnostic);
    expect(configuration).toBeUndefined();
    expect(errors).toHaveLength(21);
    expect(errors[0]).toMatch(/^b\.yaml:3:.*duplicate definition of Service default\/s0, first at a\.yaml:3$/);
    expect(errors[20]).toMatch(
      /^b\.yaml:103:.*Service\/s20: metadata\.name: duplicate definition, as of 29 documents more$/,
    );
  });
});

describe('a reload', () => {
  const load = async (loader: Loader, ...texts: string[]) => {
    const files = [];
    for (const [i, text] of texts.entries()) files.push(await loadText(text, `${i}.yaml`, loader));
    return assemble(files, { hostname: 'host' }).configuration!;
  };

  it('keeps an advertisement as long as what it refers to stays', async () => {
    const loader = new Loader();
    const adv = advertisement('adv', 'ipAddressPoolSelectors: [{matchLabels: {zone: east}}]');
    const before = await load(loader, adv, pool('a', '10.0.0.0/24', '{zone: east}'));
    const same = await load(loader, adv, documents(pool('a', '10.0.0.0/25', '{zone: east}'), pool('b', '10.0.1.0/24')));
    expect(same.advertisements[0]).toBe(before.advertisements[0]);
    expect(same.pools.get('a')).not.toBe(before.pools.get('a'));
    const wider = await load(
      loader,
      adv,
      documents(pool('a', '10.0.0.0/25'), pool('b', '10.0.1.0/24', '{zone: east}')),
    );
    expect(wider.advertisements[0]!.pools).toEqual(['b']);
  });
});

it('an unknown alias alone is transient, and the configuration is refused all the same', async () => {
  const { configuration, diagnostics } = await configure(advertisement('adv', 'communities: [nobody]'));
  expect(configuration).toBeUndefined();
  expect(diagnostics.every(({ severity, transient }) => severity === 'error' && transient)).toBe(true);
});

it('refuses what it cannot put together, and does not throw', async () => {
  const file = await loadText(pool('a', '10.0.0.0/24'));
  const [document] = file.documents;
  const poisoned: Document = { ...document!, item: { type: 'pool', value: undefined as never } };
  const { configuration, diagnostics } = assemble([{ ...file, documents: [poisoned] }], { hostname: 'host' });
  expect(configuration).toBeUndefined();
  expect(diagnostics.map(formatDiagnostic)).toEqual([
    expect.stringMatching(/^test\.yaml:1:1: error: documents cannot be put together, by a mistake of waypost: /),
  ]);
});
