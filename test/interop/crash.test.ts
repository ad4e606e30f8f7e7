/**
 * The daemon is killed at random moments while 10,000 routes come and go. After a restart the kernel has what the router
 * announces, no more, and what others have put there. WAYPOST_SOAK: how many times, in place of twice.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { waitFor } from '../support/process.ts';
import { Node, program, receiving } from './node.ts';
import { far, near, type Wire, wire } from './wire.ts';

const KILLS = Number(process.env.WAYPOST_SOAK ?? 2);
const ROUTES = 10_000;
/** Lines in one burst of the churn, and between bursts, ms. */
const BURST = 400;
const PAUSE_MS = 20;

const prefixes = Array.from({ length: ROUTES }, (_, i) => `20.${i >> 8}.${i & 255}.0/24`);
/** Xorshift: the same moments in each run. */
let seed = 0x2545f491;
const random = (n: number): number => {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return (seed >>> 0) % n;
};

let w: Wire | undefined;
afterAll(async () => {
  await w?.close();
});

test(`killed ${KILLS} times during churn, nothing is lost, left over or touched`, {
  timeout: 120_000 + KILLS * 60_000,
}, async () => {
  w = await wire('crash');
  const { near: here, far: there } = w;
  const router = () =>
    there.spawn([
      ...program,
      ...['peer', near.ipv4, '--local-as', '65002', '--peer-as', '65001', '--router-id', far.ipv4, '--json'],
      ...['--passive', '--listen', `${far.ipv4}:1790`, '--announce', '-'],
    ]);
  let remote = router();
  const announced = new Set<string>();
  const say = (sign: '+' | '-', list: readonly string[]) => {
    for (const prefix of list) {
      if (sign === '+') announced.add(prefix);
      else announced.delete(prefix);
    }
    remote.write(list.map((prefix) => `${sign} ${prefix}\n`).join(''));
  };
  const churn = async (ms: number) => {
    for (const until = performance.now() + ms; performance.now() < until; await sleep(PAUSE_MS)) {
      const some = new Set(Array.from({ length: BURST }, () => prefixes[random(ROUTES)]!));
      say(
        '-',
        [...some].filter((prefix) => announced.has(prefix)),
      );
      say(
        '+',
        [...some].filter((prefix) => !announced.has(prefix) && random(2) === 0),
      );
    }
  };
  const foreign = [
    '198.51.100.0/24 via 192.0.2.9 metric 20',
    '20.1.2.0/24 via 192.0.2.9 metric 7',
    '20.3.3.0/24 via 192.0.2.9 metric 20',
  ];
  for (const route of foreign) await here.run(['ip', 'route', 'add', ...route.split(' '), 'proto', 'static']);
  const conflicting = '20.3.3.0/24';
  const routes = async (protocol: string): Promise<string[]> => {
    const text = await here.run(['ip', '-j', 'route', 'show', 'proto', protocol]);
    return (JSON.parse(text || '[]') as { dst: string }[]).map(({ dst }) => dst).sort();
  };
  const node = new Node(here);
  node.speaker();
  node.write('frr', receiving(65001, [{ address: far.ipv4, asn: 65002 }]));
  say('+', prefixes);
  await node.start();
  const log = () => node.log().slice(-5000);
  for (let kill = 0; kill < KILLS; kill++) {
    // From before the first route is there to long after the last.
    await churn(random(1_500));
    await node.end('SIGKILL');
    // Another one, since this one would hold off for longer each time (DampPeerOscillations): up to a minute.
    await remote.stop('SIGINT');
    remote = router();
    say('+', [...announced]);
    await churn(200);
    expect(await routes('static')).toHaveLength(foreign.length);
    await node.start();
    await churn(random(1_000));
    await waitFor(
      'the kernel to have what is announced',
      async () => {
        const want = [...announced].filter((prefix) => prefix !== conflicting).sort();
        return JSON.stringify(await routes('186')) === JSON.stringify(want);
      },
      { log, timeoutMs: 60_000 },
    );
    const counted = await node.rows('routes');
    expect(counted.filter((r) => r.state === 'installed').length).toBe((await routes('186')).length);
    expect(await routes('static')).toHaveLength(foreign.length);
  }
  expect(await node.end()).toBe(0);
  expect(await routes('186')).toEqual([]);
  expect(await routes('static')).toHaveLength(foreign.length);
  await remote.stop('SIGINT');
});
