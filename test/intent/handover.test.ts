/** Services under the Local policy whose endpoints on a node are about to end: when its routes are a last choice. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EndpointSlice, Service } from '../../src/config/model.ts';
import { Advertisements } from '../../src/intent/advertise.ts';
import { type Drain, GRACEFUL_SHUTDOWN } from '../../src/intent/drain.ts';
import type { Policy } from '../../src/intent/route.ts';
import { type Circumstances, scopeOf } from '../../src/intent/scope.ts';
import { decideService } from '../../src/intent/service.ts';
import { sha256 } from '../../src/io/digest.ts';
import { formatPrefix } from '../../src/lib/prefix.ts';
import {
  advertisement,
  configuration,
  type Documents,
  endpoint,
  ingress,
  listed,
  node,
  pool,
  selector,
  service,
  slice,
  speaker,
} from '../support/model.ts';

const lower = (more: Parameters<typeof speaker>[0] = {}) =>
  speaker({ ...more, drain: { ...speaker().drain, terminating: 'lower' } });
const lab: Documents = {
  speaker: lower(),
  pools: [pool('lab', ['192.0.2.0/24'])],
  advertisements: [advertisement('all', ['lab'])],
};
const web = service('web', { ingress: ingress('192.0.2.10'), externalTrafficPolicy: 'Local' });

const on = (nodeName: string) => endpoint({ nodeName });
const ending = (nodeName: string) => endpoint({ nodeName, ready: false, serving: true });
const gone = (nodeName: string) => endpoint({ nodeName, ready: false });

function decide(
  documents: Documents,
  slices: readonly EndpointSlice[],
  subject: Service = web,
  circumstances: Circumstances = {},
) {
  const told: string[] = [];
  const scope = scopeOf(configuration(documents), sha256, circumstances);
  const trace = { address() {}, layer2() {}, bgp: ({ detail }: { detail: string }) => void told.push(detail) };
  const { bgp } = decideService({ key: 'default/web', service: subject, slices, scope, trace });
  const isLowered = ({ drained }: Policy) => drained;
  const fate = !bgp.announced
    ? bgp.reason
    : bgp.contributions.every((c) => isLowered(c.policy))
      ? 'lowered'
      : 'as it is';
  return { ...bgp, fate, told };
}

const fateOf = (...args: Parameters<typeof decide>) => decide(...args).fate;

describe('the routes of node-a', () => {
  test.each<[string, string, EndpointSlice[]]>([
    ['a ready endpoint here and elsewhere', 'as it is', [slice(web, on('node-a'), on('node-b'))]],
    ['one that terminates here, and none elsewhere', 'as it is', [slice(web, ending('node-a'))]],
    ['all terminate, everywhere', 'as it is', [slice(web, ending('node-a'), ending('node-b'))]],
    ['all terminate here, a ready one elsewhere', 'lowered', [slice(web, ending('node-a'), on('node-b'))]],
    ['the same in two slices', 'lowered', [slice(web, ending('node-a')), slice(web, on('node-b'))]],
    [
      'a ready one among those that terminate here',
      'as it is',
      [slice(web, ending('node-a'), on('node-a'), on('node-b'))],
    ],
    ['one is gone and one terminates here', 'lowered', [slice(web, gone('node-a'), ending('node-a'), on('node-b'))]],
    ['the last one here has ended', 'noLocalEndpoints', [slice(web, gone('node-a'), on('node-b'))]],
    ['the ready one elsewhere is on no node', 'as it is', [slice(web, ending('node-a'), endpoint())]],
    [
      'the ready one elsewhere has no address',
      'as it is',
      [slice(web, ending('node-a'), { ...on('node-b'), addresses: [] })],
    ],
    [
      'whatever is not ready is published',
      'as it is',
      [slice(web, endpoint({ nodeName: 'node-a', serving: true }), on('node-b'))],
    ],
    ['without a slice', 'as it is', []],
  ])('%s: %s', (_, fate, slices) => {
    expect(fateOf(lab, slices)).toBe(fate);
    // Nobody has asked for it.
    expect(fateOf({ ...lab, speaker: speaker() }, slices)).toBe(fate === 'lowered' ? 'as it is' : fate);
    expect(fateOf(lab, slices, { ...web, terminating: 'keep' })).toBe(fate === 'lowered' ? 'as it is' : fate);
    expect(fateOf({ ...lab, speaker: speaker() }, slices, { ...web, terminating: 'lower' })).toBe(fate);
  });

  const moved = [slice(web, ending('node-a'), on('node-b'))];

  test('are as they are under the Cluster policy, where every node serves', () => {
    expect(fateOf(lab, moved, { ...web, externalTrafficPolicy: 'Cluster' })).toBe('as it is');
  });

  test.each<[string, string, Documents, Circumstances?]>([
    ['has a Node document', 'lowered', { nodes: [node('node-b')] }],
    ['is listed', 'lowered', { speaker: lower({ membership: listed('node-a', 'node-b') }) }],
    ['is not listed', 'as it is', { speaker: lower({ membership: listed('node-a', 'node-c') }) }],
    [
      'is not listed, with a document',
      'as it is',
      { speaker: lower({ membership: listed('node-a') }), nodes: [node('node-b')] },
    ],
    ['has no network', 'as it is', { nodes: [node('node-b', {}, { networkUnavailable: true })] }],
    [
      'is excluded',
      'as it is',
      { nodes: [node('node-b', { 'node.kubernetes.io/exclude-from-external-load-balancers': '' })] },
    ],
    [
      'is excluded, which is ignored',
      'lowered',
      {
        speaker: lower({ ignoreExcludeLabel: true }),
        nodes: [node('node-b', { 'node.kubernetes.io/exclude-from-external-load-balancers': '' })],
      },
    ],
    // It is kept: what terminates here will not serve for long.
    ['is drained, and alone ready', 'lowered', { nodes: [node('node-b', { 'waypost.dev/drain': '' })] }],
    [
      'is drained, and keeps nothing',
      'as it is',
      {
        speaker: speaker({ drain: { ...lower().drain, keepSoleLocal: false } }),
        nodes: [node('node-b', { 'waypost.dev/drain': '' })],
      },
    ],
    [
      'is silent',
      'as it is',
      { speaker: lower({ membership: { ...listed(), type: 'bfd' } }), nodes: [node('node-b')] },
      { silent: new Set(['node-b']) },
    ],
    [
      'is heard of',
      'lowered',
      { speaker: lower({ membership: { ...listed(), type: 'bfd' } }), nodes: [node('node-b')] },
    ],
    ['is watched by nobody', 'as it is', { speaker: lower({ membership: { ...listed(), type: 'bfd' } }) }],
    [
      'is not selected by the advertisement',
      'as it is',
      {
        advertisements: [
          advertisement('here', ['lab'], { nodeSelectors: [selector({ 'kubernetes.io/hostname': 'node-a' })] }),
        ],
      },
    ],
    [
      'is selected by another one, by its name',
      'lowered',
      {
        advertisements: [
          advertisement('here', ['lab'], { nodeSelectors: [selector({ 'kubernetes.io/hostname': 'node-a' })] }),
          advertisement('there', ['lab'], { nodeSelectors: [selector({ 'kubernetes.io/hostname': 'node-b' })] }),
        ],
      },
    ],
    [
      'is selected by another one, which is for other Services',
      'as it is',
      {
        advertisements: [
          advertisement('here', ['lab'], { nodeSelectors: [selector({ 'kubernetes.io/hostname': 'node-a' })] }),
          advertisement('there', ['lab'], { serviceSelectors: [selector({ app: 'other' })] }),
        ],
      },
    ],
    [
      'has two that contradict each other',
      'as it is',
      {
        advertisements: [
          advertisement('all', ['lab'], { localPref: 100 }),
          advertisement('there', ['lab'], { localPref: 200, nodeSelectors: [selector({ rack: 'r2' })] }),
        ],
        nodes: [node('node-b', { rack: 'r2' })],
      },
    ],
  ])('when the other node %s: %s', (_, fate, documents, circumstances) => {
    expect(fateOf({ ...lab, ...documents }, moved, web, circumstances)).toBe(fate);
  });

  test('and what is told of them', () => {
    const lowered = decide(lab, [slice(web, ending('node-a'), gone('node-a'), on('node-c'), on('node-b'))]);
    const detail = 'a last choice, as endpoints on node node-a only terminate, and node node-b has a ready one';
    expect(lowered.notes).toEqual([{ reason: 'endpointsTerminating', detail }]);
    expect(lowered.detail).toBe(`through all; ${detail}`);
    expect(lowered.told.at(-1)).toBe('1 of 2 are usable on node node-a, 1 of them terminating');
    const alone = decide(lab, [slice(web, ending('node-a'))]);
    expect(alone.notes).toBeUndefined();
    expect(alone.told.at(-1)).toBe(
      '1 of 1 are usable on node node-a, 1 of them terminating; no other node that announces it has a ready one',
    );
    const unasked = decide({ ...lab, speaker: speaker() }, moved);
    expect(unasked.told.at(-1)).toBe('1 of 1 are usable on node node-a, 1 of them terminating');
  });

  test('while the node is drained: that is told, and nothing else', () => {
    const drain: Drain = { stage: 'lowered', keepSoleLocal: true };
    const drained = decide(lab, moved, web, { drain });
    expect(drained.fate).toBe('lowered');
    expect(drained.notes?.map(({ reason }) => reason)).toEqual(['nodeDraining']);
    expect(fateOf(lab, moved, web, { drain: { ...drain, stage: 'withdrawn' } })).toBe('nodeDrained');
  });
});

test('an aggregate of several Services is a last choice when all of them are', () => {
  const scope = scopeOf(
    configuration({
      ...lab,
      advertisements: [
        advertisement('host', ['lab'], { localPref: 150 }),
        advertisement('net', ['lab'], { aggregationLength: 24, localPref: 150 }),
      ],
    }),
    sha256,
  );
  const other = service('other', { ingress: ingress('192.0.2.11'), externalTrafficPolicy: 'Local' });
  const all = new Advertisements(100);
  const tell = (subject: Service, ...endpoints: Parameters<typeof slice> extends [unknown, ...infer E] ? E : never) =>
    all.update(
      subject.name,
      decideService({ key: subject.name, service: subject, slices: [slice(subject, ...endpoints)], scope }).bgp
        .contributions,
    );
  const shown = () =>
    [...all.routes({ name: 'r', families: ['ipv4'] })]
      .map(([p, { attributes }]) => {
        const marked = attributes.communities?.includes(GRACEFUL_SHUTDOWN) ? ' marked' : '';
        return `${formatPrefix(p)} ${attributes.localPref}${marked}`;
      })
      .sort();
  tell(web, on('node-a'), on('node-b'));
  tell(other, on('node-a'), on('node-b'));
  expect(shown()).toEqual(['192.0.2.0/24 150', '192.0.2.10/32 150', '192.0.2.11/32 150']);
  expect(tell(web, ending('node-a'), on('node-b')).map(formatPrefix).sort()).toEqual(['192.0.2.0/24', '192.0.2.10/32']);
  expect(shown()).toEqual(['192.0.2.0/24 150', '192.0.2.10/32 0 marked', '192.0.2.11/32 150']);
  tell(other, ending('node-a'), on('node-b'));
  expect(shown()).toEqual(['192.0.2.0/24 0 marked', '192.0.2.10/32 0 marked', '192.0.2.11/32 0 marked']);
  tell(web, on('node-b'));
  tell(other, on('node-a'));
  expect(shown()).toEqual(['192.0.2.0/24 150', '192.0.2.11/32 150']);
});

/** What each node of a cluster makes of the same documents. */
test('on whatever nodes endpoints are ready, one of them announces as ever', () => {
  const names = ['node-a', 'node-b', 'node-c', 'node-d'] as const;
  const flag = fc.boolean();
  const nodes = fc.tuple(
    ...names.map((name) =>
      fc.record({
        name: fc.constant(name),
        document: flag,
        red: flag,
        networkUnavailable: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, flag),
        drained: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, flag),
        endpoints: fc.array(fc.constantFrom('ready', 'ending', 'gone'), { maxLength: 3 }),
      }),
    ),
  );
  const seen = { lowered: 0, kept: 0 };
  fc.assert(
    fc.property(nodes, flag, flag, (cluster, selective, keepSoleLocal) => {
      const make = { ready: on, ending, gone };
      const slices = [slice(web, ...cluster.flatMap(({ name, endpoints }) => endpoints.map((e) => make[e](name))))];
      const documents = (name: string, terminating: 'keep' | 'lower'): Documents => ({
        speaker: speaker({ name, drain: { ...speaker().drain, keepSoleLocal, terminating } }),
        pools: [pool('lab', ['192.0.2.0/24'])],
        advertisements: [
          advertisement('all', ['lab'], selective ? { nodeSelectors: [selector({ colour: 'red' })] } : {}),
        ],
        nodes: cluster
          .filter(({ document, networkUnavailable, drained, red }) => document || networkUnavailable || drained || red)
          .map(({ name: n, red, drained, networkUnavailable }) =>
            node(
              n,
              { ...(red && { colour: 'red' }), ...(drained && { 'waypost.dev/drain': '' }) },
              { networkUnavailable },
            ),
          ),
      });
      const fates = (terminating: 'keep' | 'lower') =>
        cluster.map(({ name, drained }) => {
          const drain: Drain | undefined = drained ? { stage: 'withdrawn', keepSoleLocal } : undefined;
          return fateOf(documents(name, terminating), slices, web, { drain });
        });
      const [plain, found] = [fates('keep'), fates('lower')];
      // The same nodes announce; the one thing that it changes is the preference.
      expect(found.map((f) => (f === 'lowered' ? 'as it is' : f))).toEqual(plain);
      const ready = cluster.map(({ endpoints }) => endpoints.includes('ready'));
      const announcesReady = plain.some((fate, i) => fate === 'as it is' && ready[i]);
      for (const [i, fate] of found.entries()) {
        if (plain[i] !== 'as it is') continue;
        // And all agree: those that only terminate are a last choice where anybody is better, and nowhere else.
        expect(fate).toBe(!ready[i] && announcesReady ? 'lowered' : 'as it is');
        seen[fate === 'lowered' ? 'lowered' : 'kept']++;
      }
    }),
    { numRuns: 200 },
  );
  // The property says nothing unless both happen often.
  expect(Math.min(seen.lowered, seen.kept)).toBeGreaterThan(20);
});
