/** From sessions with other members to who counts as alive, and when a node that has just come takes anything over. */
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { MemberPath } from '../../src/config/membership.ts';
import type { Configuration } from '../../src/config/model.ts';
import { Liveness } from '../../src/daemon/liveness.ts';
import { Services } from '../../src/daemon/services.ts';
import { address } from '../../src/lib/address.ts';
import { configuration, ingress, layer2Advertisement, node, pool, service, speaker } from '../support/model.ts';

const settings = {
  ...{ receiveIntervalMs: 300, transmitIntervalMs: 300, detectMultiplier: 3, passive: false, minimumTtl: 254 },
};
const paths = (...hosts: readonly number[]): MemberPath[] =>
  hosts.map((host) => ({ name: `node-${host}`, address: address(`192.0.2.${host}`), settings }));
const configOf = (members: readonly MemberPath[], others: readonly number[] = []): Configuration => ({
  ...configuration({ speaker: speaker({ name: 'node-1' }), nodes: others.map((host) => node(`node-${host}`)) }),
  members,
});

class Bench {
  deaf = false;
  own = [address('192.0.2.1')];
  watches = 0;
  healed = 0;
  /** `hearing`, as it was last told of. */
  heard = '';
  readonly told: string[] = [];
  readonly journal: string[] = [];
  readonly liveness = new Liveness({
    log: pino({ enabled: false }),
    watch: () => {
      this.watches++;
    },
    deaf: () => this.deaf,
    addresses: () => this.own,
    changed: (silent, joining) => {
      const line = `${[...silent].join() || 'all'}${joining ? ', joining' : ''}`;
      if (this.told.at(-1) !== line) this.told.push(line);
    },
    heard: () => {
      const { silent, aside } = this.liveness.hearing;
      this.heard = aside ? 'aside' : [...silent].join() || 'all';
    },
    healed: () => {
      this.healed++;
    },
    happened: (name, event, reason) => this.journal.push(`${name}: ${event}${reason && `, ${reason}`}`),
  });
  up = (host: number, discriminator = host) => this.liveness.told(`node-${host}`, true, discriminator, '');
  down = (host: number) => this.liveness.told(`node-${host}`, false, host, 'control detection time expired');
  get watched(): string[] {
    return this.liveness.watched.map(({ name }) => name);
  }
}

let bench: Bench;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  bench = new Bench();
});
afterEach(() => {
  bench.liveness.leave();
  vi.useRealTimers();
});

test('a node takes nothing over before it has heard of all others', () => {
  bench.liveness.configure(configOf(paths(2, 3)));
  expect(bench.watched).toEqual(['node-2', 'node-3']);
  bench.up(2);
  bench.up(3);
  expect(bench.told).toEqual(['node-2,node-3, joining', 'node-3, joining', 'all']);
  expect(vi.getTimerCount()).toBe(0);
});

test('whoever is not heard of for five seconds is taken to be dead, until it is heard of', () => {
  bench.liveness.configure(configOf(paths(2, 3)));
  bench.up(2);
  vi.advanceTimersByTime(4_900);
  expect(bench.told.at(-1)).toBe('node-3, joining');
  vi.advanceTimersByTime(600);
  expect(bench.told.at(-1)).toBe('node-3');
  expect(vi.getTimerCount()).toBe(0);
  bench.up(3);
  expect(bench.told.at(-1)).toBe('all');
  expect(bench.healed).toBe(0);
});

test('a member that falls silent is told at once, and so is its return', () => {
  bench.liveness.configure(configOf(paths(2, 3)));
  bench.up(2);
  bench.up(3);
  bench.down(3);
  expect(bench.told.at(-1)).toBe('node-3');
  // Another process: it has waited before it took anything over.
  bench.up(3, 99);
  expect([bench.told.at(-1), bench.healed]).toEqual(['all', 0]);
  expect(bench.journal).toEqual([
    ...['node-2: member alive', 'node-3: member alive'],
    ...['node-3: member silent, control detection time expired', 'node-3: member alive'],
  ]);
});

test('where both ends were there all the time, hosts may have been told otherwise', () => {
  bench.liveness.configure(configOf(paths(2)));
  bench.up(2);
  bench.down(2);
  bench.up(2);
  expect(bench.healed).toBe(1);
});

test('who can hear nobody knows nothing of anybody, and goes on waiting', () => {
  bench.deaf = true;
  bench.liveness.configure(configOf(paths(2, 3)));
  vi.advanceTimersByTime(60_000);
  expect(bench.told).toEqual(['node-2,node-3, joining']);
  // One session works: of the other nothing is known, as of any that does not answer.
  bench.up(2);
  expect(bench.told.at(-1)).toBe('node-3, joining');
  vi.advanceTimersByTime(5_300);
  expect(bench.told.at(-1)).toBe('node-3');
});

test('whose link goes down has nothing left, and waits when it is there again', () => {
  const [path] = paths(2);
  bench.liveness.configure(configOf([{ ...path!, source: address('192.0.2.1') }]));
  bench.up(2);
  bench.own = [address('127.0.0.1')];
  bench.down(2);
  vi.advanceTimersByTime(60_000);
  expect(bench.told.at(-1)).toBe('node-2, joining');
  bench.own = [address('192.0.2.1')];
  vi.advanceTimersByTime(1_000);
  expect(bench.told.at(-1)).toBe('node-2, joining');
  bench.up(2);
  expect(bench.told.at(-1)).toBe('all');
  // This time it is the other that is gone.
  bench.down(2);
  expect(bench.told.at(-1)).toBe('node-2');
});

test('members of a static list that are to be watched from now on count as alive until they could show it', () => {
  bench.liveness.configure(configOf([], [2]));
  expect(bench.told).toEqual(['all']);
  bench.liveness.configure(configOf(paths(2, 3), [2]));
  // Of the third nobody has ever heard.
  expect(bench.told.at(-1)).toBe('node-3');
  vi.advanceTimersByTime(5_300);
  expect(bench.told.at(-1)).toBe('node-2,node-3');
  bench.liveness.configure(configOf([], [2]));
  expect(bench.told.at(-1)).toBe('all');
});

test('a member with another address is another session, and has time for it', () => {
  bench.liveness.configure(configOf(paths(2)));
  bench.up(2);
  const [path] = paths(2);
  bench.liveness.configure(configOf([{ ...path!, settings: { ...settings, detectMultiplier: 5 } }]));
  bench.down(2);
  bench.up(2);
  bench.liveness.configure(configOf([{ ...path!, address: address('192.0.2.99') }]));
  expect(bench.told.at(-1)).toBe('all');
  vi.advanceTimersByTime(5_300);
  expect(bench.told.at(-1)).toBe('node-2');
});

test('who leaves is watched by nobody and hears nothing; who comes back begins anew', () => {
  bench.liveness.configure(configOf(paths(2)));
  bench.up(2);
  bench.liveness.leave();
  expect(bench.watched).toEqual([]);
  const told = bench.told.length;
  bench.down(2);
  expect(bench.told).toHaveLength(told);
  bench.liveness.enter();
  expect(bench.watched).toEqual(['node-2']);
  expect(bench.told.at(-1)).toBe('node-2, joining');
  bench.up(2);
  expect(bench.told.at(-1)).toBe('all');
  expect(bench.watches).toBe(3);
});

test('who stands aside hears nothing of anybody; else those that fall silent are known', () => {
  expect(bench.liveness.hearing).toEqual({ silent: new Set(), aside: true });
  bench.liveness.configure(configOf(paths(2, 3)));
  expect(bench.heard).toBe('aside');
  bench.up(2);
  bench.up(3);
  expect(bench.heard).toBe('all');
  bench.down(3);
  expect(bench.heard).toBe('node-3');
  bench.liveness.leave();
  expect(bench.heard).toBe('aside');
  bench.liveness.enter();
  bench.up(2);
  bench.up(3);
  expect(bench.heard).toBe('all');
});

test('nothing is to be waited for where nobody is watched', () => {
  bench.liveness.configure(configOf([]));
  expect([bench.told, vi.getTimerCount()]).toEqual([['all'], 0]);
});

/** By sha256sum over node#address: of the first b a c, of the second c a b. */
const [first, second] = ['192.168.10.10', '192.168.10.11'];

function cluster(): Services {
  const services = new Services();
  const names = ['node-a', 'node-b', 'node-c'];
  services.apply(
    configuration({
      speaker: speaker({ name: 'node-a', membership: { type: 'bfd', nodes: names, addresses: new Map() } }),
      pools: [pool('lab', ['192.168.10.0/24'])],
      layer2Advertisements: [layer2Advertisement('l2', ['lab'])],
      services: [service('web', { ingress: ingress(first) }), service('api', { ingress: ingress(second) })],
    }),
  );
  return services;
}

const decided = (services: Services): string[] => {
  const keys: string[] = [];
  for (let each = services.step(); each !== undefined; each = services.step()) keys.push(each.key);
  return keys;
};

test('of a member that falls silent only what it announced is decided anew; with one that comes, all is', () => {
  const services = cluster();
  expect(decided(services)).toEqual(['default/api', 'default/web']);
  const owners = () => ['web', 'api'].map((name) => services.decisions.get(`default/${name}`)?.layer2.owner);
  expect(owners()).toEqual(['node-b', 'node-c']);
  services.hear(new Set(['node-b']), false);
  expect([decided(services), owners()]).toEqual([['default/web'], ['node-a', 'node-c']]);
  services.hear(new Set(['node-b', 'node-c']), false);
  expect([decided(services), owners()]).toEqual([['default/api'], ['node-a', 'node-a']]);
  services.hear(new Set(['node-b']), false);
  expect([decided(services).sort(), owners()]).toEqual([
    ['default/api', 'default/web'],
    ['node-a', 'node-c'],
  ]);
  // A node that is alone looks again and again.
  expect(services.hear(new Set(['node-b']), false)).toBe(false);
  expect(decided(services)).toEqual([]);
});

test('a node that is yet to hear of the others announces nothing, and says so', () => {
  const services = cluster();
  services.hear(new Set(['node-b']), true);
  decided(services);
  const web = () => services.decisions.get('default/web')!.layer2;
  expect(web()).toMatchObject({ announced: false, reason: 'heldDown', owner: 'node-a' });
  expect(web().detail).toBe('node node-a has yet to hear of the others');
  services.hear(new Set(['node-b']), false);
  expect(decided(services)).toEqual(['default/web']);
  expect(web()).toMatchObject({ announced: true });
  // Its link went down.
  services.hear(new Set(['node-b', 'node-c']), true);
  decided(services);
  expect(web()).toMatchObject({ announced: false, reason: 'heldDown' });
});
