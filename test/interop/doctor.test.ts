/** What keeps a node and its router apart is found before the daemon is started, and again beside it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Finding } from '../../src/daemon/doctor/finding.ts';
import { waitFor } from '../support/process.ts';
import type { Router } from '../support/router.ts';
import { drivers } from './drivers/all.ts';
import { announcement, bgpPeer, Node, program } from './node.ts';
import { routerAt, type Spoke, type Star, star } from './star.ts';

const port = 1790;
let s: Star<'frr'>;
let spoke: Spoke;
let router: Router;
let node: Node;

beforeAll(async () => {
  s = await star('doctor', ['frr']);
  spoke = s.spokes.frr;
  router = drivers.frr(routerAt(spoke));
  node = new Node(s.middle);
  node.speaker({ listen: { addresses: ['0.0.0.0'], port } });
  node.write('web', ...announcement('203.0.113.0/24'));
  peer({});
  await router.start();
  // It listens some time after it says that it runs.
  await waitFor('FRR answers', async () => verdictOf(await examined(), 'frr') === 'ok', { log: () => router.log() });
}, 60_000);
afterAll(async () => {
  await router?.stop();
  await s?.close();
});

const peer = (more: object, name = 'frr') =>
  node.write(
    name,
    bgpPeer(name, { myASN: 65001, peerASN: 65002, peerAddress: spoke.far.ipv4, holdTime: '9s', ...more }),
  );

async function examined(...flags: string[]): Promise<Finding[]> {
  const { stdout, stderr } = await node.command('doctor', '--json', ...flags, node.documents);
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Finding[];
}
const of = (findings: readonly Finding[], subject: string) => findings.filter((f) => f.subject === subject);
const verdictOf = (findings: readonly Finding[], subject: string) => of(findings, subject)[0]?.verdict;
const textsOf = (findings: readonly Finding[], subject: string) => of(findings, subject).map(({ text }) => text);

test('a router that takes the session: it comes up, and no route is told', async () => {
  const [found] = of(await examined(), 'frr');
  expect(found).toMatchObject({ area: 'peers', verdict: 'ok', remedy: null });
  expect(found!.text).toMatch(/^takes the session, after \d+ ms$/);
  expect(await router.received()).toEqual([]);
  expect(of(await examined('--no-try'), 'frr')).toEqual([]);
});

test.each([
  [{ peerASN: 64999 }, 'peer is in AS 65002, not 64999', /peerASN/],
  [{ myASN: 64777 }, 'OPEN Message Error/Bad Peer AS', /remote AS of this node/],
  [{ password: 'correct-horse' }, 'TCP-MD5 password the same as ours?', /password the same on both sides/],
  [{ peerPort: 1791 }, 'connection refused', /peerPort/],
  [{ peerAddress: '10.0.1.77' }, 'no route to the peer, or it does not answer ARP', /peerAddress/],
  [{ peerAddress: '192.0.2.99' }, 'no route to 192.0.2.99: ENETUNREACH', /routes of this node/],
  [{ sourceAddress: '10.0.1.78' }, 'source address 10.0.1.78 is on no interface', /10\.0\.1\.78/],
  [{ vrf: 'red' }, 'there is no VRF red', /NodeNetworkConfigurationPolicy/],
  [{ peerAddress: '10.0.1.1' }, 'where it listens itself', /router/],
])(
  'a session with %j does not come about, and why',
  async (more, text, remedy) => {
    peer(more);
    const found = of(await examined(), 'frr');
    peer({});
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ verdict: 'problem', text: expect.stringContaining(text) });
    expect(found[0]!.remedy).toMatch(remedy);
  },
  30_000,
);

test('a router behind another one, and what clients send by it', async () => {
  await s.middle.run(['ip', 'route', 'add', '192.0.2.99', 'via', spoke.far.ipv4]);
  peer({ peerAddress: '192.0.2.99' });
  expect(textsOf(await examined(), 'frr')).toEqual([
    `192.0.2.99 is behind ${spoke.far.ipv4}, and packets are sent one hop far`,
  ]);
  peer({});
  await s.middle.run(['sh', '-c', `echo 1 > /proc/sys/net/ipv4/conf/${spoke.device}/rp_filter`]);
  await s.middle.run(['ip', 'route', 'add', 'default', 'dev', 'lo']);
  const [strict, session] = of(await examined(), 'frr');
  expect(strict).toMatchObject({ verdict: 'warning', text: expect.stringContaining('the default route leaves by lo') });
  expect(session!.verdict).toBe('ok');
  await s.middle.run(['sh', '-c', `echo 0 > /proc/sys/net/ipv4/conf/${spoke.device}/rp_filter`]);
  await s.middle.run(['ip', 'route', 'delete', 'default', 'dev', 'lo']);
});

test('who else speaks BGP here is left in peace', async () => {
  const other = s.middle.spawn(
    // biome-ignore format: one command line
    [...program, 'peer', spoke.far.ipv4, '--port', `${port}`, '--local-as', '65001', '--peer-as', '65002', '--json', '--listen', `0.0.0.0:${port}`],
  );
  await waitFor('the other is up', async () => other.output.includes('"established"'), { log: () => other.output });
  const findings = await examined();
  expect(of(findings, 'frr')[0]).toMatchObject({
    verdict: 'note',
    text: expect.stringMatching(/^not tried: \S+ \(process \d+\)/),
  });
  expect(of(findings, `port ${port}`)[0]).toMatchObject({
    verdict: 'problem',
    text: expect.stringContaining('listens on 0.0.0.0'),
  });
  expect(other.output).not.toContain('"to":"Idle"');
  await other.stop();
});

test('what becomes of packets for an address, and who answers for it', async () => {
  const l2 = { apiVersion: 'metallb.io/v1beta1', kind: 'L2Advertisement', metadata: { name: 'l2' } };
  node.write('l2', l2);
  const before = await examined('--no-try');
  expect(textsOf(before, '203.0.113.0')).toEqual([
    expect.stringMatching(/^is in no subnet of eth0/),
    expect.stringMatching(/^nothing here takes its packets/),
  ]);
  expect(verdictOf(before, spoke.device)).toBe('ok');
  await s.middle.run([
    'nft',
    'add table ip web; add chain ip web services; add rule ip web services ip daddr 203.0.113.0 counter',
  ]);
  expect(textsOf(await examined('--no-try'), '203.0.113.0')).toContain('is known to the packet filter or IPVS');
  await s.middle.run(['nft', 'delete table ip web']);
  await s.middle.run(['ip', 'address', 'add', '203.0.113.0/32', 'dev', 'lo']);
  expect(textsOf(await examined('--no-try'), '203.0.113.0')).toEqual([
    expect.stringMatching(/^is in no subnet/),
    `is on lo, and the kernel answers ARP for it on ${spoke.device}, whichever node is elected`,
    'is on an interface of this node',
  ]);
  await s.middle.run(['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore']);
  expect(textsOf(await examined('--no-try'), '203.0.113.0')).toHaveLength(2);
  node.remove('l2');
});

test('beside a daemon it asks the daemon', async () => {
  await node.start();
  await waitFor('up', () => node.established('frr'), { log: node.log });
  const findings = await examined();
  expect(of(findings, 'frr')[0]!.text).toMatch(/^Established for \d+ s$/);
  expect(of(findings, `port ${port}`)[0]).toMatchObject({ verdict: 'ok', text: 'the daemon listens' });
  // As the daemon reads them, where none are given.
  const { code, stdout } = await node.command('doctor');
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('ok  frr: Established') });
  peer({ peerASN: 64999 });
  await waitFor('down', async () => !(await node.established('frr')), { log: node.log });
  await waitFor('told', async () => textsOf(await examined(), 'frr')[0]?.includes('peer is in AS 65002, not 64999'), {
    log: node.log,
  });
  expect((await node.command('doctor')).code).toBe(1);
  await node.end();
});
