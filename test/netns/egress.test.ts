/**
 * EgressServices with real traffic. A node has a pod behind it and two networks before it, `main` and `red`, in each of
 * which a client has the same address. Who answers the pod tells by which network its packets left, and what it answers,
 * under which address they came.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServiceRow } from '../../src/daemon/views.ts';
import type { Walk } from '../../src/daemon/walk.ts';
import { link, Namespace } from '../support/netns.ts';
import { type Daemon, run, waitFor } from '../support/process.ts';

const program = fileURLToPath(new URL('../../bin/waypost', import.meta.url));
const helper = (name: string) => fileURLToPath(new URL(`../support/${name}.mjs`, import.meta.url));
const PORT = 8000;

const client = { 4: '10.99.0.9', 6: 'fd99::9' } as const;
const pod = { 4: '10.244.0.5', 6: 'fd00:244::5' } as const;
const vip = { 4: '203.0.113.10', 6: '2001:db8:113::10' } as const;
const families = [4, 6] as const;

const service = `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, clusterIPs: [172.30.5.5, "fd00:172::5"], ports: [{port: 80}]}
status: {loadBalancer: {ingress: [{ip: ${vip[4]}}, {ip: "${vip[6]}"}]}}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: pool}
spec: {addresses: [203.0.113.0/24, "2001:db8:113::/120"]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-4, labels: {kubernetes.io/service-name: web}}
endpoints: [{addresses: [${pod[4]}], nodeName: node-a}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-6, labels: {kubernetes.io/service-name: web}}
endpoints: [{addresses: ["${pod[6]}"], nodeName: node-a}]
---`;
const egress = (spec: string) => `
apiVersion: k8s.ovn.org/v1
kind: EgressService
metadata: {name: web}
spec: {${spec}}
---`;
const both = egress('sourceIPBy: LoadBalancerIP, network: "2"');

/** Announced to a peer in the network, which need not answer for that. */
const announced = `${service}
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: red}
spec: {myASN: 64512, peerASN: 64513, peerAddress: 192.168.1.2, dualStackAddressFamily: true}
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: red}
spec: {peers: [red]}
---`;

let [node, podHost, main, red]: Namespace[] = [];
let daemon: Daemon;
let folder: string;

const ip = (where: Namespace, ...words: string[]): Promise<string> => where.run(['ip', ...words]);

beforeAll(async () => {
  [node, podHost, main, red] = await Promise.all(['node', 'pod', 'main', 'red'].map((name) => Namespace.create(name)));
  const [n, p] = [node!, podHost!];
  await link(
    { namespace: n, device: 'to-pod', addresses: ['10.244.0.1/24', 'fd00:244::1/64'] },
    { namespace: p, device: 'eth0', addresses: [`${pod[4]}/24`, `${pod[6]}/64`] },
  );
  for (const [i, [name, router]] of Object.entries({ main: main!, red: red! }).entries()) {
    await link(
      { namespace: n, device: `to-${name}`, addresses: [`192.168.${i}.1/24`, `fd00:168:${i}::1/64`] },
      { namespace: router, device: 'eth0', addresses: [`192.168.${i}.2/24`, `fd00:168:${i}::2/64`] },
    );
    for (const family of families)
      await ip(router, 'address', 'add', `${client[family]}/${family === 4 ? 32 : 128}`, 'dev', 'lo');
    await ip(router, 'route', 'add', 'default', 'via', `192.168.${i}.1`);
    await ip(router, '-6', 'route', 'add', 'default', 'via', `fd00:168:${i}::1`);
    await waitFor(`somebody listens in ${name}`, async () => (await listener(router, name)).stdout.includes('ready'));
  }
  await ip(p, 'route', 'add', 'default', 'via', '10.244.0.1');
  await ip(p, '-6', 'route', 'add', 'default', 'via', 'fd00:244::1');
  await n.run(['sh', '-c', 'for f in ipv4/conf/all ipv6/conf/all; do echo 1 >/proc/sys/net/$f/forwarding; done']);
  await n.run(['sh', '-c', 'for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$f; done']);
  for (const [table, i] of [
    ['main', 0],
    ['2', 1],
  ] as const) {
    await ip(n, 'route', 'add', 'default', 'via', `192.168.${i}.2`, 'table', table);
    await ip(n, '-6', 'route', 'add', 'default', 'via', `fd00:168:${i}::2`, 'table', table);
  }
  folder = n.folder('egress');
  put(service);
  daemon = n.spawn([
    'node',
    program,
    'run',
    '-c',
    folder,
    '--node',
    'node-a',
    '--control',
    join(folder, 'sock'),
    '--http',
    'off',
  ]);
  await until('the daemon is ready', () => daemon.output.includes('"ready"'));
}, 120_000);

const listeners = new Map<string, Daemon>();
async function listener(where: Namespace, name: string): Promise<Daemon> {
  const running = listeners.get(name) ?? where.spawn(['node', helper('whoami'), name, String(PORT)]);
  listeners.set(name, running);
  return running;
}

afterAll(async () => {
  await Promise.all([node, podHost, main, red].map((namespace) => namespace?.close()));
});

function put(documents: string): void {
  const speaker = `apiVersion: waypost.dev/v1\nkind: Speaker\nmetadata: {name: node-a}\nspec: {stateDir: ${folder}/state, drain: {wait: 0s}}\n---`;
  writeFileSync(join(folder, 'all.tmp'), speaker + documents);
  renameSync(join(folder, 'all.tmp'), join(folder, 'all.yaml'));
}

const until = <T>(what: string, probe: () => Promise<T | false> | T | false): Promise<T> =>
  waitFor(what, probe, { alive: () => daemon.running, log: () => daemon.output });

/** What the pod is told: in which network it was heard, and under which address. */
const heard = async (family: 4 | 6): Promise<string> =>
  (await podHost!.outcome(['node', helper('ask'), client[family], String(PORT), pod[family]])).stdout.trim();

const show = async (): Promise<ServiceRow> => {
  const rows: ServiceRow[] = JSON.parse(
    await run(['node', program, 'show', 'services', '--json', '--control', join(folder, 'sock')]),
  );
  return rows[0]!;
};
const active = (wanted: boolean) =>
  until(`egress is active: ${wanted}`, async () => ((await show()).egress?.active ?? false) === wanted);

const explain = ['node', program, 'explain'];
const explained = async (family: 4 | 6): Promise<Walk> =>
  JSON.parse(await run([...explain, client[family], 'to', vip[family], '--json', '--control', join(folder, 'sock')]));

/** Rules and packet filter of the node. */
const state = async (): Promise<string> =>
  (await Promise.all([ip(node!, 'rule'), ip(node!, '-6', 'rule'), node!.run(['nft', 'list', 'ruleset'])])).join(
    '---\n',
  );

describe('what a pod sends', () => {
  let before: string;

  it('leaves by the main table under its own address without an EgressService', async () => {
    before = await state();
    for (const family of families) expect(await heard(family)).toBe(`main ${pod[family]}`);
  });

  it("leaves by the network with the Service's address", async () => {
    put(service + both);
    await active(true);
    await until('source addresses are set', () => daemon.output.includes('egress: source addresses changed'));
    for (const family of families) expect(await heard(family)).toBe(`red ${vip[family]}`);
    expect(await ip(node!, 'rule')).toMatch(/^5000:\s+from 10\.244\.0\.5 lookup 2 proto 158/m);
    expect(await ip(node!, 'rule')).toMatch(/^5000:\s+from 172\.30\.5\.5 lookup 2 proto 158/m);
    expect(await ip(node!, '-6', 'rule')).toMatch(/^5000:\s+from fd00:244::5 lookup 2 proto 158/m);
  });

  it('leaves under its own address for what rules lead to the main table before', async () => {
    const ruleset = () => node!.run(['nft', 'list', 'ruleset']);
    const rules = (verb: string) =>
      Promise.all(
        families.map((family) =>
          ip(node!, `-${family}`, 'rule', verb, 'to', client[family], 'lookup', 'main', 'priority', '998'),
        ),
      );
    await rules('add');
    await until('the packet filter knows', async () => {
      const text = await ruleset();
      return [`${client[4]}/32`, `${client[6]}/128`].every((to) => text.includes(`inside ${to}`));
    });
    for (const family of families) expect(await heard(family)).toBe(`main ${pod[family]}`);
    await rules('del');
    await until('the packet filter has forgotten', async () => !(await ruleset()).includes('inside'));
    for (const family of families) expect(await heard(family)).toBe(`red ${vip[family]}`);
  });

  it('by the network with its own address, when sources are by network', async () => {
    put(service + egress('sourceIPBy: Network, network: "2"'));
    await until('the table is gone', async () => !(await node!.run(['nft', 'list', 'ruleset'])).includes('waypost'));
    for (const family of families) expect(await heard(family)).toBe(`red ${pod[family]}`);
  });

  it('replies of node ports under the Local policy by the network too', async () => {
    const local = service.replace(
      'ports: [{port: 80}]',
      'externalTrafficPolicy: Local, ports: [{port: 80, nodePort: 30080}]',
    );
    put(local + both);
    await until('the rule is there', async () => /169\.254\.169\.3 sport 30080 lookup 2/.test(await ip(node!, 'rule')));
    expect(await ip(node!, '-6', 'rule')).toMatch(/from fd69::3 sport 30080 lookup 2/);
    put(service + both);
    await until('and gone', async () => !/sport/.test(await ip(node!, 'rule')));
  });

  it('is put right again when somebody takes a rule away, and their own rules stay', async () => {
    await active(true);
    await until('source addresses are set', async () =>
      (await node!.run(['nft', 'list', 'ruleset'])).includes('waypost'),
    );
    await ip(node!, 'rule', 'add', 'from', '10.244.7.7', 'lookup', '2', 'priority', '5000');
    await ip(node!, 'rule', 'add', 'from', '10.244.8.8', 'lookup', '2', 'priority', '5000', 'protocol', '158');
    await ip(node!, 'rule', 'del', 'from', pod[4], 'priority', '5000');
    await until('the rule is back', async () => {
      const rules = await ip(node!, 'rule');
      return rules.includes(`from ${pod[4]}`) && !rules.includes('10.244.8.8');
    });
    expect(await ip(node!, 'rule')).toContain('from 10.244.7.7');
    await ip(node!, 'rule', 'del', 'from', '10.244.7.7', 'priority', '5000');
  });

  it('is explained: symmetric with the rules, and not without them, with the rule that turns it and a remedy', async () => {
    put(announced + both);
    await active(true);
    for (const family of families) {
      const walked = await explained(family);
      expect(walked).toMatchObject({ symmetric: true, service: 'default/web', address: vip[family] });
      expect(walked.ways[0]).toMatchObject({
        entry: { interface: 'to-red', by: 'peer red' },
        serves: pod[family],
        sourceAs: vip[family],
        request: { input: 'to-red', output: 'to-pod' },
        reply: { input: 'to-pod', output: 'to-red', decided: { priority: 5000 } },
        turn: null,
      });
    }
    put(announced);
    await active(false);
    for (const family of families) {
      const walked = await explained(family);
      expect(walked.symmetric).toBe(false);
      expect(walked.ways[0]!.turn).toMatchObject({
        where: 'reply',
        text: expect.stringMatching(
          /leaves by to-main via .*requests come in by to-red: rule 3276[67] \(from all lookup main\)/,
        ),
      });
    }
    // As in a VRF: what comes in by the network is looked up there first.
    await ip(node!, 'rule', 'add', 'iif', 'to-red', 'lookup', '2', 'priority', '1000');
    expect((await explained(4)).ways[0]!.turn).toMatchObject({
      where: 'request',
      text: expect.stringMatching(
        /goes to 10\.244\.0\.5 by to-red via 192\.168\.1\.2, .*rule 1000 \(from all iif to-red lookup 2\)/,
      ),
      remedy: expect.stringMatching(/to 10\.244\.0\.5 lookup main/),
    });
    await ip(node!, 'rule', 'add', 'to', '10.244.0.0/16', 'lookup', 'main', 'priority', '998');
    expect((await explained(4)).ways[0]!.turn).toMatchObject({ where: 'reply' });
    const text = await run([...explain, client[4], 'to', 'default/web', '--control', join(folder, 'sock')]);
    expect(text).toMatch(/^10\.99\.0\.9 to default\/web \(203\.0\.113\.10\): not symmetric\n/);
    expect(text).toMatch(/998: from all to 10\.244\.0\.0\/16 lookup main\n +out by to-pod, table main/);
    expect(text).toMatch(/turns +reply: the reply from 10\.244\.0\.5 leaves by to-main/);
    await ip(node!, 'rule', 'del', 'priority', '1000');
    await ip(node!, 'rule', 'del', 'priority', '998');
  });

  it('is not said to come in where a peer in a VRF that does not exist would be by the main table', async () => {
    put(announced.replace('dualStackAddressFamily: true', 'dualStackAddressFamily: true, vrf: nowhere'));
    await until('it is noted', async () =>
      (await explained(4)).notes.includes('peer red is not reached: no packets come from there'),
    );
    expect((await explained(4)).ways.map(({ entry }) => entry.by)).toEqual(['nothing']);
  });

  it('is left as it was when the document goes: rules and packet filter, word for word', async () => {
    put(service);
    await until('nothing is left', async () => (await state()) === before);
    for (const family of families) expect(await heard(family)).toBe(`main ${pod[family]}`);
  });

  it('is repaired by the next daemon after one was killed, and left alone by one that ends well', async () => {
    put(service + both);
    await until('all is set', async () => (await state()).includes(vip[6]) && (await state()).includes('proto 158'));
    await daemon.stop('SIGKILL');
    expect(await state()).not.toBe(before);
    put(service);
    const argv = [
      'node',
      program,
      'run',
      '-c',
      folder,
      '--node',
      'node-a',
      '--control',
      join(folder, 'sock'),
      '--http',
      'off',
    ];
    daemon = node!.spawn(argv);
    await until('what the last one left is gone', async () => (await state()) === before);
    put(service + both);
    await until('all is set', async () => (await state()).includes(vip[6]) && (await state()).includes('proto 158'));
    await daemon.stop('SIGTERM');
    expect(await state()).toBe(before);
  });
});
