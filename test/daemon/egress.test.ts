/** EgressServices carried out: what is asked of the kernel and of nft, here played by two objects. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Configuration } from '../../src/config/model.ts';
import { Egress } from '../../src/daemon/egress.ts';
import type { ServiceDecision } from '../../src/intent/service.ts';
import type { Logger } from '../../src/io/log.ts';
import { NftError } from '../../src/io/nft.ts';
import { address } from '../../src/lib/address.ts';
import { prefix } from '../../src/lib/prefix.ts';
import { NetlinkError } from '../../src/netlink/errors.ts';
import type { Op } from '../../src/netlink/kinds.ts';
import type { Rule } from '../../src/netlink/rule.ts';
import { natCommands, natState } from '../../src/vrf/nat.ts';
import { configure } from '../support/config.ts';
import { waitFor } from '../support/process.ts';

const documents = (network = 'red', more = ''): string => `
apiVersion: k8s.ovn.org/v1
kind: EgressService
metadata: {name: web}
spec: {sourceIPBy: LoadBalancerIP, network: ${network}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, clusterIPs: [172.30.0.5], ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-x, labels: {kubernetes.io/service-name: web}}
endpoints: [{addresses: [10.244.0.5], nodeName: node-a}]
${more}`;

const decision = (...ips: readonly string[]): ServiceDecision =>
  ({ key: 'default/web', ips: ips.map(address) }) as unknown as ServiceDecision;

const sources = (to: string, ...inside: readonly string[]): string =>
  natCommands(natState([{ from: address('10.244.0.5'), to: address(to) }], inside));

class Lab {
  rules: Rule[] = [];
  /** The table as nft would list it. */
  table: string | undefined;
  applied: string[] = [];
  changes: Op[] = [];
  closed = false;
  refuse: { rules?: NetlinkError; nft?: Error; apply?: Error } = {};
  left = false;
  /** No other daemon carries EgressServices out. */
  ours = true;
  readonly lines: string[] = [];
  readonly events: (readonly string[])[] = [];
  readonly egress: Egress;
  changed = () => {};

  constructor() {
    const log = (level: string) => (fields: object, text: string) => {
      this.lines.push(`${level} ${text} ${JSON.stringify(fields)}`);
    };
    this.egress = new Egress({
      log: { info: log('info'), warn: log('warn'), error: log('error') } as unknown as Logger,
      happened: (...event) => this.events.push(event),
      isOurs: () => this.ours,
      note: { get: () => this.left, set: (left) => (this.left = left) },
      parts: {
        stack: ({ changed }) => {
          this.changed = changed;
          this.closed = false;
          return {
            links: () => [{ index: 5, type: 1, flags: 0, changed: 0, name: 'red', info: { kind: 'vrf', table: 2 } }],
            addresses: () => [],
            rules: () => this.rules,
            apply: (ops) => ops.map((op) => this.carryOut(op)),
            close: () => {
              this.closed = true;
            },
          };
        },
        nft: {
          table: async () => {
            if (this.refuse.nft) throw this.refuse.nft;
            return this.table;
          },
          apply: async (commands) => {
            if (this.refuse.apply) throw this.refuse.apply;
            this.applied.push(commands);
            const made = (JSON.parse(commands) as { nftables: { add?: object }[] }).nftables.slice(3);
            this.table = made.length === 0 ? undefined : JSON.stringify({ nftables: made.map(({ add }) => add) });
          },
        },
        tableNames: () => new Map([['main', 254]]),
      },
    });
  }

  async apply(config: Configuration, ...ips: readonly string[]): Promise<void> {
    this.egress.configure(config);
    for (const key of config.services.keys()) this.egress.decided(key, decision(...ips));
    this.egress.settled();
    await this.quiet();
  }

  /** Until everything that was begun has been done. */
  async quiet(): Promise<void> {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  }

  private carryOut(op: Op): NetlinkError | undefined {
    if (this.refuse.rules) return this.refuse.rules;
    this.changes.push(op);
    if (op.kind !== 'rule') throw new Error(`no ${op.kind} is expected`);
    const { value } = op;
    if (op.verb === 'add') this.rules.push({ action: 'table', flags: 0, ...value } as Rule);
    else this.rules = this.rules.filter((rule) => rule.from !== value.from || rule.table !== value.table);
    return undefined;
  }
}

let lab = new Lab();
afterEach(async () => {
  await lab.egress.stop();
  lab = new Lab();
});
const config = async (text = documents()): Promise<Configuration> => (await configure(text, 'node-a')).configuration!;

describe('EgressServices', () => {
  it('become rules at priority 5000 with a mark of their own, and a table of source addresses', async () => {
    await lab.apply(await config(), '203.0.113.10');
    expect(lab.rules).toMatchObject([
      { priority: 5000, from: prefix('10.244.0.5/32'), table: 2, protocol: 158 },
      { priority: 5000, from: prefix('172.30.0.5/32'), table: 2, protocol: 158 },
    ]);
    expect(lab.applied).toEqual([sources('203.0.113.10')]);
    expect(lab.egress.row('default/web')).toMatchObject({
      active: true,
      table: 2,
      rules: 2,
      host: 'node-a',
      problems: [],
    });
  });

  it('change nothing when nothing has changed', async () => {
    await lab.apply(await config(), '203.0.113.10');
    const [changes, applied] = [lab.changes.length, lab.applied.length];
    await lab.apply(await config(), '203.0.113.10');
    lab.changed();
    await new Promise((resolve) => setTimeout(resolve, 150));
    await lab.quiet();
    expect([lab.changes.length, lab.applied.length]).toEqual([changes, applied]);
  });

  it('of which none is left leave nothing behind', async () => {
    await lab.apply(await config(), '203.0.113.10');
    expect(lab.left).toBe(true);
    await lab.apply(await config('apiVersion: v1\nkind: Namespace\nmetadata: {name: test}\n'));
    expect([lab.rules, lab.table, lab.left, lab.closed]).toEqual([[], undefined, false, true]);
  });

  it('are taken back when the daemon stops', async () => {
    await lab.apply(await config(), '203.0.113.10');
    await lab.egress.stop();
    expect([lab.rules, lab.table, lab.left]).toEqual([[], undefined, false]);
  });

  it('are repaired at the start: strangers under our mark go, rules of others stay', async () => {
    const rule = (protocol: number, from: string): Rule => ({
      ...{ family: 4, priority: 5000, from: prefix(from), table: 2, action: 'table', flags: 0 },
      protocol,
    });
    lab.rules = [rule(158, '10.244.7.7/32'), rule(3, '10.244.8.8/32')];
    lab.table = JSON.stringify({ nftables: [{ rule: { comment: 'left by somebody' } }] });
    await lab.apply(await config(), '203.0.113.10');
    expect(lab.rules.map(({ from, protocol }) => [from, protocol])).toEqual([
      [prefix('10.244.8.8/32'), 3],
      [prefix('10.244.0.5/32'), 158],
      [prefix('172.30.0.5/32'), 158],
    ]);
    expect(lab.applied).toHaveLength(1);
  });

  it('of an earlier run are taken away although no document asks for any', async () => {
    lab.left = true;
    lab.rules = [
      { family: 4, priority: 5000, from: prefix('10.1.1.1/32'), table: 2, action: 'table', flags: 0, protocol: 158 },
    ];
    lab.table = JSON.stringify({ nftables: [] });
    await lab.apply(await config('apiVersion: v1\nkind: Namespace\nmetadata: {name: test}\n'));
    expect([lab.rules, lab.table, lab.left]).toEqual([[], undefined, false]);
  });

  it('of an earlier run are not touched where another daemon carries EgressServices out now', async () => {
    lab.left = true;
    lab.ours = false;
    lab.table = 'of the other';
    await lab.apply(await config('apiVersion: v1\nkind: Namespace\nmetadata: {name: test}\n'));
    expect([lab.table, lab.applied, lab.changes]).toEqual(['of the other', [], []]);
  });

  it('are not looked for where there is none and none was left', async () => {
    lab.table = 'of somebody else';
    await lab.apply(await config('apiVersion: v1\nkind: Namespace\nmetadata: {name: test}\n'));
    expect([lab.table, lab.applied, lab.changes]).toEqual(['of somebody else', [], []]);
  });

  it('leave sources alone on the way to what rules of the cluster say is inside, as those come and go', async () => {
    const inside: Rule = { family: 4, priority: 998, action: 'table', table: 254, protocol: 3, flags: 0 };
    lab.rules = [{ ...inside, to: prefix('172.30.0.0/16') }];
    await lab.apply(await config(), '203.0.113.10');
    lab.rules.push({ ...inside, to: prefix('10.244.0.0/16') });
    lab.changed();
    await waitFor('it was changed', () => lab.applied.length === 2);
    expect(lab.applied).toEqual([
      sources('203.0.113.10', '172.30.0.0/16'),
      sources('203.0.113.10', '10.244.0.0/16', '172.30.0.0/16'),
    ]);
  });

  it('whose table cannot be taken away say so, and are not forgotten', async () => {
    await lab.apply(await config(), '203.0.113.10');
    lab.refuse.apply = new NftError('Device or resource busy');
    await lab.apply(await config('apiVersion: v1\nkind: Namespace\nmetadata: {name: test}\n'));
    expect([lab.left, lab.closed]).toEqual([true, false]);
    expect(lab.lines.at(-1)).toContain('Device or resource busy');
    lab.refuse = {};
    await lab.apply(await config('apiVersion: v1\nkind: Namespace\nmetadata: {name: test}\n'));
    expect([lab.table, lab.left, lab.closed]).toEqual([undefined, false, true]);
  });

  it('follow the address of their Service', async () => {
    await lab.apply(await config(), '203.0.113.10');
    await lab.apply(await config(), '203.0.113.11');
    expect(lab.applied.at(-1)).toBe(sources('203.0.113.11'));
    expect(lab.changes).toHaveLength(2);
  });

  it('whose network does not exist say so, once', async () => {
    await lab.apply(await config(documents('blue')), '203.0.113.10');
    await lab.apply(await config(documents('blue')), '203.0.113.10');
    expect(lab.lines).toEqual([
      expect.stringMatching(/^warn egress: not carried here .*networkNotFound.*neither a routing table nor a VRF/),
    ]);
    expect(lab.events).toEqual([['default/web', 'not carried here', 'networkNotFound']]);
  });

  it('that cannot be carried out say why, once, and are tried again', async () => {
    lab.refuse = {
      rules: new NetlinkError(1, 'EPERM'),
      nft: new NftError('the program nft is missing: install nftables'),
    };
    await lab.apply(await config(), '203.0.113.10');
    await lab.apply(await config(), '203.0.113.10');
    expect(lab.lines.filter((line) => line.startsWith('error'))).toEqual([
      expect.stringContaining('policy rules cannot be set'),
      expect.stringContaining('install nftables'),
    ]);
    expect(lab.egress.row('default/web')!.problems).toHaveLength(2);
    lab.refuse = {};
    await lab.apply(await config(), '203.0.113.10');
    expect(lab.egress.row('default/web')!.problems).toEqual([]);
    expect(lab.rules).toHaveLength(2);
  });
});
