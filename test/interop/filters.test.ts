/**
 * Which routes may be used: waypost with an FRRConfiguration, or with the ConfigMap bgpextras, accepts exactly what FRR
 * does with the prefix-lists that frr-k8s and MetalLB make of them, of the same routes from another router.
 */
import { afterAll, expect, test } from 'vitest';
import { waitFor } from '../support/process.ts';
import type { RouterOptions } from '../support/router.ts';
import { drivers } from './drivers/all.ts';
import { bgpPeer, type Document, Node } from './node.ts';
import { type Spoke, star } from './star.ts';

const port = 1790;
const open: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all(open.map((o) => o.close())));

/** Every length that a rule below may draw a line at, inside and outside of its prefix. */
const prefixes = [
  '0.0.0.0/0',
  ...[8, 9, 15, 16, 17, 23, 24, 25, 31, 32].flatMap((n) => [`172.0.0.0/${n}`, `173.0.0.0/${n}`]),
  ...[15, 16, 17, 24, 32].map((n) => `172.16.0.0/${n === 15 ? 14 : n}`),
  ...[16, 23, 24, 25, 32].map((n) => `198.18.0.0/${n}`),
  '203.0.113.0/24',
  '203.0.113.128/25',
  '203.0.113.7/32',
  ...[31, 32, 33, 47, 48, 49, 63, 64, 65, 127, 128].map((n) => `2001:d00::/${n}`),
  '2001:d00:bad::/48',
  '2001:d00:bad::1/128',
  '2001:e00::/32',
];
const announced = [...new Set(prefixes)];

/** What either of two sides accepts of the same routes: waypost with documents, FRR with a route-map. */
async function compare(
  label: string,
  documents: readonly Document[],
  speaker: Document,
  filter: RouterOptions['filter'],
) {
  const [ours, theirs] = [await star(`${label}-w`, ['bird']), await star(`${label}-f`, ['bird'])];
  open.push(ours, theirs);
  const at = ({ namespace, near, far }: Spoke): RouterOptions => ({
    namespace,
    routerId: '192.0.2.2',
    localAs: 65002,
    peerAs: 65001,
    localAddress: far.ipv4,
    peerAddress: near.ipv4,
    nextHops: far,
    families: ['ipv4', 'ipv6'],
    role: 'listen',
    port,
    holdTimeSec: 90,
    announce: announced.map((prefix) => ({ prefix })),
  });
  const spoke = theirs.spokes.bird;
  const senders = [drivers.bird(at(ours.spokes.bird)), drivers.bird(at(spoke))];
  const frr = drivers.frr({
    ...at(spoke),
    namespace: theirs.middle,
    routerId: '192.0.2.1',
    localAs: 65001,
    peerAs: 65002,
    localAddress: spoke.near.ipv4,
    peerAddress: spoke.far.ipv4,
    nextHops: spoke.near,
    role: 'dial',
    announce: [],
    ...(filter && { filter }),
  });
  const node = new Node(ours.middle);
  const log = () => `${node.log()}\n${frr.log()}`;
  node.speaker(speaker);
  node.write('documents', ...documents);
  await Promise.all([...senders.map((s) => s.start()), frr.start(), node.start()]);
  await waitFor('all routes at waypost', async () => (await node.rows('received')).length === announced.length, {
    log,
  });
  const received = await node.rows('received');
  const wanted = received.filter((row) => row.accepted).map((row) => row.prefix);
  const accepted = async () => (await frr.received()).map((route) => route.prefix);
  await waitFor(
    'FRR to have them',
    async () => (await frr.established()) && (await accepted()).length >= wanted.length,
    { log },
  );
  expect((await accepted()).sort(), log()).toEqual(wanted.sort());
  expect(await node.end(), log()).toBe(0);
  await Promise.all([...senders, frr].map((router) => router.stop()));
  return { wanted, received };
}

const neighbor = '10.0.1.2';
const session = { myASN: 65001, peerASN: 65002, peerAddress: neighbor, dualStackAddressFamily: true };

test('an FRRConfiguration with ge and le, and prefixes that are always blocked', async () => {
  const rules = [
    { prefix: '172.0.0.0/8', ge: 16, le: 24 },
    { prefix: '172.16.0.0/16', le: 17 },
    { prefix: '173.0.0.0/8', ge: 31 },
    { prefix: '198.18.0.0/16' },
    { prefix: '198.18.0.0/24', ge: 24, le: 24 },
    { prefix: '203.0.113.0/24', le: 32 },
    { prefix: '0.0.0.0/0' },
    { prefix: '2001:d00::/32', ge: 48, le: 64 },
    { prefix: '2001:d00::/32', le: 33 },
    { prefix: '2001:d00:bad::/48', le: 128 },
  ];
  const blocked = ['203.0.113.128/25', '2001:d00:bad::/48'];
  const frrConfiguration = {
    apiVersion: 'frrk8s.metallb.io/v1beta1',
    kind: 'FRRConfiguration',
    metadata: { name: 'filtered', namespace: 'frr-k8s-system' },
    spec: {
      bgp: {
        routers: [
          { asn: 65001, neighbors: [{ address: neighbor, asn: 65002, toReceive: { allowed: { prefixes: rules } } }] },
        ],
      },
    },
  };
  const family = (prefix: string) => (prefix.includes(':') ? 'ipv6' : 'ip');
  const list = (name: string, entries: readonly { prefix: string; ge?: number; le?: number }[]) =>
    entries.map(
      ({ prefix, ge, le }, i) =>
        `${family(prefix)} prefix-list ${name} seq ${i + 1} permit ${prefix}${ge ? ` ge ${ge}` : ''}${le ? ` le ${le}` : ''}`,
    );
  const map = (action: string, seq: number, word: string, name: string) => [
    `route-map in ${action} ${seq}`,
    `match ${word} address prefix-list ${name}`,
    'exit',
  ];
  const lines = [
    ...list('allowed', rules),
    ...list(
      'denied',
      blocked.map((prefix) => ({ prefix, le: family(prefix) === 'ip' ? 32 : 128 })),
    ),
    ...map('deny', 1, 'ip', 'denied'),
    ...map('deny', 2, 'ipv6', 'denied'),
    ...map('permit', 3, 'ip', 'allowed'),
    ...map('permit', 4, 'ipv6', 'allowed'),
  ];
  const documents = [bgpPeer('bird', session), frrConfiguration];
  const { wanted, received } = await compare(
    'frrconf',
    documents,
    { kernel: { alwaysBlock: blocked } },
    { name: 'in', lines },
  );
  // Something of each family on both sides of each line, or the comparison means nothing.
  expect(wanted).toEqual(
    expect.arrayContaining(['0.0.0.0/0', '172.16.0.0/17', '173.0.0.0/32', '198.18.0.0/24', '2001:d00::/64']),
  );
  const reasons = new Set(received.filter((row) => !row.accepted).map((row) => row.reason));
  expect(reasons).toEqual(new Set(['notAllowed', 'alwaysBlocked']));
});

test('the ConfigMap bgpextras, word for word', async () => {
  const lines = [
    'ip prefix-list filtered seq 30 permit 172.0.0.0/8 ge 16 le 25',
    'ip prefix-list filtered seq 10 deny 172.16.0.0/16 le 24',
    'ip prefix-list filtered permit 198.18.0.0/16 ge 24',
    'ip prefix-list filtered seq 5 permit 172.16.0.0/17',
    'ip prefix-list filtered deny any',
    'ip prefix-list filtered permit 203.0.113.0/24',
    `route-map ${neighbor}-in permit 20`,
    '  match ip address prefix-list filtered',
    'exit',
  ];
  const extras = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'bgpextras', namespace: 'metallb-system' },
    data: { extras: lines.join('\n') },
  };
  const { wanted } = await compare('extras', [bgpPeer('bird', session), extras], {}, { name: `${neighbor}-in`, lines });
  expect(wanted).toContain('172.16.0.0/17');
  expect(wanted).not.toContain('172.16.0.0/16');
  expect(wanted).not.toContain('203.0.113.0/24');
});
