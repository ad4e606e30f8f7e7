/** L2Advertisement, the interfaces that are left out, and what the Speaker says of layer 2. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/config/assemble.ts';
import { defaultExcluded } from '../../src/config/kinds/exclude.ts';
import { Loader } from '../../src/config/load.ts';
import { retain, sameGround } from '../../src/config/retain.ts';
import type { Speaker } from '../../src/config/speaker.ts';
import { accepted, configure, fixture, loadText, told } from '../support/config.ts';

describe('L2Advertisement', () => {
  it('without a spec selects every pool, node, Service and interface', async () => {
    const { configuration } = await configure(fixture('layer2.yaml'));
    expect(configuration!.layer2Advertisements[0]).toMatchObject({
      key: 'L2Advertisement//everything',
      pools: ['main'],
      nodeSelectors: [],
      serviceSelectors: [],
      interfaces: [],
      preferences: [],
    });
  });

  it('whole', async () => {
    const { configuration } = await configure(fixture('layer2.yaml'));
    const [key, values] = ['kubernetes.io/hostname', ['host']];
    expect(configuration!.layer2Advertisements[1]).toMatchObject({
      pools: ['main'],
      nodeSelectors: [{ requirements: [{ key, operator: 'In', values }] }],
      serviceSelectors: [{ requirements: [{ key: 'app', operator: 'In', values: ['web'] }] }],
      interfaces: ['eth0', 'eth1'],
      preferences: [
        { weight: 100, selector: { requirements: [{ key: 'rack', operator: 'In', values: ['r1'] }] } },
        { weight: 1, selector: { requirements: [] } },
      ],
    });
  });

  it('of the seeds', async () => {
    for (const [name, pool] of [
      ['seed-001-layer2.yaml', 'doc-example-l2'],
      ['seed-001-layer2-label.yaml', 'doc-example-l2-label'],
      ['seed-004-metallb.yaml', 'underlay-pool'],
    ] as const)
      expect((await accepted(fixture(name))).layer2Advertisements.map(({ pools }) => pools)).toEqual([[pool]]);
    // As published it is no YAML: its interfaces stand one column too far to the right.
    const text = fixture('seed-001-layer2-interfaces.yaml').replace(/\n {3}/g, '\n  ');
    const [only] = (await accepted(text)).layer2Advertisements;
    expect(only).toMatchObject({ pools: ['doc-example-l2'], interfaces: ['interfaceA', 'interfaceB'] });
  });

  it('stays the same object until it, or a pool that it selects, changes', async () => {
    const loader = new Loader();
    const load = async (text: string) =>
      assemble([await loadText(text, 'test.yaml', loader)], { hostname: 'host' }).configuration!;
    const text = fixture('seed-001-layer2-label.yaml');
    const first = await load(text);
    const second = retain(first, await load(`${text}---\n# more\n`));
    expect(second.layer2Advertisements[0]).toBe(first.layer2Advertisements[0]);
    expect(sameGround(first, second)).toBe(true);
    const moved = retain(first, await load(text.replace('zone: east', 'zone: west')));
    expect(moved.layer2Advertisements[0]).toMatchObject({ pools: [] });
    const other = retain(first, await load(text.replace('  - matchExpr', '  - matchLabels: {a: b}\n      matchExpr')));
    expect(sameGround(first, other)).toBe(false);
  });
});

describe('interfaces by a pattern', () => {
  const patterned = (pattern: string, spec = '') =>
    `apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: l2, annotations: {waypost.dev/interfaces: "${pattern}"}}\nspec: {${spec}}\n`;

  it('are beside those that are named', async () => {
    expect((await accepted(patterned('^ens'))).layer2Advertisements[0]!.interfaces).toEqual(['/^ens/']);
    const both = (await accepted(patterned('^ens', 'interfaces: [bond0]'))).layer2Advertisements[0]!;
    expect(both.interfaces).toEqual(['bond0', '/^ens/']);
  });

  it.each([
    ['(', 'not a regular expression: "("'],
    ['', 'is empty: it would match every interface'],
  ])('%j is none', async (pattern, message) => {
    const { configuration, diagnostics } = await configure(patterned(pattern));
    expect(configuration).toBeUndefined();
    expect(diagnostics.map((d) => [d.path, d.message])).toEqual([
      ['metadata.annotations["waypost.dev/interfaces"]', message],
    ]);
  });
});

describe('interfaces that are left out', () => {
  it("are MetalLB's by default", async () => {
    const { excludedInterfaces } = await accepted(fixture('minimal.yaml'));
    expect(excludedInterfaces).toBe(defaultExcluded);
    const excluded = (name: string) => excludedInterfaces.some((pattern) => new RegExp(pattern).test(name));
    for (const name of ['lo', 'docker0', 'veth12ab', 'cali1', 'cni0', 'dummy0', 'lxc1'])
      expect(excluded(name)).toBe(true);
    for (const name of ['eth0', 'lo0', 'br-ex', 'bond0', 'myveth']) expect(excluded(name)).toBe(false);
  });

  it('are told of by their own lines, whatever the text does', async () => {
    const text = `apiVersion: v1
kind: ConfigMap
metadata: {name: metallb-excludel2}
data:
  excludel2.yaml: |
    # What MetalLB has, and more.
    announcedInterfacesToExclude:
    - ^docker.*
    - (?i)^eth
    - 7
    announcedInterfacesToExcude: []
    more: !vault x
`;
    expect(await told(text)).toEqual([
      'test.yaml:10:5: error: ConfigMap/metallb-excludel2: data["excludel2.yaml"][4]: announcedInterfacesToExclude[2]: expected a string, found the number 7 (put it in quotes)',
      'test.yaml:11:5: warning: ConfigMap/metallb-excludel2: data["excludel2.yaml"][5]: announcedInterfacesToExcude: unknown field: ignored (did you mean "announcedInterfacesToExclude"?)',
      'test.yaml:12:5: warning: ConfigMap/metallb-excludel2: data["excludel2.yaml"][6]: more: unknown field: ignored',
    ]);
    expect(await told(text.replace('    - 7\n', ''))).toContain(
      'test.yaml:9:5: error: ConfigMap/metallb-excludel2: data["excludel2.yaml"][3]: announcedInterfacesToExclude[1]: not a regular expression: "(?i)^eth" (flags are not known here: write [eE] for either case)',
    );
    expect((await told(text.replace('    - 7', '    - "x" y')))[0]).toMatch(/^test\.yaml:10:5: error: .*not YAML: /);
  });

  it('are those of the ConfigMap where there is one, even none', async () => {
    const { configuration } = await configure(fixture('layer2.yaml'));
    expect(configuration!.excludedInterfaces).toEqual(['^docker.*', '^lo$']);
    const none = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: metallb-excludel2}\ndata: {excludel2.yaml: "{}"}\n';
    expect((await accepted(none)).excludedInterfaces).toEqual([]);
  });

  it.each([
    ['{}', 'data: the key excludel2.yaml is missing'],
    ['{excludel2.yaml: "a: ["}', 'not YAML'],
    ['{excludel2.yaml: "announcedInterfacesToExclude: lo"}', 'expected a list'],
    ['{excludel2.yaml: "[1]"}', 'expected a mapping'],
    ['{excludel2.yaml: "announcedInterfacesToExclude: *a"}', 'expected a mapping'],
  ])('%s is refused', async (data, message) => {
    const text = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: metallb-excludel2}\ndata: ${data}\n`;
    const { configuration, diagnostics } = await configure(text);
    expect(configuration).toBeUndefined();
    expect(diagnostics.map((d) => `${d.path}: ${d.message}`).join()).toContain(message);
  });
});

const speakerWith = (spec: string) =>
  `apiVersion: waypost.dev/v1\nkind: Speaker\nmetadata: {name: host}\nspec: ${spec}\n`;

describe('the Speaker says', () => {
  it.each<[string, Partial<Speaker['layer2']>]>([
    ['{}', {}],
    ['{layer2: {gratuitousInterval: 0s, conflict: report}}', { conflict: 'report' }],
    ['{layer2: {gratuitousInterval: 1m30s, conflict: yield}}', { gratuitousIntervalMs: 90_000, conflict: 'yield' }],
    ['{layer2: {stickiness: true, holdDown: 1m}}', { stickiness: true, holdDownMs: 60_000 }],
    ['{layer2: {reception: allMulticast}}', { reception: 'allMulticast' }],
    ['{layer2: {spread: even}}', { spread: 'even' }],
  ])('of layer 2: %s', async (spec, expected) => {
    const defaults = {
      ...{ gratuitousIntervalMs: 0, conflict: 'defend', stickiness: false, holdDownMs: 0, reception: 'normal' },
      spread: 'hash',
    };
    expect((await accepted(speakerWith(spec))).speaker.layer2).toEqual({ ...defaults, ...expected });
  });

  it('who its members are, and is told when it is none of them', async () => {
    expect((await accepted(speakerWith('{}'))).speaker.membership).toEqual({
      type: 'static',
      nodes: [],
      addresses: new Map(),
    });
    const { speaker } = await accepted(speakerWith('{membership: {nodes: [a, host]}}'));
    expect(speaker.membership).toEqual({ type: 'static', nodes: ['a', 'host'], addresses: new Map() });
    const { configuration, diagnostics } = await configure(speakerWith('{membership: {nodes: [a, b]}}'));
    expect(configuration).toBeDefined();
    expect(diagnostics).toMatchObject([
      { severity: 'warning', path: 'spec.membership.nodes', hint: 'add host', position: { line: 4 } },
    ]);
  });

  it('how addresses are spread, and is told where another member has it otherwise', async () => {
    const other = (name: string, spread: string) =>
      `---\napiVersion: waypost.dev/v1\nkind: Speaker\nmetadata: {name: ${name}}\nspec: {layer2: {spread: ${spread}}}\n`;
    const l2 = '---\napiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: l2}\n';
    const own = speakerWith('{layer2: {spread: even}, membership: {nodes: [host, b]}}');
    const told = async (text: string) => {
      const { configuration, diagnostics } = await configure(text, 'host');
      expect(configuration).toBeDefined();
      return diagnostics.filter(({ path }) => path.includes('spread'));
    };
    expect(await told(own + other('b', 'even') + l2)).toEqual([]);
    // No member of ours.
    expect(await told(own + other('c', 'hash') + l2)).toEqual([]);
    expect(await told(own + other('b', 'hash'))).toEqual([]);
    expect(await told(own + other('b', 'hash') + l2)).toMatchObject([
      {
        ...{ severity: 'warning', subject: 'Speaker/host', path: 'spec.layer2.spread', position: { line: 4 } },
        message: 'is even here and hash in Speaker "b": addresses get two nodes, or none',
      },
    ]);
  });

  it('by which protocols addresses go to the loopback', async () => {
    expect((await accepted(speakerWith('{}'))).speaker.loopbackAddresses).toEqual([]);
    const { speaker } = await accepted(speakerWith('{loopbackAddresses: [layer2, bgp]}'));
    expect(speaker.loopbackAddresses).toEqual(['layer2', 'bgp']);
  });

  it.each([
    ['{layer2: {holdDown: 2h}}', 'spec.layer2.holdDown: must be in 0s..1h'],
    ['{layer2: {holdDown: 5}}', 'spec.layer2.holdDown: expected a duration'],
    ['{layer2: {reception: promisc}}', 'spec.layer2.reception: expected "normal" or "allMulticast" or "promiscuous"'],
    ['{layer2: {spread: evenly}}', 'spec.layer2.spread: expected "hash" or "even"'],
    ['{layer2: {gratuitousInterval: 10ms}}', 'spec.layer2.gratuitousInterval: must be 0s or in 1s..24h'],
    ['{membership: {type: etcd}}', 'spec.membership.type: not supported yet'],
    ['{membership: {nodes: [host, host]}}', 'spec.membership.nodes[1]: duplicate definition of node'],
    ['{loopbackAddresses: [ospf]}', 'spec.loopbackAddresses[0]: '],
    ['{loopbackAddresses: [bgp, bgp]}', 'spec.loopbackAddresses[1]: duplicate definition of protocol'],
  ])('%s is refused', async (spec, message) => {
    const { configuration, diagnostics } = await configure(speakerWith(spec));
    expect(configuration).toBeUndefined();
    expect(diagnostics.map((d) => `${d.path}: ${d.message}`).join('\n')).toContain(message);
  });
});
