/**
 * The node's network seen from below: what a real process asks of the kernel, by strace. The second time it asks for
 * nothing, and killed before whichever request of a change, the next one goes back or on, and never stops in between.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { control } from '../support/control.ts';
import { livedIn } from '../support/lived.ts';
import type { Namespace } from '../support/netns.ts';
import { type Daemon, waitFor } from '../support/process.ts';

const program = fileURLToPath(new URL('../../bin/waypost', import.meta.url));

let node: Namespace;
let folder: string;

beforeEach(async () => {
  node = await livedIn('strace');
  folder = node.folder('strace');
  mkdirSync(join(folder, 'conf'));
});
afterEach(() => node.close());

const POLICY = `
apiVersion: nmstate.io/v1
kind: NodeNetworkConfigurationPolicy
metadata: {name: all}
spec:
  desiredState:
    interfaces:
    - {name: br-a, type: linux-bridge, state: up, bridge: {port: [{name: eth1}]}, ipv4: {enabled: true, address: [{ip: 10.1.0.1, prefix-length: 24}]}}
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
const EGRESS = `
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: pool}
spec: {addresses: [203.0.113.10/32]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, clusterIPs: [172.30.5.5], ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web, labels: {kubernetes.io/service-name: web}}
endpoints: [{addresses: [10.244.0.5], nodeName: node-a}]
---
apiVersion: k8s.ovn.org/v1
kind: EgressService
metadata: {name: web}
spec: {sourceIPBy: LoadBalancerIP, network: "77"}
`;

function put(name: string, text: string): void {
  writeFileSync(join(folder, 'new'), text);
  renameSync(join(folder, 'new'), join(folder, 'conf', `${name}.yaml`));
}
const speaker = (network = '') =>
  put(
    'speaker',
    `apiVersion: waypost.dev/v1
kind: Speaker
metadata: {name: node-a}
spec:
  stateDir: ${folder}/state
  drain: {wait: 0s}
  network: {rollback: 20s${network}}
`,
  );

function everything(): void {
  speaker(', interfaces: [{name: eth0, forwarding: true, rpFilter: loose}]');
  put('policy', POLICY);
  put('egress', EGRESS);
}
function nothing(): void {
  speaker();
  for (const name of ['policy', 'egress']) rmSync(join(folder, 'conf', `${name}.yaml`));
}

/** Everything that documents may change, as text, without what has other numbers when it is made again. */
async function state(): Promise<string> {
  const text = await node.run([
    'sh',
    '-c',
    `ip -d link; ip -d addr; ip rule; ip -6 rule; ip -d route show table all; ip -d -6 route show table all | sort; nft list ruleset
     cd /proc/sys/net && grep -s '' ipv[46]/conf/*/forwarding ipv[46]/conf/*/rp_filter ipv6/conf/*/accept_ra ipv6/conf/*/disable_ipv6`,
  ]);
  return text
    .replace(/ \w*timer +\S+/g, '')
    .replaceAll(/^\d+: /gm, '')
    .split('\n')
    .filter((line) => !/br-a|tentative|link\/ether|fe80::|bridge_slave/.test(line))
    .join('\n');
}

/** Starts waypost, under strace when there is something to tell it. */
function start(strace: readonly string[] = []): Daemon {
  rmSync(join(folder, 'sock'), { force: true });
  const trace = ['strace', '-f', '--seccomp-bpf', '-qq', '-e', 'trace=sendto,execve', '-e', 'signal=none'];
  return node.spawn([
    ...(strace.length === 0 ? [] : [...trace, ...strace]),
    'node',
    program,
    'run',
    '-c',
    join(folder, 'conf'),
    '--control',
    join(folder, 'sock'),
    '--http',
    'off',
  ]);
}

/** All is in force: the policies, and the egress, which knows of their rules. */
const inForce = (daemon: Daemon) =>
  waitFor(
    'all is in force',
    async () => {
      const config = await control(join(folder, 'sock'), '/show/config');
      const applied = /"policy": *"all",\s*"state": *"applied"/.test(config);
      return (
        applied &&
        (await node.run(['ip', 'rule'])).includes('5000:') &&
        (await node.run(['nft', 'list', 'ruleset'])).includes('inside 172.30.0.0/16')
      );
    },
    { alive: () => daemon.running, log: () => daemon.output },
  );

const ended = (daemon: Daemon) => waitFor('it dies', () => !daemon.running, { log: () => daemon.output });

/** Requests to rtnetlink that change something, of a trace. */
const CHANGE = /nlmsg_type=RTM_(NEW|DEL|SET)/;
const traced = (name: string) => readFileSync(join(folder, name), 'utf8').split('\n');

it('asks the kernel for no change when all is as it should be, and leaves nothing behind', async () => {
  const before = await state();
  everything();
  const first = start(['-o', join(folder, 'first')]);
  await inForce(first);
  await first.stop('SIGKILL');
  const there = await state();
  expect(there).not.toBe(before);
  expect(traced('first').filter((line) => CHANGE.test(line)).length).toBeGreaterThan(10);
  expect(traced('first').filter((line) => /execve\("\S*nft"/.test(line))).not.toEqual([]);

  const second = start(['-o', join(folder, 'second')]);
  await inForce(second);
  await control(join(folder, 'sock'), '/reload', 'POST');
  await inForce(second);
  expect(traced('second').filter((line) => CHANGE.test(line))).toEqual([]);
  expect(await state()).toBe(there);

  nothing();
  await waitFor('all is as before', async () => (await state()) === before).catch(async () =>
    expect(await state()).toBe(before),
  );
  await second.stop();
});

it('killed before whichever request, leaves it to the next one to go back or on', async () => {
  const before = await state();
  everything();
  const whole = start(['-o', join(folder, 'whole')]);
  await inForce(whole);
  await whole.stop('SIGKILL');
  const after = await state();
  // strace counts the calls of each thread.
  const [main] = traced('whole')[0]!.split(' ');
  const requests = traced('whole').filter((line) => new RegExp(`^${main} +sendto\\(`).test(line));
  const changes = requests.flatMap((line, i) => (CHANGE.test(line) ? [i + 1] : []));
  const back = async () => {
    nothing();
    const next = start();
    await waitFor('all is as before', async () => (await state()) === before, { alive: () => next.running }).catch(
      async () => expect(await state()).toBe(before),
    );
    await next.stop();
  };
  await back();

  // Some places of many, others each time; test/netns/interrupted.test.ts has all, within one process.
  const places = new Set<number>();
  while (places.size < 2) places.add(changes[Math.floor(Math.random() * changes.length)]!);
  for (const [i, when] of [...places].entries()) {
    everything();
    const mortal = start(['-o', join(folder, 'mortal'), '-e', `inject=sendto:signal=SIGKILL:when=${when}`]);
    // How often the kernel is asked before depends on who is quicker: the last places may not come.
    await Promise.race([ended(mortal), inForce(mortal)]).catch(() => {});
    await mortal.stop('SIGKILL');
    if (i === 0) {
      const next = start();
      await inForce(next);
      expect([when, await state()]).toEqual([when, after]);
      await next.stop('SIGKILL');
    }
    await back();
  }
});
