/** Where the journal of the network is while the state directory changes, with a kernel that has one link. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Kernel } from '../../../src/daemon/network/kernel.ts';
import { Network } from '../../../src/daemon/network/network.ts';
import { FileStore } from '../../../src/daemon/network/store.ts';
import type { Snapshot } from '../../../src/vrf/state.ts';
import type { Step } from '../../../src/vrf/step.ts';
import { accepted } from '../../support/config.ts';
import { Folder } from '../../support/daemon.ts';

const FORWARDING = 'net/ipv4/conf/eth0/forwarding';

class OneLink {
  writes = 0;
  readonly portId = 1;
  readonly sysctls = new Map([[FORWARDING, '0']]);
  read(): Snapshot {
    const eth0 = { name: 'eth0', kind: 'ethernet', mtu: 1500, up: true, master: null, alias: '' };
    const links = new Map([['eth0', eth0]]);
    return { links, addresses: new Map(), routes: [], rules: [], sysctls: new Map(this.sysctls) };
  }
  take(step: Step): void {
    this.writes++;
    if (step.do === 'sysctl') this.sysctls.set(step.path, step.value);
  }
  close(): void {}
}

let folder: Folder;
let kernel: OneLink;
let changed: () => void;
beforeEach(() => {
  folder = new Folder();
  kernel = new OneLink();
});
afterEach(() => folder.dispose());

const network = () =>
  new Network({
    log: pino({ level: 'silent' }),
    sessions: () => new Set(),
    isPeer: () => false,
    applied: () => {},
    happened: () => {},
    parts: {
      glance: () => undefined,
      kernel: () => kernel as unknown as Kernel,
      store: (dir) => new FileStore(dir),
      watch: (_, tell) => {
        changed = tell;
        return { close: () => {} };
      },
    },
  });
const config = (dir: string, more = ', interfaces: [{name: eth0, forwarding: true}]') =>
  accepted(
    `apiVersion: waypost.dev/v1\nkind: Speaker\nmetadata: {name: node-a}\nspec: {stateDir: ${folder.file(dir)}, network: {rollback: 0s${more}}}\n`,
  );
const isIn = (dir: string) => existsSync(folder.file(`${dir}/network.json`));

test('it is in the state directory that a reload gives, for the next process, and no longer in the other', async () => {
  const first = network();
  await first.configure(await config('one'));
  expect([kernel.sysctls.get(FORWARDING), isIn('one')]).toEqual(['1', true]);
  await first.configure(await config('two'));
  expect([isIn('one'), isIn('two')]).toEqual([false, true]);
  first.stop();
  // It knows how things were.
  const next = network();
  await next.configure(await config('two', ''));
  expect(kernel.sysctls.get(FORWARDING)).toBe('0');
  next.stop();
});

test('it stays where it is while the other directory cannot be written, and follows once it can', async () => {
  const first = network();
  await first.configure(await config('one'));
  writeFileSync(folder.file('two'), '');
  await first.configure(await config('two'));
  expect(isIn('one')).toBe(true);
  rmSync(folder.file('two'));
  changed();
  expect([isIn('one'), isIn('two')]).toEqual([false, true]);
  first.stop();
});
