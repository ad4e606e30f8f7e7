/** Daemons on one bridge, with a host that asks: what the tests of layer 2 as a whole share. */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Layer2Row } from '../../src/daemon/views.ts';
import { control } from './control.ts';
import { Namespace } from './netns.ts';
import { type Daemon, waitFor } from './process.ts';

const program = fileURLToPath(new URL('../../bin/waypost', import.meta.url));

export const ip = (where: Namespace, ...words: string[]): Promise<string> => where.run(['ip', ...words]);
export const macOf = async (where: Namespace, device = 'eth0'): Promise<string> =>
  JSON.parse(await ip(where, '-j', 'link', 'show', 'dev', device))[0].address.toUpperCase();

export const speaker = (name: string, spec = '') => `
apiVersion: waypost.dev/v1
kind: Speaker
metadata: {name: ${name}}
spec: {stateDir: STATE${spec}}
---`;
export const nodes = (...names: string[]) =>
  names.map((name) => `\napiVersion: v1\nkind: Node\nmetadata: {name: ${name}}\n---`).join('');
export const pool = `
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: lab}
spec: {addresses: [192.168.10.0/24, "fc00:f853:ccd:e799::/64"]}
---`;
export const advertisement = (spec = '') => `
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: l2}
spec: {${spec}}
---`;
export const service = (name: string, ...ips: string[]) => `
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec: {type: LoadBalancer, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [${ips.map((each) => `{ip: "${each}"}`).join()}]}}
---`;

/** `waypost run` in a namespace. */
export class Node {
  readonly namespace: Namespace;
  readonly name: string;
  readonly daemon: Daemon;
  readonly #folder: string;

  /**
   * @param interpreter what runs the program, with whatever stands before it
   * @param before the process whose folder, and so whose memory, this one is to have
   */
  constructor(
    namespace: Namespace,
    name: string,
    documents: string,
    interpreter: readonly string[] = ['node'],
    before?: Node,
  ) {
    this.namespace = namespace;
    this.name = name;
    this.#folder = before === undefined ? namespace.folder(name) : before.#folder;
    this.put(documents);
    const argv = [...interpreter, program, 'run', '-c', this.#file(), '--node', name];
    this.daemon = namespace.spawn([...argv, '--control', join(this.#folder, 'sock')]);
    running.push(this);
  }

  #file(): string {
    return join(this.#folder, 'all.yaml');
  }

  put(documents: string): void {
    const text = documents.replace('STATE', this.#folder);
    writeFileSync(`${this.#file()}.tmp`, text);
    renameSync(`${this.#file()}.tmp`, this.#file());
  }

  async show<Row>(what: string): Promise<Row[]> {
    return JSON.parse(await control(join(this.#folder, 'sock'), `/show/${what}`));
  }

  /** The row of an address, once it is as wanted. */
  row(address: string, wanted: Partial<Layer2Row>): Promise<Layer2Row> {
    return this.until(`${address} is ${JSON.stringify(wanted)} on ${this.name}`, async () => {
      const row = (await this.show<Layer2Row>('l2')).find((each) => each.ip === address);
      const fits = Object.entries(wanted).every(
        ([key, value]) => JSON.stringify(row?.[key as keyof Layer2Row]) === JSON.stringify(value),
      );
      return fits && row;
    });
  }

  until<T>(what: string, probe: () => Promise<T | false | undefined> | T | false | undefined): Promise<T> {
    return waitFor(what, probe, { alive: () => this.daemon.running, log: () => this.daemon.output });
  }

  metrics(): Promise<string> {
    return this.namespace.run(['curl', '-sf', 'http://127.0.0.1:7472/metrics']);
  }

  /** Lines of the log with this message. */
  messages(text: string): Record<string, unknown>[] {
    const lines = this.daemon.output.split('\n').filter((line) => line.startsWith('{'));
    return lines.map((line) => JSON.parse(line)).filter((line) => line.msg === text);
  }
}

const running: Node[] = [];

/** Ends every daemon of a test. */
export async function endNodes(): Promise<void> {
  await Promise.all(running.splice(0).map((node) => node.daemon.stop()));
}

/** A bridge in a namespace of its own, and namespaces on it. */
export class Segment {
  readonly hub: Namespace;
  readonly host: Namespace;
  private readonly others: Namespace[] = [];

  private constructor(hub: Namespace, host: Namespace) {
    this.hub = hub;
    this.host = host;
  }

  /** With a host on it, whose hardware address is the lowest: nodes that yield yield to it. */
  static async create(): Promise<Segment> {
    const segment = new Segment(await Namespace.create('hub'), await Namespace.create('host'));
    const { hub, host } = segment;
    await ip(hub, 'link', 'add', 'br0', 'type', 'bridge', 'forward_delay', '0', 'mcast_snooping', '0');
    await ip(hub, 'link', 'set', 'br0', 'up');
    await segment.plug(host, 'eth0', 'h0', '02:00:5e:00:00:01');
    await ip(host, 'address', 'add', '192.168.10.2/24', 'dev', 'eth0');
    await ip(host, 'address', 'add', 'fc00:f853:ccd:e799::2/64', 'dev', 'eth0', 'nodad');
    return segment;
  }

  /** Another namespace on the bridge: `a` has the port `a0` and the hardware address 02:00:5e:00:00:0a. */
  async join(letter: string): Promise<Namespace> {
    const namespace = await Namespace.create(letter);
    this.others.push(namespace);
    await this.plug(namespace, 'eth0', `${letter}0`, `02:00:5e:00:00:0${letter}`);
    return namespace;
  }

  /** A veth from the bridge to a namespace. */
  async plug(where: Namespace, device: string, port: string, mac: string): Promise<void> {
    const { hub } = this;
    await ip(hub, 'link', 'add', port, 'type', 'veth', 'peer', 'name', device, 'netns', where.name, 'address', mac);
    await ip(hub, 'link', 'set', port, 'master', 'br0', 'up');
    await ip(where, 'link', 'set', device, 'up');
  }

  /** Ethernet addresses that answered for an address: each of three requests is to be answered. */
  async arping(target: string, device = 'eth0'): Promise<string[]> {
    const { stdout } = await this.host.outcome(['arping', '-c', '3', '-w', '4', '-I', device, target]);
    return [...new Set([...stdout.matchAll(/reply from \S+ \[([0-9A-F:]+)\]/g)].map(([, mac]) => mac!))].sort();
  }

  async ndisc(target: string, device = 'eth0'): Promise<string[]> {
    const { stdout } = await this.host.outcome(['ndisc6', '-m', '-r', '1', '-w', '1000', target, device]);
    return [...new Set([...stdout.matchAll(/Target link-layer address: ([0-9A-F:]+)/g)].map(([, mac]) => mac!))].sort();
  }

  async close(): Promise<void> {
    await Promise.all([this.hub, this.host, ...this.others].map((namespace) => namespace.close()));
  }
}
