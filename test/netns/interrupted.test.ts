/**
 * A process that dies while it changes the network, after each of its steps once: the next one goes back, or on, and
 * never stops in between. The kernel is this machine's, and death is that nothing is done or written any more.
 */
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Configuration } from '../../src/config/model.ts';
import { Kernel, type Sysctls } from '../../src/daemon/network/kernel.ts';
import { Network } from '../../src/daemon/network/network.ts';
import type { NetworkJournal, Store } from '../../src/daemon/network/store.ts';
import { RequestSocket } from '../../src/io/netlink.ts';
import { emptyJournal, journalText, readJournal } from '../../src/vrf/journal.ts';
import type { Step } from '../../src/vrf/step.ts';
import { accepted } from '../support/config.ts';
import { livedIn } from '../support/lived.ts';
import type { Namespace } from '../support/netns.ts';
import { waitFor } from '../support/process.ts';
import { inNamespace } from '../support/setns.ts';

let node: Namespace;
let disk: string;
let sysctls: Map<string, string>;

beforeEach(async () => {
  node = await livedIn('interrupted');
  disk = journalText(emptyJournal('boot'));
  sysctls = new Map([
    ['net/ipv4/conf/eth0/forwarding', '0'],
    ['net/ipv6/conf/eth0/forwarding', '0'],
    ['net/ipv6/conf/eth0/accept_ra', '1'],
    ['net/ipv4/conf/all/rp_filter', '0'],
  ]);
});
afterEach(() => node.close());

const policy = (network: string) => `
apiVersion: waypost.dev/v1
kind: Speaker
metadata: {name: node-a}
spec: {network: {rollback: 0s${network}}}
---
apiVersion: nmstate.io/v1
kind: NodeNetworkConfigurationPolicy
metadata: {name: all}
spec:
  desiredState:
    interfaces:
    - {name: br-a, type: linux-bridge, state: up, bridge: {port: [{name: eth1}]}, ipv4: {enabled: true, address: [{ip: 10.1.0.1, prefix-length: 24}]}}
    - {name: br-b, type: linux-bridge, state: up, mtu: 1400}
    - {name: eth0, mtu: 1400, ipv4: {enabled: true, address: [{ip: 192.0.2.3, prefix-length: 24}]}}
    routes:
      config:
      - {destination: 10.5.0.0/16, next-hop-interface: eth0, next-hop-address: 192.0.2.1, table-id: 77}
      - {destination: 203.0.113.0/24, state: absent}
    route-rules:
      config:
      - {ip-to: 172.30.0.0/16, priority: 998, route-table: 254}
      - {ip-to: 10.99.0.0/16, state: absent}
`;
const nothing =
  'apiVersion: waypost.dev/v1\nkind: Speaker\nmetadata: {name: node-a}\nspec: {network: {rollback: 0s}}\n';

/** Dies before it takes one more step than these. */
class Mortal extends Kernel {
  dead = false;
  private left: number;
  constructor(socket: RequestSocket, settings: Sysctls, steps: number) {
    super(socket, settings);
    this.left = steps;
  }
  override take(step: Step): void {
    if (this.left-- <= 0) this.dead = true;
    if (this.dead) throw new Error('dead');
    super.take(step);
  }
}

/** One process: what it is to do, after how many steps it dies, and what it is to do instead in the middle of that. */
async function live(config: Configuration, steps = Number.POSITIVE_INFINITY, then?: Configuration): Promise<Mortal> {
  const settings: Sysctls = {
    read: (path) => sysctls.get(path),
    write: (path, value) => void sysctls.set(path, value),
  };
  const kernel = new Mortal(
    inNamespace(node.name, () => new RequestSocket()),
    settings,
    steps,
  );
  const store: Store = {
    load: () => readJournal(disk),
    save: (journal: NetworkJournal) => {
      if (!kernel.dead) disk = journalText(journal);
    },
    remove: () => {},
  };
  const network = new Network({
    log: pino({ level: 'silent' }),
    sessions: () => new Set(),
    isPeer: () => false,
    applied: () => {},
    happened: () => {},
    parts: {
      glance: () => undefined,
      kernel: () => kernel,
      store: () => store,
      watch: () => ({ close: () => {} }),
    },
  });
  const done = network.configure(config);
  if (then !== undefined) {
    await waitFor(
      'it is on trial',
      () => kernel.dead || network.standings().some(({ state }) => state === 'confirming'),
    );
    await network.configure(then);
  }
  await done;
  network.stop();
  return kernel;
}

async function state(): Promise<string> {
  const text = await node.run([
    'sh',
    '-c',
    'ip link; ip addr; ip rule; ip route show table all; ip -6 route show table all | sort',
  ]);
  // Links that are made again have other numbers and hardware addresses.
  const named = text.replaceAll(/^\d+: /gm, '').split('\n');
  return [...named.filter((line) => !/br-|tentative|link\/ether|fe80::/.test(line)), ...sysctls].join('\n');
}

it('is as it was, or as it was to be, after whichever step it dies', async () => {
  const wanted = await accepted(policy(', interfaces: [{name: eth0, forwarding: true}]'));
  const none = await accepted(nothing);
  const before = await state();
  const whole = await live(wanted);
  expect(whole.dead).toBe(false);
  const after = await state();
  expect(after).not.toBe(before);
  expect(whole.writes).toBeGreaterThan(12);
  await live(none);
  expect(await state()).toBe(before);

  for (let steps = 1; steps < whole.writes; steps++) {
    const mortal = await live(wanted, steps);
    expect(mortal.dead).toBe(true);
    // Back, where the documents have gone meanwhile, and on, where they have not.
    const back = steps % 2 === 0;
    await live(back ? none : wanted);
    expect([steps, await state()]).toEqual([steps, back ? before : after]);
    if (!back) await live(none);
    expect([steps, await state()]).toEqual([steps, before]);
  }
});

/** Never confirmed. */
const doubtful = (text: string): string =>
  text
    .replace('rollback: 0s', 'rollback: 60s')
    .replace('{name: all}', '{name: all, annotations: {waypost.dev/probe: sleep 1000}}');
const other = `
apiVersion: nmstate.io/v1
kind: NodeNetworkConfigurationPolicy
metadata: {name: all}
spec:
  desiredState:
    interfaces:
    - {name: br-a, type: linux-bridge, state: up, bridge: {port: []}}
    - {name: br-c, type: linux-bridge, state: up}
    - {name: eth0, mtu: 1400, ipv4: {enabled: true, address: [{ip: 192.0.2.4, prefix-length: 24}]}}
    - {name: eth1, mtu: 1300}
    routes:
      config:
      - {destination: 203.0.113.0/24, state: absent}
    route-rules:
      config:
      - {ip-to: 172.30.0.0/16, priority: 998, route-table: 254}
`;

describe('a change in whose place another one comes before it is confirmed', () => {
  it('is not taken back in between, and all is as it was once that is', async () => {
    const [first, second, none] = await Promise.all([
      accepted(doubtful(policy(''))),
      accepted(`${nothing}---${other}`),
      accepted(nothing),
    ]);
    const before = await state();
    const watch = node.spawn(['ip', '-o', 'monitor', 'link', 'rule', 'route']);
    await waitFor('it watches', async () => {
      await node.run(['ip', 'link', 'add', 'probe', 'type', 'veth', 'peer', 'name', 'probe-peer']);
      await node.run(['ip', 'link', 'del', 'probe']);
      return watch.output.includes('probe');
    });
    await live(first, undefined, second);
    const after = await state();
    expect(after).toContain('192.0.2.4');
    expect(after).not.toMatch(/br-b|10\.5\.0\.0|192\.0\.2\.3/);
    // What both want was there all the time.
    const told = watch.output.split('\n');
    expect(told.filter((line) => /172\.30\.0\.0|203\.0\.113\.0/.test(line))).toEqual([
      expect.stringMatching(/^Deleted 203\.0\.113\.0/),
      expect.stringMatching(/^998:/),
    ]);
    expect(told.filter((line) => /: br-a: .* mtu/.test(line) && line.startsWith('Deleted'))).toEqual([]);
    expect(told.filter((line) => /: eth0@.* mtu 1500 /.test(line))).toEqual([]);
    await watch.stop();
    await live(none);
    expect(await state()).toBe(before);
  });

  it('is taken back when nothing is wanted instead', async () => {
    const before = await state();
    await live(await accepted(doubtful(policy(''))), undefined, await accepted(nothing));
    expect(await state()).toBe(before);
  });

  it('is taken back as a whole when that one fails', async () => {
    const before = await state();
    const failing = doubtful(`${nothing}---${other}`).replace('rollback: 60s', 'rollback: 1s');
    await live(await accepted(doubtful(policy(''))), undefined, await accepted(failing));
    expect(await state()).toBe(before);
  });

  it('leads back to how it was before the first, after whichever step it dies', async () => {
    const first = await accepted(doubtful(policy('')));
    const second = await accepted(`${nothing}---${other}`);
    const none = await accepted(nothing);
    const before = await state();
    const whole = await live(first, undefined, second);
    await live(none);
    const alone = await live(first, undefined, none);
    expect(whole.writes).toBeGreaterThan(20);
    for (let steps = Math.ceil(alone.writes / 2); steps < whole.writes; steps += 3) {
      const mortal = await live(first, steps, second);
      expect(mortal.dead).toBe(true);
      await live(none);
      expect([steps, await state()]).toEqual([steps, before]);
    }
  });
});
