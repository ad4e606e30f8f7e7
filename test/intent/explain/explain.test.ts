/** From documents to the chain of decisions: what decides, in which line of which file, and what would change it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readDocuments } from '../../../src/daemon/documents.ts';
import { factsOf, outlookOf } from '../../../src/daemon/outlook.ts';
import type { Explanation, Step } from '../../../src/intent/explain/chain.ts';
import { explain } from '../../../src/intent/explain/explain.ts';
import { subjectOf } from '../../../src/intent/explain/subject.ts';
import { reasons } from '../../../src/intent/reason.ts';
import { Folder } from '../../support/daemon.ts';

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder.dispose());

/** Documents as a person writes them: one file, so that lines can be counted. */
async function ask(subject: string, documents: string): Promise<Explanation> {
  folder.put('all.yaml', documents);
  const { configuration, diagnostics } = await readDocuments([folder.path], 'node-a');
  if (configuration === undefined) throw new Error(JSON.stringify(diagnostics));
  return explain(subjectOf(subject), factsOf(await outlookOf(configuration)));
}

const deciding = ({ chains }: Explanation): Step[] => chains.flatMap((c) => c.steps).filter((s) => s.answer === 'no');
const place = (step: Step | undefined): string[] => (step?.sources ?? []).map((s) => `${s.kind}/${s.name}:${s.line}`);

const base = `apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: router}
spec:
  myASN: 64512
  peerASN: 64513
  peerAddress: 192.0.2.1
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: public}
spec:
  addresses: [203.0.113.0/30]
`;
const advertisement = (spec = '{}') => `---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: public}
spec: ${spec}
`;
const service = (spec = 'type: LoadBalancer', metadata = '') => `---
apiVersion: v1
kind: Service
metadata: {name: web${metadata}}
spec:
  ports: [{port: 80}]
  ${spec}
`;
const slice = (node: string) => `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [10.0.0.1], nodeName: ${node}, conditions: {ready: true}}]
`;

test('an announced Service: every test that it passed, in order, each with its document', async () => {
  const found = await ask('default/web', base + advertisement() + service());
  expect(found).toMatchObject({ subject: 'default/web', type: 'service' });
  expect(found.answer).toBe('Service default/web: BGP: 203.0.113.0/32 to be announced to router');
  expect(found.chains.map(({ title, ok, reason }) => [title, ok, reason])).toEqual([
    ['Address', true, null],
    ['BGP', true, null],
  ]);
  const steps = found.chains.flatMap((c) => c.steps);
  expect(steps.every((s) => s.answer === 'yes')).toBe(true);
  expect(steps.map((s) => [s.question, ...place(s)])).toEqual([
    ['Is it of type LoadBalancer?', 'Service/web:20'],
    ['Does it have an address?'],
    ['Does one pool contain its addresses?', 'IPAddressPool/public:9'],
    ['Does a BGPAdvertisement of the pool select this node?', 'BGPAdvertisement/public:15'],
    ['Does such an advertisement select the Service?'],
    ['Is the node in use?'],
    ['Is there a usable endpoint?'],
    ['Is 203.0.113.0/32 advertised to router?', 'BGPAdvertisement/public:15'],
  ]);
});

describe('what decides against a Service', () => {
  const cases: [string, string, string, ...string[]][] = [
    ['the type', base + advertisement() + service('type: ClusterIP'), 'notLoadBalancer', 'Service/web:25'],
    [
      'the class',
      base +
        advertisement() +
        service('{type: LoadBalancer, loadBalancerClass: other}'.replace(/[{}]/g, '').replace(', ', '\n  ')),
      'loadBalancerClassMismatch',
      'Service/web:26',
    ],
    ['no advertisement', base + service(), 'notOwner', 'IPAddressPool/public:9'],
    [
      'another node',
      `${base}${advertisement('{nodeSelectors: [{matchLabels: {rack: b}}]}')}---\napiVersion: v1\nkind: Node\nmetadata: {name: node-b, labels: {rack: b}}\n${service()}`,
      'notOwner',
      'IPAddressPool/public:9',
      'BGPAdvertisement/public:18',
    ],
    [
      'an endpoint elsewhere',
      base + advertisement() + service('externalTrafficPolicy: Local\n  type: LoadBalancer') + slice('node-b'),
      'noLocalEndpoints',
      'Service/web:25',
      'EndpointSlice/web-1:28',
    ],
    [
      'the peers of the advertisement',
      `${base}${advertisement('{peers: [other]}')}${service()}---\napiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: other}\nspec: {myASN: 64512, peerASN: 64513, peerAddress: 192.0.2.9, nodeSelectors: [{matchLabels: {rack: b}}]}\n`,
      'peerNotSelected',
      'BGPAdvertisement/public:18',
    ],
  ];
  test.each(cases)('%s', async (_, documents, reason, ...sources) => {
    const found = await ask('web', documents);
    const [step] = deciding(found);
    expect(step).toMatchObject({ reason, question: expect.stringMatching(/\?$/) });
    expect(place(step)).toEqual(sources);
    const chain = found.chains.find((c) => !c.ok)!;
    expect(chain).toMatchObject({ reason, ...reasons[reason as keyof typeof reasons] });
    expect(chain.steps.at(-1)).toBe(step);
    expect(found.answer).toContain(reason === 'peerNotSelected' ? 'to nobody' : reason);
  });
});

describe('a Service that gets no address', () => {
  test('asks for one outside every pool: the annotation, and what the pools have', async () => {
    const lost = service('type: LoadBalancer', ', annotations: {metallb.io/loadBalancerIPs: 198.51.100.9}');
    const found = await ask('default/web', base + advertisement() + lost);
    expect(found.answer).toBe('Service default/web: Address: not announced: addressNotInPool');
    const [none, why] = deciding(found);
    expect(none).toMatchObject({ reason: 'noIPAllocated' });
    expect(why).toMatchObject({ reason: 'addressNotInPool', detail: 'no pool contains 198.51.100.9' });
    expect(place(why)).toEqual(['Service/web:22']);
    const [pool] = found.chains[0]!.steps.filter((s) => s.answer === 'note');
    expect(pool).toMatchObject({ detail: '203.0.113.0/30; 0 of 4 IPv4 addresses in use' });
    expect(found.chains[0]!.remedy).toBe(reasons.addressNotInPool.remedy);
    // The address itself leads to the Service that asks for it.
    expect((await ask('198.51.100.9', base + advertisement() + lost)).answer).toContain('addressNotInPool');
  });

  test('its status names one outside every pool', async () => {
    const stray = `${service()}status: {loadBalancer: {ingress: [{ip: 198.51.100.9}]}}\n`;
    const found = await ask('default/web', base + advertisement() + stray);
    expect(deciding(found)).toMatchObject([{ reason: 'ipNotAllowed', detail: 'no pool contains 198.51.100.9' }]);
    expect(place(deciding(found)[0])).toEqual(['Service/web:26']);
  });

  test('finds every pool full, closed, or waiting to be asked', async () => {
    const more = ['a', 'b', 'c', 'd'].map((n) => service().replace('name: web', `name: ${n}`)).join('');
    const pools = `---\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: manual}\nspec: {addresses: [203.0.113.64/30], autoAssign: false}\n---\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: closed}\nspec: {addresses: [203.0.113.128/30], serviceAllocation: {namespaces: [other]}}\n`;
    const found = await ask('default/web', base + pools + advertisement() + more + service());
    expect(found.chains[0]!.reason).toBe('poolExhausted');
    expect(found.chains[0]!.steps.filter((s) => s.answer === 'note').map((s) => s.detail)).toEqual([
      '203.0.113.0/30; 4 of 4 IPv4 addresses in use',
      expect.stringContaining('autoAssign is off'),
      expect.stringContaining('does not admit the Service'),
    ]);
  });
});

describe('an address', () => {
  test('of a Service is explained by it', async () => {
    const found = await ask('203.0.113.0', base + advertisement() + service());
    expect(found.answer).toBe('203.0.113.0: of Service default/web: BGP: 203.0.113.0/32 to be announced to router');
    expect(found.chains.map((c) => c.title)).toEqual(['Service default/web: Address', 'Service default/web: BGP']);
  });

  test('of nobody: in a pool that is advertised, in one that is not, in none', async () => {
    const spare = await ask('203.0.113.2', base + advertisement());
    expect(spare.chains).toMatchObject([{ reason: 'addressUnused', verdict: 'in pool public, held by no Service' }]);
    const silent = await ask('203.0.113.2', base);
    expect(silent.chains).toMatchObject([{ reason: 'poolNotAdvertised' }]);
    expect(silent.answer).toContain('advertised by nobody');
    const foreign = await ask('2001:db8::1', base + advertisement());
    expect(foreign.chains).toMatchObject([{ reason: 'addressInNoPool' }]);
  });

  test('of a peer', async () => {
    expect((await ask('192.0.2.1', base)).chains.map((c) => c.title)).toEqual([
      'Peer router: Session',
      'Peer router: Routes',
    ]);
  });
});

describe('a prefix', () => {
  test('that is announced, and who makes it', async () => {
    const found = await ask('203.0.113.0/30', base + advertisement('{aggregationLength: 30}') + service());
    expect(found.answer).toBe('203.0.113.0/30: to be announced to router');
    expect(found.chains[0]!.steps[0]).toMatchObject({ detail: 'default/web', answer: 'yes' });
  });

  test('that is not: what is announced inside it', async () => {
    const found = await ask('203.0.113.0/24', base + advertisement() + service());
    expect(deciding(found)).toMatchObject([{ reason: 'notContributed' }]);
    expect(found.chains[0]!.steps.at(-1)).toMatchObject({ detail: '203.0.113.0/32' });
  });
});

describe('a peer', () => {
  test('that does not run here', async () => {
    const elsewhere = `${base.replace('  peerAddress', '  nodeSelectors:\n  - matchLabels: {rack: b}\n  peerAddress')}${advertisement()}${service()}`;
    const found = await ask('router', elsewhere);
    expect(found).toMatchObject({ type: 'peer', answer: 'Peer router: none: nodeNotSelected' });
    expect(place(deciding(found)[0])).toEqual(['BGPPeer/router:7']);
    // Nobody is left to be told.
    const web = await ask('web', elsewhere);
    expect(web.chains.at(-1)).toMatchObject({ ok: false, reason: 'nodeNotSelected' });
  });

  test('no peer at all', async () => {
    const [, rest] = base.split('---\n');
    const found = await ask('web', rest! + advertisement() + service());
    expect(found.chains.at(-1)).toMatchObject({ ok: false, reason: 'noPeer' });
  });
});

test.each([
  ['routr', 'there is no peer or Service routr: did you mean "router"?'],
  ['default/wbe', 'there is no Service default/wbe: did you mean "default/web"?'],
  ['frobnicate', 'there is no peer or Service frobnicate: peers here: router'],
])('%s is unknown', async (subject, message) => {
  await expect(ask(subject, base + service())).rejects.toThrow(message);
});

test('layer 2: who is chosen, and who is not and why', async () => {
  const l2 = '---\napiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: public}\n';
  const node = '---\napiVersion: v1\nkind: Node\nmetadata: {name: node-b}\n';
  const local = service('externalTrafficPolicy: Local\n  type: LoadBalancer');
  const found = await ask('web', base + l2 + node + local + slice('node-b'));
  const layer2 = found.chains.find((c) => c.title === 'Layer 2')!;
  expect(layer2).toMatchObject({ ok: true, verdict: 'node node-b answers', reason: 'notOwner' });
  expect(layer2.steps.at(-1)).toMatchObject({
    question: 'Is this node chosen to answer?',
    answer: 'no',
    detail: 'node node-b announces it; node node-a is no candidate: noLocalEndpoints',
  });
  const chosen = await ask('web', base + l2 + node + local + slice('node-a'));
  expect(chosen.chains.find((c) => c.title === 'Layer 2')).toMatchObject({ ok: true, reason: null });
});

test('a Service that is not decided yet', async () => {
  folder.put('all.yaml', base + service());
  const { configuration } = await readDocuments([folder.path], 'node-a');
  const facts = { ...factsOf(await outlookOf(configuration!)), decisions: new Map(), inputOf: () => undefined };
  expect(explain(subjectOf('default/web'), facts).answer).toBe(
    'Service default/web: Address: it is decided in a moment',
  );
});

test('an address that no interface can answer for: what is the matter with each', async () => {
  const link = `---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: link}
spec: {interfaces: [none0, eth9]}
`;
  folder.put('all.yaml', base + link + service());
  const { configuration } = await readDocuments([folder.path], 'node-a');
  const lacking = [
    ['eth9', 'down'],
    ['none0', 'absent'],
  ] as const;
  const live = {
    ...{ sessions: [], received: [], installed: [] },
    answering: () => ({ interfaces: [], reason: 'announceFailed' as const, lacking }),
  };
  const { chains } = explain(subjectOf('web'), { ...factsOf(await outlookOf(configuration!)), live });
  expect(chains.at(-1)).toMatchObject({ title: 'Layer 2', ok: false, reason: 'announceFailed' });
  expect(chains.at(-1)!.steps.at(-1)!.detail).toBe('wanted on eth9, none0: eth9 down, none0 absent');
});

test('an address that a learned route leads to is not said to lack a pool, unless that is a default route', async () => {
  folder.put('all.yaml', base + service());
  const { configuration } = await readDocuments([folder.path], 'node-a');
  const facts = factsOf(await outlookOf(configuration!));
  const asked = (prefix: string, best: boolean) => {
    const more = { vrf: '', nextHop: '192.0.2.1', asPath: [64513], stale: false };
    const received = [{ peer: 'router', prefix, best, accepted: best, reason: best ? null : 'notAllowed', ...more }];
    const answering = () => ({ interfaces: [], reason: null, lacking: [] });
    const { answer, chains } = explain(subjectOf('10.1.0.9'), {
      ...facts,
      live: { sessions: [], received, installed: [], answering },
    });
    return [answer, ...chains.map(({ title }) => title)];
  };
  expect(asked('10.1.0.0/16', true)).toEqual([
    '10.1.0.9: received 10.1.0.0/16: used from router',
    'Received 10.1.0.0/16',
  ]);
  expect(asked('0.0.0.0/0', true)).toEqual(['10.1.0.9: in no pool', 'Address', 'Received 0.0.0.0/0']);
  expect(asked('10.1.0.0/16', false)).toEqual(['10.1.0.9: in no pool', 'Address', 'Received 10.1.0.0/16']);
});
