/** Whether learned routes are installed at all, and whose leftovers are looked for. */
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BootFile } from '../../src/daemon/bootfile.ts';
import type { FibSettings } from '../../src/daemon/fib/events.ts';
import type { Fib } from '../../src/daemon/fib/fib.ts';
import type { Place } from '../../src/daemon/fib/places.ts';
import { Learned } from '../../src/daemon/learned.ts';
import type { Peer } from '../../src/daemon/peer.ts';
import type { Speaker } from '../../src/daemon/speaker.ts';
import { Folder, soon } from '../support/daemon.ts';
import { configuration, peer, speaker } from '../support/model.ts';

const PLACE = { table: 254, protocol: 186, metric: 20 };

let folder: Folder;
let learned: Learned;
let ours: boolean;
/** What it was begun with, and the settings since. */
let begun: { readonly settings: FibSettings[]; readonly places: readonly Place[] } | undefined;
const changes = { changes: 0 };

beforeEach(() => {
  folder = new Folder();
  ours = true;
  begun = undefined;
  const instances = { setFib: () => {}, setMultipath: () => {}, stop: () => {}, isBusy: true };
  learned = new Learned({
    speaker: { instances, all: new Map() } as unknown as Speaker,
    log: pino({ level: 'silent' }),
    stateDir: () => folder.path,
    isOurs: () => ours,
    complete: () => false,
    happened: () => {},
    fib: (settings, places) => {
      const all = [settings];
      begun = { settings: all, places };
      const fake: Pick<Fib, 'configure' | 'stop' | 'programmer'> = {
        configure: (next) => all.push(next),
        stop: async () => {},
        programmer: changes as unknown as Fib['programmer'],
      };
      return fake as Fib;
    },
  });
});
afterEach(async () => {
  await learned.stop();
  folder.dispose();
});

const plain = peer('plain', '10.0.0.1');
const generous = peer('generous', '10.0.0.2', { receive: { all: true, rules: [] } });
const of = (...peers: (typeof plain)[]) => configuration({ peers, speaker: speaker({ stateDir: folder.path }) });
const start = async (...peers: (typeof plain)[]) => {
  learned.configure(of(...peers));
  return await soon('it has begun', () => begun);
};

test('of peers that nothing is taken from nothing is installed, until there is another', async () => {
  const { settings } = await start(plain);
  expect(settings.map(({ install }) => install)).toEqual([false]);
  learned.configure(of(plain, generous));
  learned.configure(of(plain, generous));
  learned.configure(of(plain));
  expect(settings.map(({ install }) => install)).toEqual([false, true, false]);
});

test('what an earlier process left is looked for, unless another daemon has such routes now', async () => {
  new BootFile('routes.json', 1, () => {}).keep(folder.path, { places: [PLACE] });
  expect(learned.hasLeft(folder.path)).toBe(true);
  expect((await start(plain)).places).toEqual([PLACE]);
});

test('what is another daemon’s is none of our business', async () => {
  new BootFile('routes.json', 1, () => {}).keep(folder.path, { places: [PLACE] });
  ours = false;
  expect((await start(plain)).places).toEqual([]);
});

test('sessions that end where nothing is installed are no fail-overs, however much changes later', async () => {
  await start(plain);
  learned.lost({ retention: { stale: [] } } as unknown as Peer);
  learned.failover.end(1e9, changes.changes + 1);
  expect(learned.failover.counts.every((count) => count === 0)).toBe(true);
  learned.configure(of(generous));
  learned.lost({ retention: { stale: [] } } as unknown as Peer);
  learned.failover.end(1e9, changes.changes + 1);
  expect(learned.failover.counts.at(-1)).toBe(1);
});
