/**
 * The main job on one machine and without privileges: a daemon that reads documents, and a router that learns from it
 * over a real TCP session on loopback.
 */
import { decodeInterned } from '../bgp/attr.ts';
import { readPrefixes } from '../bgp/nlri.ts';
import type { PeerSettings } from '../bgp/settings.ts';
import { makeLogger } from '../io/log.ts';
import { type Scratch, scratchFolder } from '../io/scratch.ts';
import { address, toU32 } from '../lib/address.ts';
import { formatPrefix, prefix } from '../lib/prefix.ts';
import { Daemon } from './daemon.ts';
import { type RouteJson, routeJson } from './routes.ts';
import { Speaker } from './speaker.ts';

const LOOPBACK = address('127.0.0.1');
const ASN = 64512;
/** A demo that takes longer than this has failed, ms. */
const PATIENCE_MS = 30_000;

/**
 * A session to a router on this machine: what a user adds to the published example, beside Services. Next hops are named,
 * since loopback may have no IPv6 address: containers often have no IPv6. The kernel is left alone, also by root: its routes
 * may be those of a daemon that serves this node.
 */
const session = (port: number, stateDir: string) => `
apiVersion: waypost.dev/v1
kind: Speaker
metadata: {name: demo-node}
spec: {routerID: 192.0.2.1, stateDir: ${JSON.stringify(stateDir)}, kernel: {install: false}}
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: router, namespace: metallb-system}
spec: {myASN: ${ASN}, peerASN: ${ASN}, peerAddress: 127.0.0.1, peerPort: ${port}, dualStackAddressFamily: true}
---
apiVersion: frrk8s.metallb.io/v1beta1
kind: FRRConfiguration
metadata: {name: next-hops, namespace: frr-k8s-system}
spec:
  bgp:
    routers:
      - asn: ${ASN}
        neighbors:
          - address: 127.0.0.1
            asn: ${ASN}
            port: ${port}
            dualStackAddressFamily: true
            toAdvertise: {nextHop: {ipv4: 192.0.2.1, ipv6: "2001:db8::1"}}
`;

const service = (name: string) => `
apiVersion: v1
kind: Service
metadata:
  name: ${name}
  namespace: default
  annotations: {metallb.io/address-pool: doc-example-bgp-adv}
spec:
  type: LoadBalancer
  ipFamilyPolicy: RequireDualStack
  ipFamilies: [IPv4, IPv6]
  ports: [{port: 80, protocol: TCP}]
`;

/** A router that listens on loopback, and what it has learned. */
class Router {
  readonly routes = new Map<string, RouteJson>();
  private readonly speaker: Speaker;
  private wake: () => void = () => {};

  constructor() {
    this.speaker = new Speaker({
      update: (_, update) => {
        for (const run of update.unreach) for (const p of readPrefixes(run)) this.routes.delete(formatPrefix(p));
        for (const run of update.reach) {
          const route = routeJson(decodeInterned(this.speaker.attributes.view(run.attributes)));
          for (const p of readPrefixes(run)) this.routes.set(formatPrefix(p), route);
        }
        this.wake();
      },
    });
  }

  async listen(): Promise<number> {
    const port = await this.speaker.listen(LOOPBACK, 0);
    const settings: PeerSettings = {
      name: 'node',
      address: LOOPBACK,
      port,
      localAsn: ASN,
      peerAsn: ASN,
      routerId: toU32(address('192.0.2.254').bytes),
      holdTimeSec: 90,
      families: ['ipv4', 'ipv6'],
      passive: true,
      multihop: false,
    };
    this.speaker.start(this.speaker.add(settings));
    return port;
  }

  /** Waits until this many routes are known. */
  async until(count: number): Promise<void> {
    const limit = setTimeout(() => this.wake(), PATIENCE_MS);
    const end = performance.now() + PATIENCE_MS;
    while (this.routes.size !== count) {
      if (performance.now() >= end) throw new Error(`the router knows ${this.routes.size} routes, not ${count}`);
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    clearTimeout(limit);
  }

  stop(): Promise<void> {
    return this.speaker.stop();
  }
}

/** A stage of the demo: what was done, and what the router knows afterwards, by prefix. */
export interface Stage {
  readonly title: string;
  readonly routes: readonly (readonly [string, RouteJson])[];
}

/** Runs the demo on these documents (text of seed documents) and reports each stage. Rejects when one fails. */
export async function runDemo(documents: string, report: (stage: Stage) => void): Promise<void> {
  const folder: Scratch = scratchFolder('waypost-demo-');
  const router = new Router();
  const stage = (title: string) => report({ title, routes: [...router.routes].sort(([a], [b]) => order(a, b)) });
  const daemon = new Daemon({
    paths: [folder.path],
    node: undefined,
    control: undefined,
    http: undefined,
    log: makeLogger('error', 'pretty'),
  });
  try {
    folder.write('pool.yaml', documents);
    folder.write('session.yaml', session(await router.listen(), `${folder.path}/state`));
    folder.write('web.yaml', service('web'));
    await daemon.start();
    await router.until(4);
    stage('one Service');
    folder.write('shop.yaml', service('shop'));
    await router.until(6);
    stage('a second Service: its own host routes, the same aggregates');
    folder.remove('web.yaml');
    await router.until(4);
    stage('the first Service removed');
    folder.remove('shop.yaml');
    await router.until(0);
    stage('no Service left');
  } finally {
    await daemon.stop();
    await router.stop();
    folder.dispose();
  }
}

function order(a: string, b: string): number {
  const [p, q] = [prefix(a), prefix(b)];
  return p.family - q.family || q.length - p.length || (a < b ? -1 : 1);
}
