/** What `plan` foretells of documents is what a daemon then does with them. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { compare } from '../../src/cli/plan.ts';
import { differenceText } from '../../src/cli/plantext.ts';
import {
  advertisementDocument,
  all,
  Folder,
  peerDocument,
  poolDocument,
  Router,
  Site,
  serviceDocument,
  soon,
  speakerDocument,
  waypost,
} from '../support/daemon.ts';

let router: Router;
let site: Site;
let next: Folder;
beforeEach(async () => {
  router = await new Router().start();
  site = new Site({ control: true });
  next = new Folder();
});
afterEach(async () => {
  await site.stop();
  await router.stop();
  next.dispose();
});

const main = (advertisement: object = {}, peer: object = {}, pool = ['198.51.100.0/29']) =>
  all(
    peerDocument('router', router, peer),
    poolDocument('main', pool),
    advertisementDocument('main', 'main', { communities: ['64512:1'], ...advertisement }),
  );
const web = () => all(serviceDocument('a'), serviceDocument('b'));

async function running(): Promise<void> {
  site.folder.put('main.yaml', main());
  site.folder.put('web.yaml', web());
  await site.start();
  await router.knows('198.51.100.0/32', '198.51.100.1/32');
}

/** The plan for documents beside the daemon's Speaker, in lines. */
async function plan(...documents: readonly string[]): Promise<string[]> {
  next.put('speaker.yaml', site.folder.read('speaker.yaml'));
  next.put('next.yaml', all(...documents));
  return [...differenceText(await compare([next.path], { control: site.control }))];
}

describe('against the daemon', () => {
  test('the same documents change nothing', async () => {
    await running();
    expect(await plan(main(), web())).toEqual(['nothing changes']);
  });

  test('an address that nobody answers for at the moment is no change of documents', async () => {
    const link =
      'apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: link}\nspec: {interfaces: [none0]}\n';
    site.folder.put('link.yaml', link);
    await running();
    const row = async () =>
      JSON.parse((await waypost(['show', 'services', '--json', '--control', site.control])).stdout) as [
        { layer2: { reason: string } },
      ];
    expect((await row())[0].layer2.reason).toMatch(/^announce/);
    expect(await plan(main(), web(), link)).toEqual(['nothing changes']);
  });

  test('a peer that has no source address yet is none that comes', async () => {
    const waiting = peerDocument('waiting', router, { peerAddress: '127.0.0.9', sourceAddress: undefined }).replace(
      'namespace:',
      'annotations: {waypost.dev/source-interface: none0}, namespace:',
    );
    site.folder.put('waiting.yaml', waiting);
    await running();
    expect(await plan(main(), web(), waiting)).toEqual(['nothing changes']);
  });

  test('prefixes that an FRRConfiguration advertises: none that stays is a change, one that goes or comes is', async () => {
    const told = (...prefixes: readonly string[]) => `apiVersion: frrk8s.metallb.io/v1beta1
kind: FRRConfiguration
metadata: {name: told}
spec:
  bgp:
    routers:
      - asn: 64512
        prefixes: ${JSON.stringify(prefixes)}
        neighbors:
          - {address: 127.0.0.1, asn: 64512, port: ${router.port}, toAdvertise: {allowed: {mode: all}}}
`;
    site.folder.put('main.yaml', all(main(), told('203.0.113.0/24')));
    site.folder.put('web.yaml', web());
    await site.start();
    await router.knows('198.51.100.0/32', '198.51.100.1/32', '203.0.113.0/24');
    expect(await plan(main(), web(), told('203.0.113.0/24'))).toEqual(['nothing changes']);
    const lines = await plan(main(), web(), told('203.0.112.0/24'));
    expect(lines.slice(0, -1).map((line) => line.replace(/ {2}.*/, ''))).toEqual([
      '+ 203.0.112.0/24 to router',
      '- 203.0.113.0/24 to router',
    ]);
    next.put('speaker.yaml', site.folder.read('speaker.yaml'));
    const { stdout } = await waypost(['plan', '--alone', next.path]);
    expect(stdout).toMatch(/^ {2}203\.0\.112\.0\/24 to router {2}.*by FRRConfiguration\/told$/m);
    const why = await waypost(['explain', '203.0.112.0/24', '-c', next.path]);
    expect(why.stdout).toMatch(/^203\.0\.112\.0\/24: to be announced to router$/m);
    expect(why.stdout).toContain('ok  Who contributes it? FRRConfiguration/told\n');
    expect(why.stdout).toMatch(/next\.yaml:\d+: FRRConfiguration\/\S*told$/m);
    next.put('node.yaml', 'apiVersion: v1\nkind: Node\nmetadata: {name: node-a, labels: {waypost.dev/drain: ""}}\n');
    const drained = await waypost(['explain', '203.0.112.0/24', '-c', next.path]);
    expect(drained.stdout).toContain('? FRRConfiguration/told, but that the node is drained [nodeDrained]\n');
  });

  test('the label that drains the node: it comes, it stays, it goes', async () => {
    const node = (labels: object) =>
      `apiVersion: v1\nkind: Node\nmetadata: {name: node-a, labels: ${JSON.stringify(labels)}}\n`;
    const drained = node({ 'waypost.dev/drain': '' });
    await running();
    const lines = await plan(main(), web(), drained);
    expect(lines.filter((line) => line.startsWith('- ')).map((line) => line.replace(/ {2}.*/, ''))).toEqual([
      '- 198.51.100.0/32 to router',
      '- 198.51.100.1/32 to router',
    ]);
    expect(lines.join('\n')).toContain('BGP: nodeDrained');
    const why = await waypost(['explain', 'default/a', '-c', next.path]);
    expect(why.stdout).toMatch(/\[nodeDrained\]\n +\S+next\.yaml:\d+: Node\/node-a$/m);
    site.speaker({ drain: { wait: '0s' } });
    site.folder.put('node.yaml', drained);
    await router.knows();
    expect(await plan(main(), web(), drained)).toEqual(['nothing changes']);
    const back = await plan(main(), web(), node({}));
    expect(back.filter((line) => line.startsWith('+ '))).toHaveLength(2);
  });

  test('documents on standard input, which can be read but once, are for the node of the daemon', async () => {
    await running();
    const { spec } = parse(site.folder.read('speaker.yaml')) as { spec: object };
    const input = all(speakerDocument(spec, 'node-b'), speakerDocument(spec), main(), web());
    expect(await waypost(['plan', '-', '--control', site.control], { input })).toEqual({
      code: 0,
      stdout: 'nothing changes\n',
      stderr: '',
    });
  });

  test('Services that come and go; those that stay keep their addresses', async () => {
    await running();
    // "b" alone would be given the first address, had it none yet.
    const lines = await plan(main(), serviceDocument('b'), serviceDocument('c'));
    expect(lines).toEqual([
      '- service default/a  198.51.100.0 of main  BGP',
      '+ service default/c  198.51.100.0 of main  BGP',
      '2 changes; no session is reset',
    ]);
    await site.accepts(() => site.folder.put('web.yaml', all(serviceDocument('b'), serviceDocument('c'))));
    await soon('the change', () => site.daemon.engine.services.decisions.has('default/c'));
    await router.knows('198.51.100.0/32', '198.51.100.1/32');
    expect(site.daemon.engine.services.decisions.get('default/b')!.ips[0]!.bytes[3]).toBe(1);
  });

  test('routes that change, and a Service that loses its address', async () => {
    await running();
    expect(await plan(main({ communities: ['64512:2'] }), web())).toEqual([
      '~ 198.51.100.0/32 to router  local-pref 100  communities 64512:2  by BGPAdvertisement/main  (was: 198.51.100.0/32 to router  local-pref 100  communities 64512:1  by BGPAdvertisement/main)',
      '~ 198.51.100.1/32 to router  local-pref 100  communities 64512:2  by BGPAdvertisement/main  (was: 198.51.100.1/32 to router  local-pref 100  communities 64512:1  by BGPAdvertisement/main)',
      '2 changes; no session is reset',
    ]);
    expect(await plan(main({}, {}, ['198.51.100.0/32']), web())).toEqual([
      '~ service default/b  poolExhausted  (was: default/b  198.51.100.1 of main  BGP)',
      '- 198.51.100.1/32 to router  local-pref 100  communities 64512:1  by BGPAdvertisement/main',
      '2 changes; no session is reset',
    ]);
  });

  test.each([
    ['the hold time', { holdTime: '30s' }, 'would reset: holdTimeSec 90 → 30, keepaliveTimeSec none → 10', true],
    ['how soon it dials again', { connectTime: '7s' }, 'stays up: connectRetrySec none → 7', false],
    ['the password', { password: 'correct-horse' }, 'would reset: password', true],
  ])('a session whose document changes: %s', async (_, change, text, resets) => {
    await running();
    const before = router.sessions;
    const lines = await plan(main({}, change), web());
    expect(lines).toEqual([
      `~ session router ${text}`,
      `1 change; ${resets ? 'resets router' : 'no session is reset'}`,
    ]);
    expect(lines.join()).not.toContain('correct-horse');
    // Nothing was applied.
    expect([router.sessions, router.established]).toEqual([before, true]);
    await site.accepts(() => site.folder.put('main.yaml', main({}, change)));
    const events = () => [...site.daemon.chronicle.journal.rows()].map((e) => e.event);
    if (resets) await soon('the reset', () => events().includes('peer reset'));
    else expect(events()).not.toContain('peer reset');
    // A daemon that has these documents finds nothing to do, the password included.
    expect(await plan(main({}, change), web())).toEqual(['nothing changes']);
  });

  test('peers that come and go', async () => {
    await running();
    const other = peerDocument('other', router, { peerPort: 1 });
    const lines = await plan(other, poolDocument('main', ['198.51.100.0/29']), advertisementDocument('main', 'main'));
    expect(lines[0]).toMatch(/^\+ session other {2}AS 64512 to AS 64512 at 127\.0\.0\.1 port 1, ipv4 and ipv6$/);
    expect(lines[1]).toMatch(/^- session router /);
    expect(lines.at(-1)).toBe('6 changes; ends router');
  });

  test('a drained node: what is taken back stays so', async () => {
    await running();
    await site.accepts(() => site.speaker({ drain: { onShutdown: false, wait: '0s' } }));
    await site.daemon.drainer.begin('operator');
    await router.knows();
    expect(await plan(main(), web())).toEqual(['nothing changes']);
  });
});

const policy = (table = 1100) => `apiVersion: nmstate.io/v1
kind: NodeNetworkConfigurationPolicy
metadata: {name: red}
spec:
  desiredState:
    interfaces:
      - {name: red, type: vrf, state: up, vrf: {port: [wp-none], route-table-id: ${table}}}
      - name: wp-none
        type: dummy
        state: up
        ipv4: {enabled: true, dhcp: false, address: [{ip: 192.0.2.9, prefix-length: 24}]}
    route-rules: {config: [{ip-to: 172.30.0.0/16, priority: 998, route-table: 254, family: ipv4}]}
`;
const egress = `apiVersion: k8s.ovn.org/v1
kind: EgressService
metadata: {name: a}
spec: {sourceIPBy: LoadBalancerIP, network: red}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: a-x, labels: {kubernetes.io/service-name: a}}
endpoints: [{addresses: [10.244.0.5], nodeName: node-a}]
`;
const learns = (rules: object) => `apiVersion: frrk8s.metallb.io/v1beta1
kind: FRRConfiguration
metadata: {name: learn}
spec: {bgp: {routers: [{asn: 64512, neighbors: [{address: 127.0.0.1, asn: 64512, port: ${router.port}, toReceive: ${JSON.stringify(rules)}}]}]}}
`;

describe('the kernel', () => {
  // Of a daemon that has none of it, and is given none: the machine that runs this test is not to be changed.
  test('what policies, EgressServices and learned routes would do to it', async () => {
    await running();
    const lines = await plan(main(), web(), policy(), egress);
    const kernel = lines.filter((line) => line.includes(' kernel '));
    expect(kernel.filter((line) => !line.includes(' sysctl '))).toEqual([
      '+ kernel address 192.0.2.9/24  dev wp-none',
      '+ kernel egress default/a  carried here: 1 endpoints by table 1100',
      '+ kernel egress default/a from 10.244.0.5  source 198.51.100.0',
      '+ kernel link red  type vrf table 1100 ports wp-none up',
      '+ kernel link wp-none  type dummy master red up',
      '+ kernel route unreachable 0.0.0.0/0 table 1100  metric 4278198272',
      '+ kernel route unreachable ::/0 table 1100  metric 4278198272',
      '+ kernel rule 5000: from 10.244.0.5  lookup 1100 by EgressService/default/a',
      '+ kernel rule 998: from all to 172.30.0.0/16 lookup 254  ipv4',
    ]);
    expect(kernel).toContain('+ kernel sysctl net.ipv4.conf.red.forwarding  = 1');
    expect(lines.at(-1)).toBe(`${kernel.length} changes; no session is reset`);
  });

  test('alone: it is a part of the plan', async () => {
    const red = `apiVersion: frrk8s.metallb.io/v1beta1
kind: FRRConfiguration
metadata: {name: import}
spec: {bgp: {routers: [{asn: 64512, vrf: red, imports: [{vrf: default}]}]}}
`;
    next.put('next.yaml', all(main(), serviceDocument('a'), policy(1200), learns({ allowed: { mode: 'all' } }), red));
    const { stdout } = await waypost(['plan', '--alone', '--node', 'node-a', next.path]);
    expect(stdout).toContain('\n  link red  type vrf table 1200 ports wp-none up\n');
    expect(stdout).toContain('\n  learned routes into main table  protocol 186 metric 20 from router\n');
    expect(stdout).toContain('\n  learned routes into VRF red  protocol 186 metric 20 of main table\n');
  });
});

describe('the command', () => {
  const control = () => ['--control', site.control];

  test('against the daemon and alone, for another node', async () => {
    await running();
    next.put('next.yaml', all(main(), serviceDocument('a')));
    const [found, alone] = await Promise.all([
      waypost(['plan', next.path, '--json', ...control()]),
      waypost(['plan', next.path, '--alone', '--node', 'node-b', ...control()]),
    ]);
    expect(found).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(found.stdout)).toMatchObject({
      node: 'node-a',
      services: [{ change: '-', before: { service: 'default/b' }, after: null }],
    });
    expect(alone.stdout).toMatch(/^node node-b\n\nsessions\n {2}router {2}AS 64512 to AS 64512 at /);
    expect(alone.stdout).toContain('\n\nlearned\n  router  nothing\n');
  });

  test('as JSON: each list by its key, whatever the order of documents', async () => {
    const peer = (name: string, more: object) => peerDocument(name, router, { peerPort: 1, ...more });
    const elsewhere = { nodeSelectors: [{ matchLabels: { 'kubernetes.io/hostname': 'node-b' } }] };
    const documents = [
      ...[peer('d', elsewhere), peer('b', { peerAddress: '192.0.2.2' }), peer('c', elsewhere), peer('a', {})],
      ...[serviceDocument('y', { ip: '198.51.100.10' }), serviceDocument('x', { ip: '198.51.100.9' })],
      ...[poolDocument('main', ['198.51.100.8/29']), advertisementDocument('main', 'main'), policy()],
    ];
    next.put('next.yaml', all(...documents));
    const { stdout } = await waypost(['plan', '--alone', '--json', '--node', 'node-a', next.path]);
    const found = JSON.parse(stdout) as Record<string, Record<string, string>[]>;
    const keys = (part: string, ...fields: readonly string[]) =>
      found[part]!.map((row) => fields.map((field) => row[field]).join(' '));
    expect(keys('sessions', 'name')).toEqual(['a', 'b']);
    expect(keys('skipped', 'name')).toEqual(['c', 'd']);
    expect(keys('services', 'service')).toEqual(['default/x', 'default/y']);
    expect(keys('announcements', 'peer', 'prefix')).toEqual([
      ...['a 198.51.100.9/32', 'a 198.51.100.10/32'],
      ...['b 198.51.100.9/32', 'b 198.51.100.10/32'],
    ]);
    const kernel = keys('kernel', 'what', 'name');
    expect(kernel.length).toBeGreaterThan(5);
    expect(kernel).toEqual([...kernel].sort());
  });

  test('documents of another node, and those that would be refused', async () => {
    await running();
    next.put('next.yaml', all(main(), speakerDocument({}, 'node-b')));
    await expect(compare([next.path], { control: site.control })).rejects.toThrow('the daemon is node node-a');
    next.put('next.yaml', poolDocument('bad', ['nonsense']));
    const refused = await waypost(['plan', next.path, ...control()]);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('would be refused:') });
  });
});
