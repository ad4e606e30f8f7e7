/** Who had which address, over restarts, and how long a node that has just started waits. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Engine } from '../../src/daemon/engine.ts';
import { Services } from '../../src/daemon/services.ts';
import { Tenancy } from '../../src/daemon/tenancy.ts';
import { configuration, ingress, layer2Advertisement, node, pool, service, speaker } from '../support/model.ts';

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
  private readonly tenancy: Tenancy;

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
    const settings = speaker({ name: this.self, stateDir, membership: { type: 'static', nodes: members } });
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
    await this.tenancy.stop();
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

test('a file that cannot be read is a first start', async () => {
  writeFileSync(join(stateDir, 'owners.json'), '{');
  const only = new Process('node-b');
  await only.load(['node-a', 'node-b'], { stickiness: true });
  expect(only.layer2).toEqual([true, 'node-b', undefined]);
});
