/**
 * What scripts and dashboards build on: every field of `show … --json` that is promised, its type, the order of rows, exit
 * statuses, and what is printed to whom. From a daemon with a session, BFD, layer 2, learned routes in the kernel and a VRF.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { Namespace } from '../support/netns.ts';
import { type Daemon, waitFor } from '../support/process.ts';
import { announcement, bgpPeer, type Document, Node, program, receiving } from './node.ts';
import { type Star, star } from './star.ts';

type Check = (value: unknown) => boolean;

const text: Check = (v) => typeof v === 'string';
const number: Check = (v) => typeof v === 'number' && Number.isFinite(v) && v >= 0;
const flag: Check = (v) => typeof v === 'boolean';
const object: Check = (v) => typeof v === 'object' && v !== null && !Array.isArray(v);
const list =
  (each: Check): Check =>
  (v) =>
    Array.isArray(v) && v.every(each);
const or =
  (...checks: readonly Check[]): Check =>
  (v) =>
    checks.some((check) => check(v));
const nothing: Check = (v) => v === null;
const like =
  (form: RegExp): Check =>
  (v) =>
    typeof v === 'string' && form.test(v);
const of =
  (...fields: readonly (readonly [string, Check])[]): Check =>
  (v) =>
    object(v) && fields.every(([name, check]) => check((v as Record<string, unknown>)[name]));

const prefix = like(/^(\d+\.){3}\d+\/\d+$|^[0-9a-f:]+\/\d+$/);
const community = like(/^\d+:\d+$/);
const largeCommunity = like(/^\d+:\d+:\d+$/);
const asPath = list(or(number, list(number)));
const origin = like(/^(igp|egp|incomplete)$/);
const state = like(/^(Idle|Connect|Active|OpenSent|OpenConfirm|Established)$/);
const time = like(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const diagnostic = of(
  ...([
    ['file', text],
    ['line', number],
    ['column', number],
    ['severity', like(/^(error|warning)$/)],
  ] as const),
  ...([
    ['subject', text],
    ['path', text],
    ['message', text],
  ] as const),
);

const shapes: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  peers: {
    name: text,
    address: text,
    port: number,
    vrf: text,
    interface: text,
    localAsn: number,
    peerAsn: number,
    state,
    uptimeSec: number,
    routerId: or(text, nothing),
    holdTimeSec: number,
    keepaliveSec: number,
    families: list(like(/^ipv[46]$/)),
    capabilities: of(['sent', list(text)], ['received', list(text)], ['negotiated', list(text)]),
    bfd: or(like(/^(Up|Down|Init|AdminDown)$/), nothing),
    gracefulRestart: or(object, nothing),
    messages: of(['sent', object], ['received', object]),
    prefixes: of(['advertised', number], ['received', number], ['accepted', number]),
    flaps: number,
    lastError: text,
    lastChange: or(time, nothing),
  },
  advertised: {
    peer: text,
    prefix,
    nextHop: text,
    origin,
    asPath,
    localPref: or(number, nothing),
    med: or(number, nothing),
    communities: list(community),
    largeCommunities: list(largeCommunity),
    from: list(like(/^[A-Za-z]+\/\S+$/)),
  },
  received: {
    peer: text,
    vrf: text,
    prefix,
    nextHop: text,
    origin,
    asPath,
    localPref: or(number, nothing),
    med: or(number, nothing),
    communities: list(community),
    largeCommunities: list(largeCommunity),
    accepted: flag,
    reason: or(text, nothing),
    best: flag,
    stale: flag,
  },
  routes: {
    table: number,
    vrf: text,
    prefix,
    metric: number,
    protocol: number,
    nexthops: list(of(['via', or(text, nothing)], ['dev', or(text, nothing)], ['weight', number])),
    state: text,
    error: or(text, nothing),
  },
  services: {
    service: like(/^[^/]+\/[^/]+$/),
    ips: list(text),
    pool: or(text, nothing),
    bgp: of(['announced', flag], ['reason', or(text, nothing)], ['peers', list(text)], ['prefixes', list(prefix)]),
    layer2: of(
      ['announced', flag],
      ['reason', or(text, nothing)],
      ['interfaces', list(text)],
      ['owner', or(text, nothing)],
    ),
  },
  l2: {
    ip: text,
    service: text,
    interfaces: list(text),
    announced: flag,
    reason: or(text, nothing),
    requests: number,
    replies: number,
    gratuitous: number,
    conflicts: number,
  },
  vrfs: { name: text, table: number, interfaces: list(text), managed: flag, rules: list(object), sysctls: object },
  bfd: {
    peer: text,
    vrf: text,
    state: like(/^(Up|Down|Init|AdminDown)$/),
    diag: text,
    localDiscr: number,
    remoteDiscr: number,
    txIntervalMs: number,
    rxIntervalMs: number,
    detectMs: number,
    flaps: number,
  },
  members: { name: text, self: flag },
  events: { seq: number, time, kind: text, subject: text, event: text, reason: or(text, nothing), detail: text },
};

const document = (kind: string, name: string, spec: object): Document => ({
  apiVersion: kind === 'NodeNetworkConfigurationPolicy' ? 'nmstate.io/v1' : 'metallb.io/v1beta1',
  kind,
  metadata: { name, namespace: 'metallb-system' },
  spec,
});

const SECRET = 'correct-horse-battery';
const URL = 'http://127.0.0.1:7472';

let s: Star<'peer'>;
let node: Node;
let neighbour: Daemon;
let recorded: () => string;
beforeAll(async () => {
  s = await star('contract', ['peer']);
  const { namespace, near, far } = s.spokes.peer;
  neighbour = namespace.spawn([
    ...[...program, 'peer', near.ipv4, '--local-as', '65002', '--peer-as', '65001', '--source', far.ipv4],
    ...['--passive', '--listen', `${far.ipv4}:1790`, '--announce', '203.0.113.0/24', '--announce', '203.0.112.0/24'],
    ...['--community', '65535:65282', '--large-community', '1:2:3', '--med', '7', '--json', '--password', SECRET],
  ]);
  node = new Node(s.middle, { http: '127.0.0.1:7472' });
  node.speaker();
  node.write(
    'all',
    bgpPeer('router', { myASN: 65001, peerASN: 65002, peerAddress: far.ipv4, bfdProfile: 'slow', password: SECRET }),
    document('BFDProfile', 'slow', { receiveInterval: 1000, transmitInterval: 1000 }),
    receiving(65001, [{ asn: 65002, address: far.ipv4 }]),
    ...announcement('198.51.100.0/24', { communities: ['65001:7'] }),
    ...announcement('198.51.99.0/24'),
    document('L2Advertisement', 'all', {}),
    document('NodeNetworkConfigurationPolicy', 'red', {
      desiredState: {
        interfaces: [{ name: 'red', type: 'vrf', state: 'up', vrf: { port: [], 'route-table-id': 1100 } }],
      },
    }),
  );
  const record = `${s.middle.folder('record')}/sessions.jsonl`;
  recorded = () => readFileSync(record, 'utf8');
  await node.start([], ['--record', record]);
  await waitFor('the session', () => node.established('router'), { log: () => node.log() + neighbour.output });
});
afterAll(async () => {
  await node?.end();
  await neighbour?.stop();
  await s?.close();
});

const show = async (what: string, ...more: readonly string[]): Promise<Record<string, unknown>[]> => {
  const { code, stdout, stderr } = await node.command('show', what, '--json', ...more);
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Record<string, unknown>[];
};

test.each(Object.keys(shapes))('show %s', async (what) => {
  const rows = await waitFor(
    `rows of ${what}`,
    async () => {
      const found = await show(what);
      return found.length > 0 && found;
    },
    { log: () => node.log() },
  );
  for (const row of rows) {
    for (const [field, check] of Object.entries(shapes[what]!))
      expect(check(row[field]), `${what}: ${field}: ${JSON.stringify(row[field])}`).toBe(true);
    // Others may stand between them.
    const promised = Object.keys(shapes[what]!);
    expect(Object.keys(row).filter((field) => promised.includes(field))).toEqual(promised);
  }
});

/** Fields by what is shown, as the manual has them; `always` where no row goes without. */
const documented = new Map(
  readFileSync('docs/json.md', 'utf8')
    .split(/^## /m)
    .slice(1)
    .map((section) => [
      /^show (\w+)/.exec(section)?.[1],
      [...section.matchAll(/^\| (`[^|\n]+`) \|[^|\n]*\| ?(.*)\|$/gm)].flatMap(([, names, meaning]) =>
        [...names!.matchAll(/`(\w+)`/g)].map(([, name]) => ({ name: name!, always: !meaning!.startsWith('only ') })),
      ),
    ]),
);

test.each([...Object.keys(shapes), 'config'])('the manual has the fields of show %s, and no others', async (what) => {
  const fields = documented.get(what) ?? [];
  const always = fields.filter((field) => field.always).map(({ name }) => name);
  const found = await show(what);
  const rows = Array.isArray(found) ? found : [found as Record<string, unknown>];
  expect(rows.length).toBeGreaterThan(0);
  for (const row of rows) {
    expect(Object.keys(row).filter((name) => !fields.some((field) => field.name === name))).toEqual([]);
    expect(always.filter((name) => !(name in row))).toEqual([]);
  }
});

test('values are as they are promised: prefixes, paths, communities, next hops', async () => {
  const routes = await waitFor(
    'both routes',
    async () => {
      const found = await show('received');
      return found.length === 2 && found.every(({ best }) => best) && found;
    },
    { log: () => node.log() },
  );
  expect(routes[0]).toMatchObject({
    peer: 'router',
    vrf: '',
    prefix: '203.0.112.0/24',
    nextHop: s.spokes.peer.far.ipv4,
    asPath: [65002],
    med: 7,
    communities: ['65535:65282'],
    largeCommunities: ['1:2:3'],
    accepted: true,
    reason: null,
  });
  expect(await show('advertised')).toEqual([
    expect.objectContaining({
      prefix: '198.51.99.0/24',
      nextHop: s.spokes.peer.near.ipv4,
      asPath: [65001],
      localPref: null,
    }),
    expect.objectContaining({ prefix: '198.51.100.0/24', communities: ['65001:7'], from: [expect.any(String)] }),
  ]);
  const [route] = await waitFor('routes in the kernel', async () => {
    const found = await show('routes', '--prefix', '203.0.112.0/24');
    return found[0]?.state === 'installed' && found;
  });
  expect(route).toMatchObject({
    table: 254,
    vrf: '',
    protocol: 186,
    metric: 20,
    nexthops: [{ via: s.spokes.peer.far.ipv4, dev: 'eth0', weight: 1 }],
    error: null,
  });
});

test('rows stand in the order of their keys', async () => {
  const keys: Readonly<Record<string, (row: Record<string, unknown>) => unknown>> = {
    peers: (row) => row.name,
    services: (row) => row.service,
    vrfs: (row) => row.name,
    members: (row) => row.name,
    events: (row) => String(row.seq).padStart(9, '0'),
  };
  for (const [what, key] of Object.entries(keys)) {
    const found = (await show(what)).map(key);
    expect(found, what).toEqual([...found].sort());
  }
  // Addresses and prefixes as numbers, not as text.
  const prefixes = ['198.51.99.0/24', '198.51.100.0/24'];
  expect((await show('advertised')).map((row) => row.prefix)).toEqual(prefixes);
  expect((await show('l2')).map((row) => row.ip)).toEqual(['198.51.99.0', '198.51.100.0']);
});

test('show config', async () => {
  const { stdout } = await node.command('show', 'config', '--json');
  const config = JSON.parse(stdout) as Record<string, unknown>;
  const shape: Readonly<Record<string, Check>> = {
    files: list(like(/^\/.*\.yaml$/)),
    loadedAt: time,
    valid: flag,
    errors: list(diagnostic),
    warnings: list(diagnostic),
    documents: list(of(['kind', text], ['namespace', text], ['name', text], ['file', text], ['line', number])),
  };
  for (const [field, check] of Object.entries(shape)) expect(check(config[field]), field).toBe(true);
  expect(config.documents).toContainEqual(expect.objectContaining({ kind: 'BGPPeer', name: 'router' }));
});

test('status documents of MetalLB and frr-k8s: both protocols, and a path that BFD watches', async () => {
  const documents = async (what: string) =>
    parseAllDocuments((await node.command('show', what, '-o', 'yaml')).stdout).map((each) => each.toJS() as Document);
  const kinds = await waitFor(
    'both protocols',
    async () => {
      const found = await documents('services');
      return found.length === 4 && found;
    },
    { log: () => node.log() },
  );
  const [first] = await show('services');
  const [serviceNamespace, serviceName] = String(first!.service).split('/');
  const status = { node: 'node-a', serviceName, serviceNamespace };
  expect(kinds.slice(0, 2)).toEqual([
    expect.objectContaining({ kind: 'ServiceL2Status', status }),
    expect.objectContaining({ kind: 'ServiceBGPStatus', status: { ...status, peers: ['router'] } }),
  ]);
  expect(await documents('peers')).toEqual([
    expect.objectContaining({
      kind: 'BGPSessionState',
      status: { node: 'node-a', peer: s.spokes.peer.far.ipv4, vrf: '', bgpStatus: 'Established', bfdStatus: 'Down' },
    }),
  ]);
});

test('a password is told to nobody', async () => {
  const outputs = [node.log(), neighbour.output, recorded()];
  for (const words of [
    ...[...Object.keys(shapes), 'config'].flatMap((what) => [[what], [what, '--json']]).map((w) => ['show', ...w]),
    ...['peers', 'services', 'config'].map((what) => ['show', what, '-o', 'yaml']),
    ...[['explain', 'router'], ['explain', 'router', '--json'], ['plan', node.documents], ['reload']],
    ['plan', '--alone', node.documents],
    ['plan', '--alone', '--json', node.documents],
  ]) {
    const { code, stdout, stderr } = await node.command(...words);
    expect([...words, code]).toEqual([...words, 0]);
    outputs.push(stdout, stderr);
  }
  for (const path of ['/', '/metrics']) outputs.push(await s.middle.run(['curl', '-s', `${URL}${path}`]));
  expect(outputs.filter((output) => output.length > 10).length).toBeGreaterThan(30);
  expect(outputs.filter((output) => output.includes(SECRET))).toEqual([]);
});

test('the demo on a machine that has no IPv6, as many containers, and beside a daemon, whose routes stay', async () => {
  const bare = await Namespace.create('demo');
  try {
    await bare.run(['sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6']);
    expect(await bare.run(['ip', '-6', 'address'])).toBe('');
    const theirs = ['203.0.113.0/24', 'dev', 'lo', 'proto', '186', 'metric', '20'];
    await bare.run(['ip', 'route', 'add', ...theirs]);
    const { code, stdout, stderr } = await bare.outcome([...program, 'demo']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('one Service: the router knows 4 routes');
    expect(await bare.run(['ip', 'route', 'show', 'proto', '186'])).toMatch(/^203\.0\.113\.0\/24 /);
  } finally {
    await bare.close();
  }
});
