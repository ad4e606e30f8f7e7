/** What is said of a Service whose packets are to leave in a way of their own. */
import { expect, test } from 'vitest';
import { decideEgress } from '../../../src/intent/egress.ts';
import type { Chain } from '../../../src/intent/explain/chain.ts';
import { egressReasons, explainEgress } from '../../../src/intent/explain/egress.ts';
import { reasons } from '../../../src/intent/reason.ts';
import { address } from '../../../src/lib/address.ts';
import { configure, egressDocuments } from '../../support/config.ts';

interface Ground {
  readonly network?: string;
  /** More lines of its spec. */
  readonly more?: string;
  readonly ips?: readonly string[];
  readonly problems?: readonly string[];
  readonly node?: string;
}

async function explained(ground: Ground): Promise<Chain> {
  const { network = 'red', more, ips = ['203.0.113.0'], problems = [], node = 'node-a' } = ground;
  const { configuration, diagnostics } = await configure(egressDocuments(network, more), node);
  if (configuration === undefined) throw new Error(JSON.stringify(diagnostics));
  const [decision] = decideEgress(configuration, {
    ips: new Map([['default/web', ips.map(address)]]),
    own: [],
    table: (name) => (name === 'red' ? 1100 : undefined),
  });
  return explainEgress({ decision: decision!, problems }, configuration.egress.get('default/web')!.document);
}

const lines = ({ steps }: Chain): string[] => steps.flatMap(({ sources }) => sources.map(({ line }) => `${line}`));

test('carried here: as whom, and by which table', async () => {
  const chain = await explained({});
  expect(chain).toMatchObject({ title: 'Egress', ok: true, verdict: 'carried here', reason: null, remedy: null });
  expect(chain.steps.map(({ answer, detail }) => [answer, detail])).toEqual([
    ['yes', 'node node-a is this one: 2 endpoints by table 1100'],
    ['note', 'as 203.0.113.0'],
    ['note', 'table 1100, of network red'],
  ]);
  expect(lines(chain)).toEqual(['1']);
});

test('what is in the way of carrying it out', async () => {
  const chain = await explained({ problems: ['nft: command not found'] });
  expect(chain).toMatchObject({ ok: false, verdict: 'carried here, but nft: command not found' });
  expect(chain.steps.at(-1)).toMatchObject({ answer: 'no', detail: 'nft: command not found' });
});

test('another node carries it, which is as it should be', async () => {
  const chain = await explained({
    node: 'node-b',
    more: '  nodeSelector: {matchLabels: {kubernetes.io/hostname: node-a}}\n',
  });
  expect(chain).toMatchObject({ ok: true, verdict: 'node node-a carries it', reason: 'notHost' });
});

const refusals: readonly (readonly ['networkNotFound' | 'noHost' | 'noIPAllocated', Ground, string])[] = [
  ['networkNotFound', { network: 'blue' }, '6'],
  ['noHost', { more: '  nodeSelector: {matchLabels: {rack: b}}\n' }, '7'],
  ['noIPAllocated', { ips: [] }, '1'],
];
test.each(refusals)('%s: the line of the document, and the remedy', async (reason, ground, line) => {
  const chain = await explained(ground);
  const { says, remedy } = reason === 'noIPAllocated' ? reasons[reason] : egressReasons[reason];
  expect(chain).toMatchObject({ ok: false, verdict: `not carried: ${reason}`, reason, says, remedy });
  expect(lines(chain)).toEqual([line]);
});
