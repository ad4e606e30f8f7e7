/** Which node carries an EgressService, and what follows for advertisements. */
import { describe, expect, it } from 'vitest';
import type { Hearing } from '../../src/config/membership.ts';
import type { Configuration } from '../../src/config/model.ts';
import { anySelects } from '../../src/config/selector.ts';
import { accepted, told } from '../support/config.ts';

const egress = (more: { spec?: string; status?: string } = {}): string => `
apiVersion: k8s.ovn.org/v1
kind: EgressService
metadata: {name: web, namespace: test}
spec: {sourceIPBy: LoadBalancerIP${more.spec ?? ''}}
${more.status ?? ''}
`;
const service = (more = ''): string => `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: test}
spec: {type: LoadBalancer, ports: [{port: 80}]${more}}
`;
const node = (name: string, labels = '', conditions = ''): string => `
apiVersion: v1
kind: Node
metadata: {name: ${name}, labels: {vrf: "true"${labels}}}
status: {conditions: [${conditions}]}
`;
const slice = (...endpoints: readonly (readonly [node: string, ready: boolean])[]): string => `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-x, namespace: test, labels: {kubernetes.io/service-name: web}}
endpoints: [${endpoints.map(([name, ready]) => `{addresses: [10.244.0.5], nodeName: ${name}, conditions: {ready: ${ready}}}`)}]
`;
const all = (...documents: readonly string[]): string => documents.join('---');
const three = ['node-a', 'node-b', 'node-c'];
const nodes = three.map((name) => node(name));
const hostOf = async (text: string, own = 'node-a') => (await accepted(text, own)).egress.get('test/web');

describe('the node that carries an EgressService', () => {
  it('is the same in the eyes of every node', async () => {
    const hosts = await Promise.all(three.map((own) => hostOf(all(egress(), service(), ...nodes), own)));
    expect(three).toContain(hosts[0]!.host);
    expect(new Set(hosts.map((egress) => egress!.host)).size).toBe(1);
  });

  it('does not change when another node goes', async () => {
    const { host } = (await hostOf(all(egress(), service(), ...nodes)))!;
    for (const gone of three.filter((name) => name !== host)) {
      const left = three.filter((name) => name !== gone);
      expect((await hostOf(all(egress(), service(), ...left.map((name) => node(name))), left[0]))!.host).toBe(host);
    }
  });

  it('is spread over the nodes by Service', async () => {
    const names = [...Array(40).keys()].map((i) => `web${i}`);
    const texts = names.flatMap((name) => [
      egress().replace('name: web', `name: ${name}`),
      service().replace('name: web', `name: ${name}`),
    ]);
    const { egress: found } = await accepted(all(...nodes, ...texts), 'node-a');
    const counts = three.map((name) => [...found.values()].filter(({ host }) => host === name).length);
    expect(Math.min(...counts)).toBeGreaterThan(5);
  });

  it('is one that the selector selects', async () => {
    const selector = ', nodeSelector: {matchLabels: {zone: east}}';
    const text = all(
      egress({ spec: selector }),
      service(),
      node('node-a'),
      node('node-b', ', zone: east'),
      node('node-c'),
    );
    expect((await hostOf(text))!.host).toBe('node-b');
  });

  it('has the label for advertisements, and nobody else has', async () => {
    const label = {
      requirements: [{ key: 'egress-service.k8s.ovn.org/test-web', operator: 'Exists', values: [] }],
    } as const;
    const selector = ', nodeSelector: {matchLabels: {kubernetes.io/hostname: node-b}}';
    const text = all(egress({ spec: selector }), service(), ...nodes);
    const labelled = (config: Configuration) => ({
      own: anySelects([label], config.speaker.labels),
      nodes: [...config.nodes.values()].filter(({ labels }) => anySelects([label], labels)).map(({ name }) => name),
    });
    expect(labelled(await accepted(text, 'node-a'))).toEqual({ own: false, nodes: ['node-b'] });
    expect(labelled(await accepted(text, 'node-b'))).toEqual({ own: true, nodes: ['node-b'] });
  });

  it('is the one in the status, or the one that has the label already', async () => {
    const status = 'status: {host: node-c}';
    expect((await hostOf(all(egress({ status }), service(), ...nodes)))!.host).toBe('node-c');
    const marked = node('node-b', ', egress-service.k8s.ovn.org/test-web: ""');
    expect((await hostOf(all(egress(), service(), node('node-a'), marked, node('node-c'))))!.host).toBe('node-b');
  });

  it.each(['False', 'Unknown'])('is none whose condition Ready is %s', async (ready) => {
    const text = all(
      egress(),
      service(),
      node('node-a', '', `{type: Ready, status: "${ready}"}`),
      node('node-b', '', '{type: Ready, status: "True"}'),
      node('node-c', '', `{type: Ready, status: "${ready}"}`),
    );
    expect((await hostOf(text))!.host).toBe('node-b');
  });

  it('is none that has no network, or is being drained', async () => {
    const broken = '{type: NetworkUnavailable, status: "True"}';
    const text = all(
      egress(),
      service(),
      node('node-a', '', broken),
      node('node-b', ', waypost.dev/drain: ""'),
      node('node-c'),
    );
    expect((await hostOf(text))!.host).toBe('node-c');
  });

  it('is one that is being drained where no other could serve the Service', async () => {
    const local = service(', externalTrafficPolicy: Local');
    const drained = [node('node-a'), node('node-b', ', waypost.dev/drain: ""'), node('node-c')];
    const on = async (...where: readonly (readonly [string, boolean])[]) =>
      hostOf(all(egress(), local, slice(...where), ...drained));
    expect(await on(['node-b', true], ['node-c', true])).toMatchObject({ host: 'node-c' });
    expect(await on(['node-b', true], ['node-c', false])).toMatchObject({ host: 'node-b' });
  });

  it('holds an endpoint under the Local policy', async () => {
    const local = service(', externalTrafficPolicy: Local');
    const slices = slice(['node-b', true], ['node-c', false]);
    expect((await hostOf(all(egress(), local, slices, ...nodes)))!.host).toBe('node-b');
  });

  it('is nobody where no endpoint is ready', async () => {
    expect(await hostOf(all(egress(), service(), slice(['node-b', false]), ...nodes))).toMatchObject({
      host: '',
      reason: 'noEndpoints',
    });
  });

  it('is every node when sources are by network', async () => {
    const text = all(egress({ spec: ', network: blue' }).replace('LoadBalancerIP', 'Network'), service(), ...nodes);
    const config = await accepted(text, 'node-a');
    expect(config.egress.get('test/web')).toMatchObject({ host: 'ALL', document: { network: 'blue' } });
    expect(Object.keys(config.speaker.labels).join()).not.toMatch(/egress-service/);
  });
});

describe('the node that carries an EgressService, where BFD watches the members,', () => {
  const addresses = '{node-a: 192.0.2.1, node-b: 192.0.2.2, node-c: 192.0.2.3}';
  const speaker = (name: string, membership = `{type: bfd, addresses: ${addresses}}`): string => `
apiVersion: waypost.dev/v1
kind: Speaker
metadata: {name: ${name}}
spec: {membership: ${membership}}
`;
  const hears = (...silent: readonly string[]): Hearing => ({ silent: new Set(silent), aside: false });
  const aside: Hearing = { silent: new Set(), aside: true };
  const host = async (own: string, hearing: Hearing | undefined, ...more: readonly string[]) =>
    (await accepted(all(egress(), service(), speaker(own), ...more), own, hearing)).egress.get('test/web');

  it('is another when it falls silent, in the eyes of all that hear each other, and is it again afterwards', async () => {
    // By `hashText` over node#service: b a c. No document but the Speaker's names them.
    for (const own of ['node-a', 'node-c']) {
      expect(await host(own, hears())).toMatchObject({ host: 'node-b' });
      expect(await host(own, hears('node-b'))).toMatchObject({ host: 'node-a' });
      expect(await host(own, hears('node-c'))).toMatchObject({ host: 'node-b' });
    }
    expect(await host('node-c', hears('node-b', 'node-a'))).toMatchObject({ host: 'node-c' });
  });

  it('gets the label from the one that fell silent', async () => {
    const label = 'egress-service.k8s.ovn.org/test-web';
    const text = all(egress(), service(), speaker('node-a'), ...nodes);
    const labelled = async (hearing: Hearing) => {
      const { speaker, nodes } = await accepted(text, 'node-a', hearing);
      return [...nodes.values(), speaker].filter(({ labels }) => Object.hasOwn(labels, label)).map(({ name }) => name);
    };
    expect(await labelled(hears())).toEqual(['node-b']);
    expect(await labelled(hears('node-b'))).toEqual(['node-a', 'node-a']);
  });

  it('is not this one before it has heard of the others', async () => {
    expect(await host('node-b', hears())).toMatchObject({ host: 'node-b' });
    expect(await host('node-b', aside)).toMatchObject({ host: 'node-a' });
  });

  it('is this one at once where no other could be', async () => {
    const selector = egress({ spec: ', nodeSelector: {matchLabels: {zone: east}}' });
    const east = node('node-b', ', zone: east');
    const of = async (own: string, hearing: Hearing) =>
      (await accepted(all(selector, service(), speaker(own), east), own, hearing)).egress.get('test/web');
    expect(await of('node-b', aside)).toMatchObject({ host: 'node-b' });
    expect(await of('node-a', hears('node-b'))).toMatchObject({ host: '', reason: 'notAlive' });
  });

  it('stays where somebody has chosen it, who will move it', async () => {
    const chosen = all(egress({ status: 'status: {host: node-b}' }), service(), speaker('node-a'));
    expect((await accepted(chosen, 'node-a', hears('node-b'))).egress.get('test/web')).toMatchObject({
      host: 'node-b',
    });
    const marked = node('node-b', ', egress-service.k8s.ovn.org/test-web: ""');
    expect(await host('node-a', hears('node-b'), marked)).toMatchObject({ host: 'node-b' });
  });

  it('is what documents say where nobody is watched', async () => {
    const text = all(egress(), service(), speaker('node-a', '{nodes: [node-a, node-b]}'));
    expect((await accepted(text, 'node-a', hears('node-b'))).egress.get('test/web')).toMatchObject({ host: 'node-b' });
    expect((await accepted(text, 'node-a', aside)).egress.get('test/web')).toMatchObject({ host: 'node-b' });
  });
});

it('a node without a speaker carries no EgressService', async () => {
  const text = all(
    egress(),
    service(),
    '\napiVersion: waypost.dev/v1\nkind: Speaker\nmetadata: {name: node-a}\nspec: {membership: {nodes: [node-a, node-c]}}\n',
    ...nodes,
  );
  expect(await hostOf(text)).toMatchObject({ host: 'node-a' });
});

describe('an advertisement of a Service that one node carries', () => {
  const pool = `
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: pool}
spec: {addresses: [192.0.2.0/24]}
`;
  const advertisement = (spec: string): string => `
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: adv}
spec: {${spec}}
`;
  const text = (spec: string): string =>
    all(egress({ status: 'status: {host: node-b}' }), service(), pool, advertisement(spec), ...nodes);

  it('from other nodes too is told of, with the label that mends it', async () => {
    expect(await told(text('ipAddressPools: [pool]'), 'node-a')).toEqual([
      expect.stringMatching(
        /BGPAdvertisement\/adv: spec\.nodeSelectors: announces Service test\/web from node node-a too, and its replies leave by node node-b \(nodeSelectors: .*egress-service\.k8s\.ovn\.org\/test-web/,
      ),
    ]);
  });

  it('from that node alone draws no word', async () => {
    const selector = 'nodeSelectors: [{matchLabels: {egress-service.k8s.ovn.org/test-web: ""}}]';
    expect(await told(text(selector), 'node-a')).toEqual([]);
    expect(await told(text(selector), 'node-b')).toEqual([]);
  });

  it('that does not concern the Service draws no word', async () => {
    const other = 'serviceSelectors: [{matchLabels: {app: other}}]';
    expect(await told(text(other), 'node-a')).toEqual([]);
  });
});
