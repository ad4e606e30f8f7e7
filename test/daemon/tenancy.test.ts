/** Who had which address, over restarts, and how long a node that has just started waits. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Engine } from '../../src/daemon/engine.ts';
import { Services } from '../../src/daemon/services.ts';
import { Tenancy } from '../../src/daemon/tenancy.ts';
import { configuration, ingress, layer2Advertisement, listed, node, pool, service, speaker } from '../support/model.ts';

let stateDir: string;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'waypost-test-'));
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

/** node-b is the first by hash, then node-a. */
const web = service('web', { ingress: ingress('192.168.10.10') });

class Process {
  readonly services = new Services();
  private readonly self: string;
  readonly tenancy: Tenancy;

  constructor(self: string) {
    this.self = self;
    const engine = { services: this.services, endHoldDown: () => this.end() } as unknown as Engine;
    this.tenancy = new Tenancy(engine, () => {});
  }

  private end(): void {
    this.services.holdDown(undefined);
    this.step();
  }

  private step(): void {
    while (this.services.step() !== undefined);
  }

  async load(members: readonly string[], layer2: { stickiness?: boolean; holdDownMs?: number }): Promise<void> {
    this.begin(members, layer2);
    await this.tenancy.stop();
  }

  /** As `load`, but that it goes on: its timer runs. */
  begin(members: readonly string[], layer2: { stickiness?: boolean; holdDownMs?: number }): void {
    const settings = speaker({ name: this.self, stateDir, membership: listed(...members) });
    const config = configuration({
      speaker: { ...settings, layer2: { ...settings.layer2, ...layer2 } },
      pools: [pool('lab', ['192.168.10.0/24'])],
      layer2Advertisements: [layer2Advertisement('l2', ['lab'])],
      nodes: [node('node-a'), node('node-b')],
      services: [web],
    });
    this.tenancy.configure(config);
    this.services.apply(config);
    this.step();
    this.tenancy.settled(config);
  }

  get layer2() {
    const { announced, owner, reason } = this.services.decisions.get('default/web')!.layer2;
    return [announced, owner, reason];
  }
}

test('an address stays with the node that took it over, also for a process that was started anew', async () => {
  const sticky = { stickiness: true };
  const first = new Process('node-a');
  await first.load(['node-a', 'node-b'], sticky);
  expect(first.layer2).toEqual([false, 'node-b', 'notOwner']);
  await first.load(['node-a'], sticky);
  expect(first.layer2).toEqual([true, 'node-a', undefined]);
  await first.load(['node-a', 'node-b'], sticky);
  expect(first.layer2).toEqual([true, 'node-a', undefined]);
  const second = new Process('node-a');
  await second.load(['node-a', 'node-b'], sticky);
  expect(second.layer2).toEqual([true, 'node-a', undefined]);
  // Without the option it goes where the hash has it.
  await second.load(['node-a', 'node-b'], {});
  expect(second.layer2).toEqual([false, 'node-b', 'notOwner']);
});

test('a node that has just started takes nothing over, but for what it had in this boot', async () => {
  const wait = { holdDownMs: 60_000 };
  const first = new Process('node-b');
  await first.load(['node-b'], wait);
  expect(first.layer2).toEqual([false, 'node-b', 'heldDown']);
  // Nothing was had yet.
  const soon = new Process('node-b');
  await soon.load(['node-b'], wait);
  expect(soon.layer2).toEqual([false, 'node-b', 'heldDown']);
  soon.services.holdDown(undefined);
  await soon.load(['node-b'], wait);
  expect(soon.layer2).toEqual([true, 'node-b', undefined]);
  const second = new Process('node-b');
  await second.load(['node-b'], wait);
  expect(second.layer2).toEqual([true, 'node-b', undefined]);
  const file = join(stateDir, 'owners.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/"boot":"[^"]*"/, '"boot":"another"'));
  const third = new Process('node-b');
  await third.load(['node-b'], wait);
  expect(third.layer2).toEqual([false, 'node-b', 'heldDown']);
});

describe('the time after a start', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('ends by itself, and is not begun again by another configuration', async () => {
    const only = new Process('node-b');
    only.begin(['node-b'], { holdDownMs: 60_000 });
    vi.advanceTimersByTime(50_000);
    only.begin(['node-b'], { holdDownMs: 60_000 });
    vi.advanceTimersByTime(9_999);
    expect(only.layer2).toEqual([false, 'node-b', 'heldDown']);
    vi.advanceTimersByTime(1);
    expect(only.layer2).toEqual([true, 'node-b', undefined]);
    await only.tenancy.stop();
  });

  test('is over when the process ends', async () => {
    const only = new Process('node-b');
    only.begin(['node-b'], { holdDownMs: 60_000 });
    await only.tenancy.stop();
    vi.advanceTimersByTime(120_000);
    expect(only.layer2).toEqual([false, 'node-b', 'heldDown']);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('is no time at all where nobody asked for it', () => {
    const only = new Process('node-b');
    only.begin(['node-b'], { stickiness: true });
    expect(only.layer2).toEqual([true, 'node-b', undefined]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('a file that cannot be read is a first start', async () => {
  writeFileSync(join(stateDir, 'owners.json'), '{');
  const only = new Process('node-b');
  await only.load(['node-a', 'node-b'], { stickiness: true });
  expect(only.layer2).toEqual([true, 'node-b', undefined]);
});
