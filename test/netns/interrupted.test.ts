/**
 * A process that dies while it changes the network, after each of its steps once: the next one goes back, or on, and
 * never stops in between. The kernel is this machine's, and death is that nothing is done or written any more.
 */
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Configuration } from '../../src/config/model.ts';
import { Kernel, type Sysctls } from '../../src/daemon/network/kernel.ts';
import { Network } from '../../src/daemon/network/network.ts';
import type { NetworkJournal, Store } from '../../src/daemon/network/store.ts';
import { RequestSocket } from '../../src/io/netlink.ts';
import { emptyJournal, journalText, readJournal } from '../../src/vrf/journal.ts';
import type { Step } from '../../src/vrf/step.ts';
import { accepted } from '../support/config.ts';
import { Namespace } from '../support/netns.ts';
import { waitFor } from '../support/process.ts';
import { inNamespace } from '../support/setns.ts';

let node: Namespace;
let disk: string;
let sysctls: Map<string, string>;

beforeEach(async () => {
  node = await Namespace.create('interrupted');
  disk = journalText(emptyJournal('boot'));
  sysctls = new Map([
    ['net/ipv4/conf/eth0/forwarding', '0'],
    ['net/ipv6/conf/eth0/forwarding', '0'],
    ['net/ipv6/conf/eth0/accept_ra', '1'],
    ['net/ipv4/conf/all/rp_filter', '0'],
  ]);
  await node.run(['ip', '-batch', '-'], {
    input: `link add eth0 type veth peer name eth1
link set eth0 up
link set eth1 up
addr add 192.0.2.2/24 dev eth0
addr add 2001:db8::2/64 dev eth0
route add 203.0.113.0/24 via 192.0.2.1
rule add to 10.99.0.0/16 lookup 9 pref 900
`,
  });
  await waitFor('link-local addresses', async () => (await node.run(['ip', 'addr'])).split('inet6 fe80').length === 3);
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

/** One process: what it is to do, and after how many steps it dies. */
async function live(config: Configuration, steps = Number.POSITIVE_INFINITY): Promise<Mortal> {
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
  };
  const network = new Network({
    log: pino({ level: 'silent' }),
    sessions: () => new Set(),
    isPeer: () => false,
    applied: () => {},
    parts: { kernel: () => kernel, store: () => store, watch: () => ({ close: () => {} }) },
  });
  await network.configure(config);
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
