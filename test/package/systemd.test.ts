/** The unit, as systemd reads it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { Namespace } from '../support/netns.ts';
import { outcome, run, waitFor } from '../support/process.ts';

const unit = 'packaging/systemd/waypost.service';

test('its exposure is 3.0 at most', async () => {
  const text = await run(['systemd-analyze', 'security', '--offline=true', '--no-pager', unit]);
  const [, level] = /Overall exposure level for waypost\.service: ([\d.]+)/.exec(text)!;
  expect(Number(level)).toBeLessThanOrEqual(3);
});

test('no capability but those that the network takes', () => {
  const text = readFileSync(unit, 'utf8');
  for (const set of ['AmbientCapabilities', 'CapabilityBoundingSet'])
    expect(text).toMatch(new RegExp(`^${set}=CAP_NET_ADMIN CAP_NET_RAW CAP_NET_BIND_SERVICE$`, 'm'));
});

test('systemd understands each line', async () => {
  // The program is not installed here, which is all that may be wrong.
  const text = await run(['sh', '-c', `systemd-analyze verify --man=no ${unit} 2>&1 || true`]);
  const complaints = text
    .split('\n')
    .filter((line) => line.includes('waypost.service') && !line.includes('is not executable'));
  expect(complaints).toEqual([]);
});

/** The system calls that the unit's filter leaves, as this systemd knows them. */
async function permitted(): Promise<ReadonlySet<string>> {
  const groups = new Map<string, string[]>();
  let members: string[] = [];
  for (const line of (await run(['systemd-analyze', 'syscall-filter'])).split('\n')) {
    if (line.startsWith('@')) {
      members = [];
      groups.set(line.trim(), members);
    } else if (/^ {4}[@\w]/.test(line)) members.push(line.trim());
  }
  const calls = (name: string): string[] => groups.get(name)?.flatMap(calls) ?? [name];
  const left = new Set(calls('@default'));
  for (const [, not, words] of readFileSync(unit, 'utf8').matchAll(/^SystemCallFilter=(~?)(.*)$/gm))
    for (const call of words!.split(' ').flatMap(calls)) {
      if (not) left.delete(call);
      else left.add(call);
    }
  return left;
}

test('it takes no system call that the unit keeps from it', async () => {
  const left = await permitted();
  expect(left.has('socket') && left.has('sched_setscheduler') && !left.has('mount')).toBe(true);
  const namespace = await Namespace.create('calls');
  try {
    await namespace.run(['ip', 'link', 'add', 'd0', 'type', 'veth', 'peer', 'name', 'd1']);
    for (const device of ['d0', 'd1']) await namespace.run(['ip', 'link', 'set', device, 'up']);
    const home = namespace.folder('calls');
    const speaker = `stateDir: ${home}, listen: {addresses: [127.0.0.1]}, loopbackAddresses: [layer2], drain: {wait: 0s}`;
    writeFileSync(
      `${home}/all.yaml`,
      `apiVersion: waypost.dev/v1
kind: Speaker
metadata: {name: a}
spec: {routerID: 192.0.2.1, ${speaker}}
---
apiVersion: metallb.io/v1beta1
kind: BFDProfile
metadata: {name: fast}
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: router}
spec: {myASN: 64512, peerASN: 64513, peerAddress: 127.0.0.2, bfdProfile: fast}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: public}
spec: {addresses: [203.0.113.0/24]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: public}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, ports: [{port: 80}]}
`,
    );
    await run(['chown', '-R', '65532:65532', home]);
    // As systemd starts it: a user of its own with three capabilities.
    const three = '-all,+net_admin,+net_raw,+net_bind_service';
    const user = [
      'setpriv',
      '--reuid=65532',
      '--regid=65532',
      '--clear-groups',
      '--no-new-privs',
      `--inh-caps=${three}`,
    ];
    const program = ['node', resolve('bin/waypost'), 'run', '-c', `${home}/all.yaml`, '--control', `${home}/s`];
    const daemon = namespace.spawn([
      ...[...user, `--ambient-caps=${three}`, `--bounding-set=${three}`],
      ...['strace', '-f', '-c', '-o', `${home}/calls`, ...program],
    ]);
    const show = () => outcome(['node', 'bin/waypost', 'show', 'l2', '--json', '--control', `${home}/s`]);
    const log = () => daemon.output;
    await waitFor('an address is announced', async () => /"announced":\s*true/.test((await show()).stdout), { log });
    await waitFor('it is on the loopback', async () =>
      (await namespace.run(['ip', 'address', 'show', 'dev', 'lo'])).includes('203.0.113.'),
    );
    await daemon.stop('SIGTERM', 20_000);
    const table = readFileSync(`${home}/calls`, 'utf8');
    const used = [...table.matchAll(/^\s*[\d.]+\s+[\d.]+\s.*\s(\w+)$/gm)].map(([, call]) => call!);
    expect(used, table).toEqual(expect.arrayContaining(['socket', 'bind', 'ppoll', 'sched_setscheduler']));
    expect(used.filter((call) => call !== 'total' && !left.has(call))).toEqual([]);
  } finally {
    await namespace.close();
  }
});
