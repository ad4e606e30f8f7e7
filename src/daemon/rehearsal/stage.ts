/** All that a route passes on its way from a peer to the kernel, put up anew and connected to nothing. */
import { AdjRibOut } from '../../bgp/adjout.ts';
import type { Announces } from '../../bgp/guard.ts';
import { offer } from '../../bgp/handshake.ts';
import { AttributeTable } from '../../bgp/intern.ts';
import { encodeKeepalive, encodeOpen } from '../../bgp/message.ts';
import type { MultipathOptions } from '../../bgp/multipath.ts';
import { Session } from '../../bgp/session.ts';
import type { PeerSettings } from '../../bgp/settings.ts';
import { monotonicMs } from '../../io/clock.ts';
import { address } from '../../lib/address.ts';
import { RouteBatch } from '../../netlink/batch.ts';
import { RouteTable } from '../../netlink/const.ts';
import { both, routesAt } from '../fib/pair.ts';
import { Instance, type Tables } from '../instance.ts';
import { Peer } from '../peer.ts';
import { Retention } from '../retention.ts';
import { NEXT_HOP, PEER_ASN } from './script.ts';

const SLOT = 0;
const LOCAL = address('192.0.2.1');
const CONNECTION = 1;
const LOCAL_ASN = 64_512;
/** Less than a step makes: batches are cut off, too. */
const BATCH_MESSAGES = 64;
/** TCP cuts messages anywhere. */
const CHUNK_OCTETS = 1_448;

/** What the daemon has, so that what is compiled is compiled for that. */
export interface Likeness {
  /** Of a peer that routes are learned from. */
  readonly settings?: PeerSettings;
  readonly multipath: MultipathOptions;
  readonly announces: Announces | undefined;
}

const anyPeer: PeerSettings = {
  name: 'rehearsal',
  address: NEXT_HOP,
  port: 179,
  localAsn: LOCAL_ASN,
  peerAsn: PEER_ASN,
  routerId: 1,
  holdTimeSec: 90,
  families: ['ipv4'],
  passive: false,
  multihop: false,
};

export class Stage {
  /** Changes of routes that have gone all the way. */
  changes = 0;
  private readonly attributes = new AttributeTable();
  private readonly routes = routesAt({ table: RouteTable.main, protocol: 0, metric: 0 });
  private readonly batch = new RouteBatch(BATCH_MESSAGES, BATCH_MESSAGES * 64);
  private readonly session: Session;
  private readonly instance: Instance;
  private readonly peer: Peer;

  /** Throws `Error` where no session comes about with such settings. */
  constructor({ settings = anyPeer, multipath, announces }: Likeness) {
    const nowhere: Tables = {
      tableOf: () => RouteTable.main,
      routes: () => this.routes,
      resolve: () => ({ hops: [{ gateway: NEXT_HOP, link: 1 }], metric: 0, onLink: true }),
      linkOf: () => 1,
      isUsable: () => true,
      advance: () => {},
      flush: () => this.install(),
    };
    this.instance = new Instance(undefined, this.attributes, nowhere, () => {});
    this.instance.setMultipath(multipath);
    if (announces) this.instance.intake.setAnnounces(announces);
    const likely: PeerSettings = {
      ...{ ...settings, localAsn: LOCAL_ASN, peerAsn: PEER_ASN, families: ['ipv4'], passive: false },
      ...(settings.strictRole && { strictRole: false }),
      receive: { all: true, rules: [] },
    };
    this.session = new Session(likely, {
      out: new AdjRibOut(),
      attributes: this.attributes,
      random: () => 0,
      newConnection: () => CONNECTION,
      restarting: false,
    });
    const retention = new Retention(
      this.instance,
      SLOT,
      () => {},
      () => {},
    );
    this.peer = new Peer(this.session, SLOT, this.instance, retention);
    this.establish();
  }

  /** UPDATEs of the peer, to be carried out. */
  play(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += CHUNK_OCTETS) this.take(bytes.subarray(at, at + CHUNK_OCTETS));
    while (this.instance.work());
  }

  private establish(): void {
    this.session.handle({ type: 'start' }, monotonicMs());
    const local = { transport: LOCAL, ipv4: LOCAL };
    this.session.handle({ type: 'connected', connection: CONNECTION, local }, monotonicMs());
    this.take(encodeOpen(offer({ ...anyPeer, localAsn: PEER_ASN, peerAsn: LOCAL_ASN })));
    this.take(encodeKeepalive());
    const { agreement, lastError } = this.session;
    if (agreement === undefined) throw new Error(`no session: ${lastError}`);
    this.peer.begin(agreement);
  }

  /** As Speaker does it. */
  private take(bytes: Uint8Array): void {
    for (const action of this.session.handle({ type: 'received', connection: CONNECTION, bytes }, monotonicMs())) {
      if (action.type !== 'update') continue;
      this.peer.take(action.update, true);
      for (const { attributes } of action.update.reach) this.attributes.release(attributes);
    }
  }

  private install(): void {
    for (const routes of both(this.routes))
      while (routes.busy) {
        this.batch.clear();
        this.changes += routes.take(this.batch);
        if (this.batch.size > 0) this.batch.finish();
        routes.done(this.batch, () => {});
      }
  }
}
