/**
 * Symmetric routing whole, under a kernel that has VRFs: user-mode Linux (scripts/vm-run). The published procedure twice
 * on one node, with FRR as the routers, and then the published overlays.
 */
import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Walk } from '../../src/daemon/walk.ts';

interface Row {
  readonly name?: string;
  readonly peer?: string;
  readonly vrf?: string;
  readonly table?: number;
  readonly state?: string;
  readonly localAddress?: string;
  readonly prefix?: string;
  readonly accepted?: boolean;
  readonly address?: string;
  readonly interfaces?: readonly string[];
  readonly nexthops?: readonly { via: string; dev: string }[];
}
/** As iproute2 has it. */
interface Route {
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly protocol: string;
}

/** Where the kernel has nftables for IPv4 and IPv6 (`npm run test:lab`), the Service's own source address is shown too. */
const filter = process.env.VM_KERNEL !== undefined;
const said = new Map<string, readonly string[]>();
const links: string[][] = [];
const all = (key: string) => said.get(key) ?? [];
const rows = (key: string) => JSON.parse(all(key)[0] || '[]') as readonly Row[];
const kernel = (key: string) => JSON.parse(all(key)[0] || '[]') as readonly Route[];
const table = (key: string) => (['-4', '-6'] as const).flatMap((family) => kernel(key + family));
/** What stands behind these words in a line that begins so. */
const rest = (key: string, words: string) =>
  all(key)
    .find((line) => line.startsWith(`${words} `))
    ?.slice(words.length + 1);
const walk = (words: string): Walk => JSON.parse(rest('walk', words) ?? 'null') as Walk;

beforeAll(() => {
  const env = { ...process.env, VM_SECONDS: '560' };
  const vm = spawnSync('scripts/vm-run', ['test/vm/symmetric.sh'], { encoding: 'utf8', timeout: 570_000, env });
  expect(vm.status, `${vm.error ?? ''}\n${vm.stdout}\n${vm.stderr}`).toBe(0);
  for (const line of vm.stdout.split('\n')) {
    const space = line.indexOf(' ');
    const [key, text] = [line.slice(0, space), line.slice(space + 1)];
    if (key === 'link') links.push(text.split(' '));
    else if (space > 0) said.set(key, [...all(key), text]);
  }
  expect(vm.stderr).toBe('');
}, 600_000);

const sides = [
  { vrf: 'blue', table: 20, octet: 6, own: ['198.18.20.0/24', '2001:db8:20::/48'] },
  { vrf: 'red', table: 10, octet: 5, own: ['198.18.10.0/24', '2001:db8:10::/48'] },
];
const both = ['198.51.100.0/24', '2001:db8:100::/64'];
const clients = ['198.51.100.7', '2001:db8:100::7'];

describe('the same peer address in two VRFs, which policies made', () => {
  it('makes two sessions, one dialled and one called, each in its VRF', () => {
    expect(
      rows('peers').map(({ name, vrf, state, address, localAddress }) => [name, vrf, state, address, localAddress]),
    ).toEqual([
      ['blue', 'blue', 'Established', '192.0.2.2', '192.0.2.1'],
      ['red', 'red', 'Established', '192.0.2.2', '192.0.2.1'],
    ]);
    expect(rows('vrfs').map(({ name, interfaces, state }) => [name, interfaces, state])).toEqual([
      ['blue', ['to-blue'], 'applied'],
      ['red', ['to-red'], 'applied'],
    ]);
  });

  it('and each router gets its own Service, and no other', () => {
    expect(rows('advertised').map(({ peer, prefix }) => [peer, prefix])).toEqual([
      ['blue', '203.0.113.6/32'],
      ['blue', '2001:db8:113::6/128'],
      ['red', '203.0.113.5/32'],
      ['red', '2001:db8:113::5/128'],
    ]);
    for (const { vrf, octet } of sides) {
      const [text] = all(`router-${vrf}`);
      expect(text).toMatch(new RegExp(`^203\\.0\\.113\\.${octet} .*via 192\\.0\\.2\\.1 dev eth0`));
      expect(text).toMatch(new RegExp(` 2001:db8:113::${octet} .*dev eth0`));
      expect(text).not.toContain(octet === 5 ? '203.0.113.6' : '203.0.113.5');
    }
  });

  it('and what they say is told apart', () => {
    // FRR says what it was told, too.
    const accepted = rows('received').filter((row) => row.accepted);
    for (const { vrf, own } of sides) {
      const received = accepted.filter((row) => row.peer === vrf && row.vrf === vrf);
      expect(received.map(({ prefix }) => prefix).sort()).toEqual([...own, ...both].sort());
    }
    expect(accepted).toHaveLength(8);
  });

  it('and lands in the table of its VRF, and in no other', () => {
    for (const { vrf, table: number, own } of sides) {
      const shown = rows('routes').filter((row) => row.table === number);
      expect(shown.map(({ prefix }) => prefix).sort()).toEqual([...own, ...both].sort());
      for (const row of shown) expect(row).toMatchObject({ vrf, state: 'installed', nexthops: [{ dev: `to-${vrf}` }] });
      const learned = table(`table-${number}`).filter(({ protocol }) => protocol === 'bgp');
      expect(learned.map(({ dst }) => dst).sort()).toEqual([...own, ...both].sort());
      for (const { dev } of learned) expect(dev).toBe(`to-${vrf}`);
    }
    expect(table('table-main').filter(({ protocol }) => protocol === 'bgp')).toEqual([]);
  });
});

describe('clients with one address in two VRFs', () => {
  it('have a symmetric way each, by their own VRF', () => {
    for (const { vrf } of sides)
      for (const client of clients) {
        const { symmetric, ways } = walk(`whole ${vrf} ${client}`);
        expect(ways).toMatchObject([
          {
            entry: { interface: `to-${vrf}`, vrf, by: `peer ${vrf}` },
            request: { inputVrf: vrf, output: `pod-${vrf}`, decided: { priority: 998 } },
            reply: { input: `pod-${vrf}`, output: `to-${vrf}`, outputVrf: vrf, decided: { priority: 5000 } },
            turn: null,
          },
        ]);
        expect(symmetric).toBe(true);
      }
  });

  it('get replies from the Service of their VRF, and none from the other one', () => {
    for (const { vrf, octet } of sides) {
      expect(rest('reach', `whole client-${vrf} 203.0.113.${octet}`)).toBe('yes');
      expect(rest('reach', `whole client-${vrf} 2001:db8:113::${octet}`)).toBe('yes');
    }
    expect(rest('reach', 'whole client-red 203.0.113.6')).toBe('no');
    // Its replies go to blue, where another client has the same address.
    const replies = links.filter(([, , from, , flags]) => from === '203.0.113.6.5' && flags === 'R.');
    expect(replies.map(([link, way]) => [link, way])).toContainEqual(['to-blue', 'Out']);
    expect(replies.map(([link]) => link)).not.toContain('to-red');
  });

  it('are answered by the interface that they asked by, and by no other', () => {
    for (const { vrf, octet } of sides)
      for (const [i, client] of clients.entries()) {
        const port = (octet === 5 ? 1 : 3) + i;
        const vip = i === 0 ? `203.0.113.${octet}` : `2001:db8:113::${octet}`;
        const pod = i === 0 ? `10.244.${octet}.5` : `fd00:244:${octet}::5`;
        expect(seen(port, vrf)).toEqual(
          new Set(
            [
              [`to-${vrf}`, 'In', client, vip, 'S'],
              [`pod-${vrf}`, 'Out', client, pod, 'S'],
              [`pod-${vrf}`, 'In', pod, client, 'R.'],
              [`to-${vrf}`, 'Out', vip, client, 'R.'],
            ].map(String),
          ),
        );
      }
  });

  it('hear of pods that begin themselves by their own VRF too', () => {
    for (const { vrf, octet } of sides)
      for (const [i, client] of clients.entries()) {
        expect(rest('reach', `begun pod-${vrf} ${client}`)).toBe('yes');
        const port = (octet === 5 ? 21 : 23) + i;
        const out = [...seen(port, vrf)].filter((line) => line.includes(',Out,') && line.endsWith(',S'));
        const pod = i === 0 ? `10.244.${octet}.5` : `fd00:244:${octet}::5`;
        const vip = i === 0 ? `203.0.113.${octet}` : `2001:db8:113::${octet}`;
        expect(out).toEqual([`to-${vrf},Out,${filter ? vip : pod},${client},S`]);
      }
    expect(all('filter')).toEqual([filter ? 'yes' : 'no']);
  });

  it('inside the cluster, hear of pods under their own addresses', () => {
    for (const [port, from, to] of [
      [25, '10.244.5.5', '10.244.6.5'],
      [26, 'fd00:244:5::5', 'fd00:244:6::5'],
    ] as const) {
      expect(rest('reach', `inside pod-red ${to}`)).toBe('yes');
      expect(seen(port, 'red')).toContain(`pod-blue,Out,${from},${to},S`);
    }
  });

  it('without the rules before that of VRFs are caught there, and the walk names it with the remedy', () => {
    expect(rest('reach', 'caught client-red 203.0.113.5')).toBe('no');
    expect(walk('caught red 198.51.100.7').ways[0]).toMatchObject({
      symmetric: false,
      request: { decided: { priority: 1000 }, table: '10 (VRF red)', output: null, error: 'unreachable' },
      turn: {
        where: 'request',
        text: expect.stringMatching(/rule 1000 \(from all lookup the table of the VRF\)/),
        remedy: expect.stringMatching(/priority 998, to the network of/),
      },
    });
  });

  it('without EgressServices get no reply, and the walk names it with the remedy', () => {
    expect(rest('reach', 'bare client-red 203.0.113.5')).toBe('no');
    // The pod's answer comes in, and leaves by no link.
    const replies = links.filter(([, , from]) => from === '10.244.5.5.7' || from === '203.0.113.5.7');
    expect(replies.map(([link, way]) => [link, way])).toContainEqual(['pod-red', 'In']);
    expect(replies.filter(([, way]) => way === 'Out')).toEqual([]);
    expect(walk('bare red 198.51.100.7').ways[0]).toMatchObject({
      symmetric: false,
      request: { output: 'pod-red' },
      turn: { where: 'reply', remedy: expect.stringMatching(/^an EgressService with network "red"/) },
    });
  });

  /** What went over the node's links for one port, whatever the other one was. The device of a VRF hears its members. */
  const seen = (port: number, vrf: string): Set<string> =>
    new Set(
      links
        .filter(([link, , from, to]) => link !== vrf && [from, to].some((end) => end!.endsWith(`.${port}`)))
        .map(([link, way, from, to, flags]) =>
          String([link, way, ...[from, to].map((end) => end!.replace(/\.\d+$/, '')), flags]),
        ),
    );
});

describe('a VRF that imports from another', () => {
  const [blue, red] = sides as [(typeof sides)[number], (typeof sides)[number]];

  it('has the routes of that one, over its links, and its own before them', () => {
    const learned = table('imported').map(({ dst, dev }) => [dst, dev]);
    const want = [...red.own, ...both].map((dst) => [dst, 'to-red']);
    expect(learned.sort()).toEqual([...want, ...blue.own.map((dst) => [dst, 'to-blue'])].sort());
    expect(kernel('imported-get')).toMatchObject([{ dst: '198.18.20.1', gateway: '192.0.2.2', dev: 'to-blue' }]);
    const shown = rows('imported-routes').filter((row) => row.table === 10 && row.prefix === '198.18.20.0/24');
    expect(shown).toMatchObject([
      { vrf: 'red', importedFrom: 'blue', nexthops: [{ via: '192.0.2.2', dev: 'to-blue' }] },
    ]);
  });

  it('has none of them when it does so no longer', () => {
    const learned = table('unimported').map(({ dst, dev }) => [dst, dev]);
    expect(learned.sort()).toEqual([...red.own, ...both].map((dst) => [dst, 'to-red']).sort());
  });
});

describe('the published overlays', () => {
  it('have a session each, as their documents say, once', () => {
    expect(rows('overlay-peers').map(({ name, address, state }) => [name, address, state])).toEqual([
      ['peerblue', '192.169.11.1', 'Established'],
      ['peerred', '192.169.10.1', 'Established'],
    ]);
  });

  it('get their own Service alone', () => {
    for (const [vrf, vip, node] of [
      ['red', '172.30.0.10', '192.169.10.2'],
      ['blue', '172.30.1.10', '192.169.11.2'],
    ] as const)
      expect(kernel(`pe-${vrf}`).map(({ dst, gateway }) => [dst, gateway])).toEqual([[vip, node]]);
  });

  it('bring the node the way to their hosts, in its main table, and nothing is left of the VRFs', () => {
    const learned = kernel('overlay-main').filter(({ protocol }) => protocol === 'bgp');
    expect(learned.map(({ dst, gateway, dev }) => [dst, gateway, dev]).sort()).toEqual([
      ['192.168.20.0/24', '192.169.10.1', 'pe-red'],
      ['192.168.21.0/24', '192.169.11.1', 'pe-blue'],
    ]);
    expect(rows('overlay-routes').map(({ prefix, state }) => [prefix, state])).toEqual([
      ['192.168.20.0/24', 'installed'],
      ['192.168.21.0/24', 'installed'],
    ]);
    expect(all('overlay-links')).toEqual(['[]']);
  });

  it('let the hosts of each reach its Service, while those of the other wait in vain', () => {
    expect(rest('reach', 'overlay host-red 172.30.0.10')).toBe('yes');
    expect(rest('reach', 'overlay host-blue 172.30.0.10')).toBe('no');
    expect(rest('reach', 'overlay host-blue 172.30.1.10')).toBe('yes');
    expect(rest('reach', 'overlay host-red 172.30.1.10')).toBe('no');
  });
});
