/** Edits while twenty sessions run: who is concerned notices, counted by the router that has them all. */
import { writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { run, waitFor } from '../support/process.ts';
import { announcement, bgpPeer, Node } from './node.ts';
import { far, type Wire, wire } from './wire.ts';

const open: Wire[] = [];
afterAll(() => Promise.all(open.map((w) => w.close())));

const sessions = Array.from({ length: 20 }, (_, i) => i);
const ours = (i: number) => `192.0.2.${20 + i}`;
const theirs = (i: number) => `192.0.2.${60 + i}`;

/** BIRD as twenty routers. It logs every change of a session's state. */
const configuration = `log stderr all;
router id ${far.ipv4};
protocol device {}
${sessions
  .map(
    (i) => `protocol bgp peer${i} {
  local ${theirs(i)} port 1790 as 65002;
  neighbor ${ours(i)} as 65001;
  passive on;
  connect delay time 0;
  error wait time 1, 2;
  ipv4 { import all; export none; };
  debug { states };
}`,
  )
  .join('\n')}
`;

test('an edit resets the session it is about; one of routes resets none', async () => {
  const w = await wire('reload');
  open.push(w);
  for (const [where, address] of [
    [w.near, ours],
    [w.far, theirs],
  ] as const)
    for (const i of sessions) await run(['ip', '-n', where.name, 'address', 'add', `${address(i)}/24`, 'dev', 'eth0']);
  const folder = w.far.folder('bird');
  writeFileSync(`${folder}/bird.conf`, configuration);
  const bird = w.far.spawn(['bird', '-f', '-c', `${folder}/bird.conf`, '-s', `${folder}/ctl`]);
  const ask = (...words: string[]) => w.far.run(['birdc', '-s', `${folder}/ctl`, ...words]);
  const node = new Node(w.near);
  const log = () => `${node.log()}\nbird:\n${bird.output}`;
  const peer = (i: number, holdTime: string) =>
    bgpPeer(`peer${i}`, { myASN: 65001, peerASN: 65002, peerAddress: theirs(i), sourceAddress: ours(i), holdTime });
  const routes = (community: string) =>
    node.write('routes', ...announcement('198.51.100.0/24', { communities: [community] }));
  node.speaker();
  for (const i of sessions) node.write(`peer${i}`, peer(i, '90s'));
  routes('65001:1');
  await waitFor('bird answers', async () => (await ask('show', 'status')).includes('Daemon is up'), {
    log: () => bird.output,
  });
  await node.start();
  const up = () => node.established(...sessions.map((i) => `peer${i}`));
  /** How many sessions sent a route with this community. */
  const carrying = async (community: string) => {
    const text = await ask('show', 'route', 'all');
    return text.split(`BGP.community: (${community.replace(':', ',')})`).length - 1;
  };
  /** How often each session came up and went down, as the router has logged it. */
  const changes = (to: 'up' | 'flush') =>
    sessions.map((i) => [...bird.output.matchAll(new RegExp(`peer${i}: State changed to ${to}\\n`, 'g'))].length);
  await waitFor('twenty sessions', up, { log });
  await waitFor('twenty routes', async () => (await carrying('65001:1')) === sessions.length, { log });
  expect(changes('up')).toEqual(sessions.map(() => 1));

  routes('65001:2');
  await waitFor('the other community', async () => (await carrying('65001:2')) === sessions.length, { log });
  expect(await carrying('65001:1')).toBe(0);
  expect([changes('up'), changes('flush')]).toEqual([sessions.map(() => 1), sessions.map(() => 0)]);

  const edited = 7;
  node.write(`peer${edited}`, peer(edited, '60s'));
  await waitFor('the reset', () => changes('up')[edited] === 2, { log });
  await waitFor('its route', async () => (await carrying('65001:2')) === sessions.length, { log });
  expect((await node.peer(`peer${edited}`)).holdTimeSec).toBe(60);
  expect(changes('up')).toEqual(sessions.map((i) => (i === edited ? 2 : 1)));
  expect(bird.output).toMatch(`peer${edited}: Received: Other configuration change`);

  node.remove(`peer${edited}`);
  await waitFor('the end', async () => (await carrying('65001:2')) === sessions.length - 1, { log });
  expect(changes('flush')).toEqual(sessions.map((i) => (i === edited ? 2 : 0)));
  expect(await node.end(), log()).toBe(0);
});
