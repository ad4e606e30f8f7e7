/** The mistakes that everybody makes with a real router: what waypost itself says names the cause. */
import { afterAll, expect, test } from 'vitest';
import { waitFor } from '../support/process.ts';
import { drivers } from './drivers/all.ts';
import { bgpPeer, Node } from './node.ts';
import { routerAt, type Spoke, star } from './star.ts';

const open: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all(open.map((o) => o.close())));

const spec = (s: Spoke, more: object) => ({
  myASN: 65001,
  peerASN: 65002,
  peerAddress: s.far.ipv4,
  holdTime: '9s',
  connectTime: '1s',
  ...more,
});

test('FRR in another AS, FRR that expects us in another, FRR with another password', async () => {
  const s = await star('mistakes', ['frr']);
  open.push(s);
  const spoke = s.spokes.frr!;
  const router = drivers.frr(routerAt(spoke));
  const node = new Node(s.middle);
  const log = () => `${node.log()}\nfrr:\n${router.log()}`;
  const write = (more: object) => node.write('frr', bgpPeer('frr', spec(spoke, more)));
  node.speaker();
  write({ peerASN: 64999 });
  await Promise.all([router.start(), node.start()]);

  /** Waits for the word, and gives what the session had said. */
  const explained = (reason: string) =>
    waitFor(
      reason,
      async () => {
        const [chain] = (await node.explain('frr')).chains;
        return chain?.reason === reason && chain.steps.find((step) => step.answer === 'no')!.detail;
      },
      { log },
    );
  expect(await explained('wrongPeerAs')).toContain('peer is in AS 65002, not 64999');
  write({ myASN: 64777 });
  expect(await explained('wrongOwnAs')).toContain('OPEN Message Error/Bad Peer AS');
  write({ password: 'correct-horse' });
  expect(await explained('passwordDiffers')).toContain('is its TCP-MD5 password the same as ours?');
  await waitFor(
    'the log says so',
    async () => /TCP-MD5 password the same as ours.*session attempt failed/.test(node.log()),
    { log },
  );
  write({});
  await waitFor('up', () => node.established('frr'), { log });
  expect(await node.end(), log()).toBe(0);
  await router.stop();
});
