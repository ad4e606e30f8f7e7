/**
 * Prometheus metrics, read from the daemon's state when they are asked for. Names and labels are MetalLB's wherever
 * MetalLB has the metric, so that dashboards and alerts go on working; ours begin with `waypost_`.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Configuration } from '../config/model.ts';
import type { PoolUsage } from '../intent/ledger.ts';
import { formatAddress } from '../lib/address.ts';
import type { Bfd } from './bfd.ts';
import { addBfdMetrics, bfdLateText } from './bfdmetrics.ts';
import { addBgpMetrics } from './bgpmetrics.ts';
import type { Documents } from './documents.ts';
import type { Engine } from './engine.ts';
import { fastLateText } from './latemetrics.ts';
import type { Layer2 } from './layer2.ts';
import type { Learned } from './learned.ts';
import type { Network } from './network/network.ts';
import { latencyText, registerRouteMetrics } from './routemetrics.ts';
import type { Speaker } from './speaker.ts';
import { takeoverText } from './takeover.ts';
import type { Tally } from './tally.ts';

/** What metrics are read from: the daemon, as far as it is there. */
export interface Observed {
  readonly speaker: Speaker;
  readonly engine: Engine;
  readonly documents: Documents;
  readonly layer2: Layer2;
  readonly chronicle: { readonly tally: Tally };
  readonly bfd: Bfd;
  readonly learned?: Learned;
  readonly network?: Pick<Network, 'writes' | 'standings'>;
}

export class Metrics {
  readonly contentType: string;
  private readonly registry = new Registry();
  private readonly engine: Engine;
  private readonly layer2: Layer2;
  private readonly learned: Learned | undefined;
  private readonly bfd: Bfd;

  constructor({ speaker, engine, documents, layer2, chronicle: { tally }, bfd, learned, network }: Observed) {
    const { registry } = this;
    this.engine = engine;
    this.layer2 = layer2;
    this.learned = learned;
    if (learned) registerRouteMetrics(registry, learned);
    this.bfd = bfd;
    this.contentType = registry.contentType;
    collectDefaultMetrics({ register: registry, prefix: 'waypost_' });
    const gauge = (name: string, help: string, labelNames: readonly string[], collect: (g: Gauge) => void) =>
      new Gauge({
        name,
        help,
        labelNames,
        registers: [registry],
        collect() {
          this.reset();
          collect(this);
        },
      });
    gauge(
      'waypost_network_policies',
      'NodeNetworkConfigurationPolicies of this node, by how they fare.',
      ['state'],
      (g) => {
        for (const state of ['applied', 'confirming', 'failed', 'waiting'])
          g.set({ state }, (network?.standings() ?? []).filter((s) => s.state === state).length);
      },
    );
    let frrOf: { readonly config: Configuration | undefined; readonly uses: boolean } = {
      config: undefined,
      uses: false,
    };
    /** frr-k8s' metrics are for those who have its documents. */
    const frr = () => {
      const { config } = engine;
      if (frrOf.config !== config)
        frrOf = { config, uses: config?.documents.some(({ kind }) => kind === 'FRRConfiguration') ?? false };
      return frrOf.uses;
    };
    addBgpMetrics(registry, speaker, () => engine.roster.missing, frr);
    const reasons = 'Services by what was decided: announced, or the reason why not.';
    gauge('waypost_member_alive', 'Nodes that may have a speaker: 1 where it counts as alive.', ['node'], (g) => {
      for (const { name, alive } of engine.services.nodes) g.set({ node: name }, alive ? 1 : 0);
    });
    gauge('waypost_services', reasons, ['protocol', 'reason'], (g) => {
      for (const { protocol, reason, services } of tally.rows()) g.set({ protocol, reason }, services);
    });
    const perPool = (name: string, help: string, value: (usage: PoolUsage) => number) =>
      gauge(`metallb_allocator_${name}`, help, ['pool'], (g) => {
        for (const pool of engine.config?.pools.keys() ?? [])
          g.set({ pool }, value(engine.services.allocator.usage(pool)));
      });
    perPool('addresses_total', 'Addresses of the pool.', (u) => Number(u.ipv4.total + u.ipv6.total));
    perPool('addresses_in_use_total', 'Addresses of the pool in use.', (u) => u.ipv4.inUse + u.ipv6.inUse);
    perPool('ipv4_addresses_total', 'IPv4 addresses of the pool.', (u) => Number(u.ipv4.total));
    perPool('ipv4_addresses_in_use_total', 'IPv4 addresses of the pool in use.', (u) => u.ipv4.inUse);
    perPool('ipv6_addresses_total', 'IPv6 addresses of the pool.', (u) => Number(u.ipv6.total));
    perPool('ipv6_addresses_in_use_total', 'IPv6 addresses of the pool in use.', (u) => u.ipv6.inUse);
    perPool('services_allocated_total', 'Services with an address of the pool.', (u) => u.services);
    const counter = (name: string, help: string, value: () => number) =>
      new Counter({
        name,
        help,
        registers: [registry],
        collect() {
          this.reset();
          this.inc(value());
        },
      });
    addBfdMetrics(registry, bfd, frr);
    counter('waypost_network_steps_total', "Changes made to the node's network.", () => network?.writes ?? 0);
    for (const who of ['metallb', 'frrk8s']) {
      gauge(`${who}_k8s_client_config_loaded_bool`, 'A configuration was loaded at least once.', [], (g) =>
        g.set(engine.config ? 1 : 0),
      );
      const stale = 'The last configuration was refused; an older one is in force.';
      gauge(`${who}_k8s_client_config_stale_bool`, stale, [], (g) => g.set(documents.reading?.valid === false ? 1 : 0));
      counter(`${who}_k8s_client_updates_total`, 'Configurations read.', () => documents.readings);
      counter(`${who}_k8s_client_update_errors_total`, 'Configurations refused.', () => documents.refusals);
    }
  }

  /** Prometheus' text format, in pieces. */
  async text(): Promise<Iterable<string>> {
    const metrics = await this.registry.metrics();
    const { engine, layer2, learned, bfd } = this;
    return (function* () {
      yield metrics;
      yield* announced(engine);
      yield* answered(layer2);
      yield unanswered(layer2);
      yield* takeoverText(layer2.takeovers);
      if (learned) yield* latencyText(learned);
      yield bfdLateText(bfd);
      yield fastLateText();
    })();
  }
}

/** One line for every address of every Service: too many for one turn of the event loop. */
function* announced(engine: Engine): Generator<string> {
  const name = 'metallb_speaker_announced';
  const node = quote(engine.config?.speaker.name ?? '');
  let text = `# HELP ${name} Service addresses that this node announces.\n# TYPE ${name} gauge\n`;
  for (const { key, bgp, layer2, ips } of engine.services.decisions.values()) {
    const service = quote(key);
    for (const [protocol, { announced }] of [['bgp', bgp] as const, ['layer2', layer2] as const]) {
      if (!announced) continue;
      for (const ip of ips)
        text += `${name}{service=${service},protocol="${protocol}",node=${node},ip="${formatAddress(ip)}"} 1\n`;
    }
    if (text.length < PIECE) continue;
    yield text;
    text = '';
  }
  yield text;
}

/** MetalLB's counters of layer 2, by address, and one of ours. */
function* answered(layer2: Layer2): Generator<string> {
  const kinds = [
    ['metallb_layer2_requests_received', 'Requests and solicitations for the address.', 'requests'],
    ['metallb_layer2_responses_sent', 'Answers sent for the address.', 'responses'],
    ['metallb_layer2_gratuitous_sent', 'Announcements sent unasked.', 'gratuitous'],
    ['waypost_layer2_claims_total', 'Frames in which another host claimed the address.', 'claims'],
  ] as const;
  for (const [name, help, field] of kinds) {
    let text = `# HELP ${name} ${help}\n# TYPE ${name} counter\n`;
    for (const counted of layer2.counters()) {
      text += `${name}{ip="${counted.ip}"} ${counted[field]}\n`;
      if (text.length < PIECE) continue;
      yield text;
      text = '';
    }
    yield text;
  }
}

/** What reached the responders and was not answered, by interface and reason: a few lines. */
function unanswered(layer2: Layer2): string {
  const name = 'waypost_layer2_dropped_total';
  let text = `# HELP ${name} Frames that were not answered.\n# TYPE ${name} counter\n`;
  for (const { interface: device, drops } of layer2.drops())
    for (const [reason, frames] of Object.entries(drops))
      text += `${name}{interface=${quote(device)},reason="${reason}"} ${frames}\n`;
  return text;
}

const PIECE = 64 * 1024;

/** As a label's value. */
const quote = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`;
