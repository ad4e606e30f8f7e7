/** `waypost run` on documents that a test writes and edits, asked through its control socket and its command line. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BfdViewRow } from '../../src/daemon/bfdview.ts';
import type { EventRow } from '../../src/daemon/journal.ts';
import type { RouteRow } from '../../src/daemon/routeview.ts';
import type { AdvertisedRow, PeerRow, ReceivedRow, ServiceRow } from '../../src/daemon/views.ts';
import type { Explanation } from '../../src/intent/explain/chain.ts';
import { control } from '../support/control.ts';
import type { Namespace } from '../support/netns.ts';
import { type Daemon, type Outcome, waitFor } from '../support/process.ts';
import { familyOf } from '../support/router.ts';

export const program = ['node', fileURLToPath(new URL('../../bin/waypost', import.meta.url))];

/** As JSON, which is YAML. */
export type Document = Readonly<Record<string, unknown>>;
type Fields = Readonly<Record<string, unknown>>;

const metallb = 'metallb.io/v1beta1';
const metadata = (name: string, annotations?: Readonly<Record<string, string>>) => ({
  name,
  namespace: 'metallb-system',
  ...(annotations && {
    annotations: Object.fromEntries(Object.entries(annotations).map(([key, v]) => [`waypost.dev/${key}`, v])),
  }),
});

export const bgpPeer = (name: string, spec: Fields, annotations?: Readonly<Record<string, string>>): Document => ({
  apiVersion: 'metallb.io/v1beta2',
  kind: 'BGPPeer',
  metadata: metadata(name, annotations),
  spec: { peerPort: 1790, connectTime: '1s', ...spec },
});

/** One router of ours and its neighbours, from each of which everything is received. */
export const receiving = (asn: number, neighbors: readonly Fields[], more: Fields = {}): Document => ({
  apiVersion: 'frrk8s.metallb.io/v1beta1',
  kind: 'FRRConfiguration',
  metadata: metadata('receive-all'),
  spec: {
    bgp: {
      routers: [
        {
          asn,
          neighbors: neighbors.map((neighbor) => ({
            port: 1790,
            connectTime: '1s',
            toReceive: { allowed: { mode: 'all' } },
            ...neighbor,
          })),
          ...more,
        },
      ],
    },
  },
});

const nameOf = (prefix: string) => `p-${prefix.replaceAll(/[^0-9a-f]+/g, '-')}`;

/** A Service with the first address of the prefix, and its advertisement in one piece. */
export function announcement(prefix: string, advertisement: Fields = {}, service: Fields = {}): Document[] {
  const [address, bits] = prefix.split('/') as [string, string];
  const name = nameOf(prefix);
  const length = familyOf(prefix) === 'ipv4' ? 'aggregationLength' : 'aggregationLengthV6';
  return [
    { apiVersion: metallb, kind: 'IPAddressPool', metadata: metadata(name), spec: { addresses: [prefix] } },
    {
      apiVersion: metallb,
      kind: 'BGPAdvertisement',
      metadata: metadata(name),
      spec: { ipAddressPools: [name], [length]: Number(bits), ...advertisement },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'default' },
      spec: { type: 'LoadBalancer', ports: [{ name: 'http', port: 80, protocol: 'TCP' }], ...service },
      status: { loadBalancer: { ingress: [{ ip: address }] } },
    },
  ];
}

interface Rows {
  readonly peers: PeerRow;
  readonly received: ReceivedRow;
  readonly advertised: AdvertisedRow;
  readonly services: ServiceRow;
  readonly bfd: BfdViewRow;
  readonly routes: RouteRow;
  readonly events: EventRow;
}

export class Node {
  readonly namespace: Namespace;
  private readonly folder: string;
  private readonly control: string;
  private daemon: Daemon | undefined;
  private past = '';

  private readonly http: string;

  constructor(namespace: Namespace, { http = 'off' } = {}) {
    this.namespace = namespace;
    this.http = http;
    this.folder = namespace.folder('node');
    this.control = `${this.folder}/control.sock`;
    mkdirSync(`${this.folder}/etc`);
  }

  /** The node's own document. */
  speaker(spec: Fields = {}, labels: Readonly<Record<string, string>> = {}): void {
    this.write('speaker', {
      apiVersion: 'waypost.dev/v1',
      kind: 'Speaker',
      metadata: { name: 'node-a' },
      spec: { routerID: '192.0.2.1', drain: { onShutdown: false }, stateDir: `${this.folder}/state`, labels, ...spec },
    });
  }

  /** Creates or replaces a file; a running daemon sees it by itself. */
  write(file: string, ...documents: readonly Document[]): void {
    const text = documents.map((d) => JSON.stringify(d, null, 2)).join('\n---\n');
    writeFileSync(`${this.folder}/etc/${file}.yaml`, text);
  }

  remove(file: string): void {
    rmSync(`${this.folder}/etc/${file}.yaml`);
  }

  /** The folder of its documents. */
  get documents(): string {
    return `${this.folder}/etc`;
  }

  /** `wrapper`: words of a command that starts it. */
  async start(wrapper: readonly string[] = [], flags: readonly string[] = []): Promise<void> {
    const started = this.namespace.spawn(
      // biome-ignore format: one command line
      [...wrapper, ...program, 'run', '-c', `${this.folder}/etc`, '--node', 'node-a', '--control', this.control, '--http', this.http, '--log-level', 'debug', ...flags],
    );
    this.daemon = started;
    await waitFor('waypost run answers', () => this.rows('peers'), {
      alive: () => started.running,
      log: () => started.output,
    });
  }

  /** Gives the exit status. */
  async end(signal: NodeJS.Signals = 'SIGTERM', graceMs?: number): Promise<number | null> {
    const code = (await this.daemon?.stop(signal, graceMs)) ?? null;
    this.past += this.daemon?.output ?? '';
    this.daemon = undefined;
    return code;
  }

  get pid(): number | undefined {
    return this.daemon?.pid;
  }

  /** To the running daemon, which goes on: SIGSTOP, SIGCONT. */
  signal(signal: NodeJS.Signals): void {
    this.daemon?.signal(signal);
  }

  async rows<What extends keyof Rows>(what: What): Promise<Rows[What][]> {
    return JSON.parse(await control(this.control, `/show/${what}`)) as Rows[What][];
  }

  async peer(name: string): Promise<PeerRow> {
    const found = (await this.rows('peers')).find((peer) => peer.name === name);
    if (found === undefined) throw new Error(`no peer ${name}`);
    return found;
  }

  /** What `waypost explain` says of it. */
  async explain(subject: string): Promise<Explanation> {
    return JSON.parse(await control(this.control, `/explain?subject=${encodeURIComponent(subject)}`)) as Explanation;
  }

  async established(...names: string[]): Promise<boolean> {
    const rows = await this.rows('peers');
    return names.every((name) => rows.find((row) => row.name === name)?.state === 'Established');
  }

  /** How often a session with this peer came up. */
  sessions(peer: string): number {
    const ups = this.log().matchAll(/"peer":"([^"]*)".*"msg":"session up"/g);
    return [...ups].filter(([, name]) => name === peer).length;
  }

  /** `waypost VERB …` beside the daemon. */
  command(...words: readonly string[]): Promise<Outcome> {
    return this.namespace.outcome([...program, ...words, '--control', this.control]);
  }

  readonly log = (): string => this.past + (this.daemon?.output ?? '');
}
