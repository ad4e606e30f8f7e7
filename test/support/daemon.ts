/**
 * A daemon with real files and real sessions on loopback: routers that remember what they were told, folders of
 * documents, the daemon in this process or as a command of its own.
 */
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { decodeInterned } from '../../src/bgp/attr.ts';
import { readPrefixes } from '../../src/bgp/nlri.ts';
import type { PathAttributes } from '../../src/bgp/path.ts';
import { Daemon } from '../../src/daemon/daemon.ts';
import type { Peer } from '../../src/daemon/peer.ts';
import { type RouteJson, routeJson } from '../../src/daemon/routes.ts';
import { Speaker } from '../../src/daemon/speaker.ts';
import { address, toU32 } from '../../src/lib/address.ts';
import { formatPrefix, prefix } from '../../src/lib/prefix.ts';
import { type Outcome, outcome, Daemon as Process, type RunOptions, waitFor } from './process.ts';

const program = fileURLToPath(new URL('../../bin/waypost', import.meta.url));
const stall = fileURLToPath(new URL('./stall.mjs', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));

function built(): string {
  if (!existsSync(join(root, 'dist', 'bundle', 'main.cjs'))) throw new Error('the command is not built: npm run build');
  return program;
}

/** Runs one command line to its end. */
export const waypost = (argv: readonly string[], options?: RunOptions): Promise<Outcome> =>
  outcome(['node', built(), ...argv], options);

/** The command as a process that goes on. */
export const spawnWaypost = (argv: readonly string[], env: Readonly<Record<string, string>> = {}): Process =>
  new Process(['node', built(), ...argv], { env: { ...process.env, ...env } });

/** The same, with the longest hold-up of its event loop on demand (stall.mjs). */
export const spawnWatched = (argv: readonly string[], stallFile: string): Process =>
  new Process(['node', '--import', stall, built(), ...argv], { env: { ...process.env, STALL_FILE: stallFile } });

export const fixture = (name: string): string => readFileSync(join(root, 'fixtures', 'config', name), 'utf8');

/** Waits for what an event brings about: short steps, and a limit for a machine with other work. */
export const soon = <T>(
  what: string,
  probe: () => Promise<T | false | undefined> | T | false | undefined,
): Promise<T> => waitFor(what, probe, { timeoutMs: 60_000, everyMs: 5 });

/** Long enough for what must not happen to have happened. */
export const aWhile = (ms = 300): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A folder of its own, and its files. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'waypost-test-'));
  /** When the last `put` took effect, `performance.now()`. */
  putAt = 0;

  file(name: string): string {
    return join(this.path, name);
  }

  /** Whole, by a rename. */
  put(name: string, text: string): void {
    writeFileSync(this.file(`.${name}.tmp`), text);
    this.putAt = performance.now();
    renameSync(this.file(`.${name}.tmp`), this.file(name));
  }

  /** In place. */
  write(name: string, text: string | Uint8Array): void {
    writeFileSync(this.file(name), text);
  }

  read(name: string): string {
    return readFileSync(this.file(name), 'utf8');
  }

  remove(name: string): void {
    unlinkSync(this.file(name));
  }

  dispose(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export interface RouterOptions {
  /** Where it listens. */
  readonly address?: string;
  readonly asn?: number;
  readonly nodeAsn?: number;
  readonly families?: readonly ('ipv4' | 'ipv6')[];
}

/** A router that waits for the daemon's call, and remembers everything it was told. */
export class Router {
  readonly address: string;
  readonly asn: number;
  readonly nodeAsn: number;
  port = 0;
  /** What it knows now, by prefix. */
  readonly routes = new Map<string, RouteJson>();
  /** Every prefix that was ever announced to it. */
  readonly heard = new Set<string>();
  /** Since the last `forget`. */
  updates = 0;
  announced = 0;
  withdrawn = 0;
  /** Sessions that came up, and why they ended. */
  sessions = 0;
  readonly ends: string[] = [];
  /** When the last UPDATE came, `performance.now()`. */
  updatedAt = 0;
  private readonly families: readonly ('ipv4' | 'ipv6')[];
  private readonly speaker: Speaker;
  private peer: Peer | undefined;

  constructor(options: RouterOptions = {}) {
    this.address = options.address ?? '127.0.0.1';
    this.asn = options.asn ?? 64512;
    this.nodeAsn = options.nodeAsn ?? 64512;
    this.families = options.families ?? ['ipv4', 'ipv6'];
    this.speaker = new Speaker({
      state: (_, from, to, reason) => {
        if (to === 'Established') this.sessions++;
        if (from !== 'Established') return;
        this.routes.clear();
        this.ends.push(reason);
      },
      update: (_, update) => {
        this.updates++;
        this.updatedAt = performance.now();
        for (const run of update.unreach)
          for (const p of readPrefixes(run)) {
            this.withdrawn++;
            this.routes.delete(formatPrefix(p));
          }
        for (const run of update.reach) {
          const route = routeJson(decodeInterned(this.speaker.attributes.view(run.attributes)));
          for (const p of readPrefixes(run)) {
            this.announced++;
            this.heard.add(formatPrefix(p));
            this.routes.set(formatPrefix(p), route);
          }
        }
      },
    });
  }

  async start(port = 0): Promise<this> {
    this.port = await this.speaker.listen(address(this.address), port);
    this.peer = this.speaker.add({
      name: 'node',
      address: address('127.0.0.1'),
      port: 179,
      sourceAddress: address(this.address),
      localAsn: this.asn,
      peerAsn: this.nodeAsn,
      routerId: toU32(address(this.address).bytes),
      holdTimeSec: 90,
      families: this.families,
      passive: true,
      multihop: true,
    });
    this.speaker.start(this.peer);
    return this;
  }

  get established(): boolean {
    return this.peer?.session.state === 'Established';
  }

  get prefixes(): string[] {
    return [...this.routes.keys()].sort();
  }

  /** Starts counting anew. */
  forget(): void {
    this.updates = 0;
    this.announced = 0;
    this.withdrawn = 0;
  }

  async knows(...prefixes: readonly string[]): Promise<void> {
    const want = [...prefixes].sort().join();
    try {
      await soon(`the router knows ${want || 'nothing'}`, () => this.established && this.prefixes.join() === want);
    } catch (error) {
      throw new Error(`${(error as Error).message}\nit knows ${this.prefixes.join() || 'nothing'}`);
    }
  }

  /** Tells the daemon of a route. */
  announce(text: string, attributes: PathAttributes): void {
    this.peer!.session.out.set(prefix(text), attributes);
    this.speaker.routesChanged(this.peer!);
  }

  withdraw(text: string): void {
    this.peer!.session.out.delete(prefix(text));
    this.speaker.routesChanged(this.peer!);
  }

  stop(): Promise<void> {
    return this.speaker.stop();
  }
}

/** JSON is YAML. */
const specOf = (fields: object): string => JSON.stringify(fields);

export const speakerDocument = (spec: object, name = 'node-a'): string =>
  `apiVersion: waypost.dev/v1\nkind: Speaker\nmetadata: {name: ${name}}\nspec: ${specOf(spec)}\n`;

export const peerDocument = (name: string, router: Router, more: object = {}): string => {
  const spec = {
    myASN: router.nodeAsn,
    peerASN: router.asn,
    peerAddress: router.address,
    peerPort: router.port,
    sourceAddress: '127.0.0.1',
    dualStackAddressFamily: true,
    ...more,
  };
  return `apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: ${name}, namespace: metallb-system}\nspec: ${specOf(spec)}\n`;
};

export const poolDocument = (name: string, addresses: readonly string[], more: object = {}): string =>
  `apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: ${name}, namespace: metallb-system}\nspec: ${specOf({ addresses, ...more })}\n`;

export const advertisementDocument = (name: string, pool: string, more: object = {}): string =>
  `apiVersion: metallb.io/v1beta1\nkind: BGPAdvertisement\nmetadata: {name: ${name}, namespace: metallb-system}\nspec: ${specOf({ ipAddressPools: [pool], ...more })}\n`;

export interface ServiceOptions {
  readonly namespace?: string;
  readonly pool?: string;
  readonly dual?: boolean;
  /** status.loadBalancer.ingress */
  readonly ip?: string;
}

export function serviceDocument(name: string, o: ServiceOptions = {}): string {
  return `${JSON.stringify(serviceObject(name, o))}\n`;
}

export const serviceObject = (
  name: string,
  { namespace = 'default', pool, dual, ip }: ServiceOptions = {},
): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace, ...(pool && { annotations: { 'metallb.io/address-pool': pool } }) },
  spec: {
    type: 'LoadBalancer',
    ports: [{ port: 80, protocol: 'TCP' }],
    ...(dual && { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv4', 'IPv6'] }),
  },
  ...(ip && { status: { loadBalancer: { ingress: [{ ip }] } } }),
});

export const all = (...documents: readonly string[]): string => documents.join('---\n');

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface SiteOptions {
  readonly paths?: readonly string[];
  readonly node?: string;
  /** True: the site's own socket. */
  readonly control?: boolean | string;
  /** A port of 127.0.0.1. */
  readonly http?: number;
}

/** A router as peer, a pool, an advertisement of it, and a Service with its first address. */
export const smallest = (router: Router, peer: object = {}): string =>
  all(
    peerDocument('router', router, peer),
    poolDocument('main', ['198.51.100.0/24']),
    advertisementDocument('main', 'main'),
    serviceDocument('web'),
  );

/** The Speaker of one that does not drain before it stops: the tests' routers have nobody else to move traffic to. */
export const steadySpeaker = (stateDir: string, spec: object = {}): string =>
  speakerDocument({ routerID: '192.0.2.1', stateDir, drain: { onShutdown: false }, ...spec });

/** A folder of documents and the daemon that reads it, in this process. */
export class Site {
  readonly folder = new Folder();
  readonly state = new Folder();
  readonly control = join(this.state.path, 'control.sock');
  readonly log: LogLine[] = [];
  daemon: Daemon;

  constructor(options: SiteOptions = {}) {
    this.daemon = this.make(options);
  }

  private make(options: SiteOptions): Daemon {
    return new Daemon({
      paths: options.paths ?? [this.folder.path],
      node: options.node,
      control: options.control === true ? this.control : options.control || undefined,
      http: options.http === undefined ? undefined : { host: '127.0.0.1', port: options.http },
      log: pino({ level: 'debug', base: null }, { write: (line: string) => this.log.push(JSON.parse(line)) }),
    });
  }

  /** Writes the Speaker's document and starts. */
  async start(speaker: object = {}): Promise<this> {
    this.speaker(speaker);
    await this.daemon.start();
    await soon('the daemon is ready', () => this.daemon.ready);
    return this;
  }

  speaker(spec: object = {}): void {
    this.folder.put('speaker.yaml', steadySpeaker(this.state.path, spec));
  }

  /** Ends the daemon and begins another one on the same files. */
  async restart(options: SiteOptions = {}): Promise<void> {
    await this.daemon.stop();
    this.daemon = this.make(options);
    await this.daemon.start();
    await soon('the daemon is ready', () => this.daemon.ready);
  }

  /** Resolves when a reading with this outcome has come after `since`. */
  async reads(valid: boolean, since: string | undefined): Promise<void> {
    await soon(`a configuration that is ${valid ? 'valid' : 'refused'}`, () => {
      const { reading } = this.daemon.documents;
      return reading !== undefined && reading.at !== since && reading.valid === valid;
    });
  }

  /** Changes files and waits until that is refused, with a message that matches. */
  async refuses(change: () => void, message: RegExp): Promise<void> {
    const since = this.daemon.documents.reading?.at;
    await aWhile(2); // so that the next reading has another time
    change();
    await this.reads(false, since);
    const errors = this.daemon.documents.reading!.diagnostics.filter((d) => d.severity === 'error');
    if (!errors.some((d) => message.test(`${d.position.file}: ${d.message}`)))
      throw new Error(`refused for another reason: ${JSON.stringify(errors)}`);
  }

  /** Changes files and waits until that is in force. */
  async accepts(change: () => void): Promise<void> {
    const since = this.daemon.documents.reading?.at;
    await aWhile(2);
    change();
    await this.reads(true, since);
  }

  /** What `/metrics` says. */
  async metrics(): Promise<string> {
    return [...(await (await this.daemon.metrics()).text())].join('');
  }

  messages(text: string): LogLine[] {
    return this.log.filter((line) => line.msg.includes(text));
  }

  async stop(): Promise<void> {
    await this.daemon.stop();
    this.folder.dispose();
    this.state.dispose();
  }
}
