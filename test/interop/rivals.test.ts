/** Two daemons in one network namespace, with state directories of their own, that look after the same routes. */
import { afterAll, expect, test } from 'vitest';
import { waitFor } from '../support/process.ts';
import { Node, program, receiving } from './node.ts';
import { far, near, type Wire, wire } from './wire.ts';

let w: Wire | undefined;
afterAll(async () => {
  await w?.close();
});

test('the second one changes nothing while the first one is there, and then takes over', async () => {
  w = await wire('rivals');
  const { near: here, far: there } = w;
  const router = (port: number, ...prefixes: readonly string[]) =>
    there.spawn([
      ...program,
      ...['peer', near.ipv4, '--local-as', '65002', '--peer-as', '65001', '--router-id', far.ipv4, '--json'],
      ...['--passive', '--listen', `${far.ipv4}:${port}`],
      ...prefixes.flatMap((prefix) => ['--announce', prefix]),
    ]);
  const routers = [router(1790, '20.0.0.0/24', '20.0.1.0/24'), router(1791, '20.0.1.0/24', '20.0.2.0/24')];
  const daemon = (folder: string, port: number): Node => {
    const node = new Node(here, { folder });
    node.speaker();
    node.write('frr', receiving(65001, [{ address: far.ipv4, asn: 65002, port }]));
    return node;
  };
  const [first, second] = [daemon('first', 1790), daemon('second', 1791)];
  const log = () => `${first.log().slice(-5000)}\n${second.log().slice(-5000)}`;
  const kernel = async (): Promise<string[]> => {
    const text = await here.run(['ip', '-j', 'route', 'show', 'proto', '186']);
    return (JSON.parse(text || '[]') as { dst: string }[]).map(({ dst }) => dst).sort();
  };
  const has = (what: string, ...prefixes: readonly string[]) =>
    waitFor(what, async () => JSON.stringify(await kernel()) === JSON.stringify(prefixes), { log });

  await first.start();
  await has("the first one's routes", '20.0.0.0/24', '20.0.1.0/24');
  await second.start();
  const states = async () => (await second.rows('routes')).map(({ prefix, state }) => `${prefix} ${state}`).sort();
  // What is there already, and as wanted, is there. Leftovers have been swept by then, as far as they are its own.
  const want = ['20.0.0.0/24 held', '20.0.1.0/24 installed', '20.0.2.0/24 held'];
  await waitFor('the second one to wait', async () => JSON.stringify(await states()) === JSON.stringify(want), { log });
  expect((await second.rows('events')).filter(({ reason }) => reason === 'kernelHeld')).toHaveLength(1);
  const [received] = (await second.explain('20.0.2.0/24')).chains.filter(({ title }) => title.startsWith('Received'));
  expect(received).toMatchObject({ ok: false, reason: 'kernelHeld' });
  expect(await kernel()).toEqual(['20.0.0.0/24', '20.0.1.0/24']);
  expect(await here.run(['ss', '-xlH'])).toContain('@waypost/routes/table/254/protocol/186/metric/20');

  await first.end('SIGKILL');
  await has("the second one's routes", '20.0.1.0/24', '20.0.2.0/24');
  await first.start();
  await waitFor(
    'the first one to wait',
    async () => (await first.rows('routes')).some(({ state }) => state === 'held'),
    {
      log,
    },
  );
  // It ends without taking anything along that is not its own.
  expect(await first.end()).toBe(0);
  expect(await kernel()).toEqual(['20.0.1.0/24', '20.0.2.0/24']);
  expect(await second.end()).toBe(0);
  expect(await kernel()).toEqual([]);
  for (const each of routers) await each.stop('SIGINT');
});
