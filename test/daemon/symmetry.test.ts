/** What the daemon says of VRFs that lack something, once. */
import { describe, expect, it } from 'vitest';
import { Symmetry } from '../../src/daemon/symmetry.ts';
import type { Logger } from '../../src/io/log.ts';
import { address } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';
import type { Route } from '../../src/netlink/route.ts';
import type { Rule } from '../../src/netlink/rule.ts';
import { configure } from '../support/config.ts';

const documents = `
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: red}
spec: {myASN: 100, peerASN: 200, peerAddress: 192.168.130.1, vrf: red}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: pool}
spec: {addresses: [192.169.10.0/32]}
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: adv}
spec: {peers: [red]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, clusterIPs: [172.30.5.5], ports: [{port: 80}]}
`;
const rule: Rule = {
  family: 4,
  priority: 998,
  to: prefix('172.30.0.0/16'),
  action: 'table',
  table: 254,
  protocol: 3,
  flags: 0,
};
const out: Route = {
  ...{ destination: prefix('0.0.0.0/0'), table: 10, protocol: 3, scope: 'universe', type: 'unicast', flags: 0 },
  hops: [{ link: 4, weight: 1, flags: 0, gateway: address('192.168.130.1') }],
};

async function lab(text = documents) {
  const state = { rules: [rule] as Rule[], routes: [out] as Route[], rpFilter: '2', opened: 0 };
  const lines: string[] = [];
  const log = { warn: (fields: { remedy: string }, message: string) => lines.push(`${message} | ${fields.remedy}`) };
  const symmetry = new Symmetry(log as unknown as Logger, {
    stack: () => {
      state.opened++;
      return {
        links: () => [
          { index: 3, name: 'red', type: 1, flags: 0, changed: 0, info: { kind: 'vrf', table: 10 } },
          { index: 4, name: 'ens4', type: 1, flags: 0, changed: 0, master: 3 },
        ],
        rules: () => state.rules,
        some: ({ family, table }, wanted) =>
          state.routes.some((route) => route.destination.family === family && route.table === table && wanted(route)),
        close: () => {
          state.opened--;
        },
      };
    },
    sysctl: (...path) => (path.includes('rp_filter') ? state.rpFilter : '1'),
  });
  symmetry.configure((await configure(text, 'node-a')).configuration!);
  const told = () => {
    symmetry.check();
    return lines.splice(0);
  };
  return { state, symmetry, told };
}

describe('the kernel of a node that announces in a VRF', () => {
  it('draws no word when it lacks nothing', async () => {
    const { told, symmetry, state } = await lab();
    expect(told()).toEqual([]);
    symmetry.stop();
    expect(state.opened).toBe(0);
  });

  it('without the rules is told of, with a remedy, once until they were there again', async () => {
    const { told, symmetry, state } = await lab();
    state.rules = [];
    expect(told()).toEqual([expect.stringMatching(/do not reach 172\.30\.5\.5.*\| a rule of priority 998/)]);
    expect(told()).toEqual([]);
    state.rules = [rule];
    expect(told()).toEqual([]);
    state.rules = [];
    expect(told()).toHaveLength(1);
    symmetry.stop();
  });

  it('without a way out, or with a strict filter, is told of', async () => {
    const { told, symmetry, state } = await lab();
    state.routes = [{ ...out, type: 'unreachable', hops: [] }];
    state.rpFilter = '1';
    expect(told()).toEqual([
      expect.stringMatching(/no IPv4 route out/),
      expect.stringMatching(/rp_filter of ens4 is strict/),
    ]);
    symmetry.stop();
  });

  it('is not looked at when nothing is announced in a VRF', async () => {
    const { told, symmetry } = await lab(documents.replace(', vrf: red', ''));
    expect(told()).toEqual([]);
    symmetry.stop();
  });
});
