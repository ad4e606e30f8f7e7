/**
 * The way of a received route, gone with made-up ones while there is nothing else to do: UPDATEs to a session of its own,
 * its RIB, decisions, a batch for the kernel that goes nowhere. The engine compiles what has run often; until then an UPDATE
 * takes ten times as long, and the first full table is what comes right after a start. Nothing is shared with the daemon
 * but the code.
 */
import { AdjRibOut } from '../bgp/adjout.ts';
import { encodeAttributes } from '../bgp/attr.ts';
import { DEFAULT_CONTEXT } from '../bgp/context.ts';
import { offer } from '../bgp/handshake.ts';
import { AttributeTable } from '../bgp/intern.ts';
import { encodeKeepalive, encodeOpen } from '../bgp/message.ts';
import { Session } from '../bgp/session.ts';
import type { PeerSettings } from '../bgp/settings.ts';
import { writeReach } from '../bgp/update.ts';
import { monotonicMs } from '../io/clock.ts';
import { address } from '../lib/address.ts';
import { Writer } from '../lib/bytes.ts';
import { PrefixTable } from '../lib/table.ts';
import { RouteBatch } from '../netlink/batch.ts';
import { RouteTable } from '../netlink/const.ts';
import { both, routesAt } from './fib/pair.ts';
import { Instance, type Tables } from './instance.ts';
import { Peer } from './peer.ts';
import { Retention } from './retention.ts';

/** Routes in all, of an UPDATE, and of a step: a step is to take milliseconds from the first on. */
const ROUTES = 8_000;
const UPDATE_ROUTES = 5;
const STEP_ROUTES = 100;
/** Between two steps, so that whatever else happens does not wait. */
const PAUSE_MS = 2;

const SLOT = 0;
const CONNECTION = 1;
/** Of 11.0.0.0/8: what a node has itself would be refused, and these no node has. */
const NEXT_HOP = address('11.255.255.254');
const FIRST_PREFIX = 0x0b00_0000;

const settings: PeerSettings = {
  name: 'rehearsal',
  address: NEXT_HOP,
  port: 179,
  localAsn: 64_512,
  peerAsn: 64_513,
  routerId: 1,
  holdTimeSec: 0,
  families: ['ipv4'],
  passive: true,
  multihop: false,
  receive: { all: true },
};

export class Rehearsal {
  /** Routes that have gone all the way. */
  installed = 0;
  private readonly attributes = new AttributeTable();
  private readonly routes = routesAt({ table: RouteTable.main, protocol: 0, metric: 0 });
  private readonly batch = new RouteBatch(STEP_ROUTES, STEP_ROUTES * 64);
  private readonly prefixes = new PrefixTable(4);
  private readonly writer = new Writer(1 << 14);
  private readonly session: Session;
  private readonly instance: Instance;
  private readonly peer: Peer;
  private timer: NodeJS.Timeout | undefined;
  private sent = 0;

  constructor() {
    const nowhere: Tables = {
      tableOf: () => RouteTable.main,
      routes: () => this.routes,
      resolve: () => ({ hops: [{ gateway: NEXT_HOP, link: 1 }], metric: 0, onLink: true }),
      linkOf: () => 1,
      isUsable: () => true,
      flush: () => this.install(),
    };
    this.instance = new Instance(undefined, this.attributes, nowhere, () => {});
    this.session = new Session(settings, {
      out: new AdjRibOut(),
      attributes: this.attributes,
      random: () => 0,
      newConnection: () => CONNECTION,
    });
    const retention = new Retention(
      this.instance,
      SLOT,
      () => {},
      () => {},
    );
    this.peer = new Peer(this.session, SLOT, this.instance, retention);
    for (let i = 0; i < ROUTES; i++) this.prefixes.insert(FIRST_PREFIX + (i << 8), 0, 0, 0, 24);
  }

  /** Goes on by itself until it is done, or `stop`. */
  start(): void {
    const turn = () => {
      if (this.step()) this.timer = setTimeout(turn, PAUSE_MS).unref();
    };
    turn();
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  /** A few milliseconds of it. False when that was all. */
  step(): boolean {
    if (this.session.state !== 'Established') this.establish();
    const bytes = this.updates();
    this.take(bytes);
    this.instance.work();
    this.sent += STEP_ROUTES;
    return this.sent < ROUTES;
  }

  private establish(): void {
    this.session.handle({ type: 'start' }, monotonicMs());
    this.session.handle({ type: 'accepted', connection: CONNECTION, local: { transport: address('192.0.2.1') } }, 0);
    const { localAsn, peerAsn } = settings;
    this.take(encodeOpen(offer({ ...settings, localAsn: peerAsn as number, peerAsn: localAsn, routerId: 2 })));
    this.take(encodeKeepalive());
    this.peer.begin(this.session.agreement!);
  }

  /** The next UPDATEs, each with attributes of its own. */
  private updates(): Uint8Array {
    const ids = Uint32Array.from({ length: STEP_ROUTES }, (_, i) => this.sent + i);
    this.writer.at = 0;
    for (let from = 0; from < STEP_ROUTES; from += UPDATE_ROUTES) {
      const n = this.sent + from;
      const encoded = encodeAttributes(
        {
          origin: 'igp',
          asPath: [{ type: 'sequence', asns: [settings.peerAsn as number, 1 + n, 3, 4] }],
          nextHop: NEXT_HOP,
          ...(n % 2 === 0 && { communities: [n, n + 1], med: n }),
        },
        'ipv4',
        { ...DEFAULT_CONTEXT, families: ['ipv4'] },
      );
      writeReach(this.writer, 'ipv4', encoded, this.prefixes, ids, from, from + UPDATE_ROUTES, DEFAULT_CONTEXT);
    }
    return this.writer.finish();
  }

  /** As Speaker does it. */
  private take(bytes: Uint8Array): void {
    for (const action of this.session.handle({ type: 'received', connection: CONNECTION, bytes }, monotonicMs())) {
      if (action.type !== 'update') continue;
      this.instance.rib.apply(SLOT, action.update);
      for (const { attributes } of action.update.reach) this.attributes.release(attributes);
    }
  }

  private install(): void {
    for (const routes of both(this.routes))
      while (routes.busy) {
        this.batch.clear();
        this.installed += routes.take(this.batch);
        if (this.batch.size > 0) this.batch.finish();
        routes.done(this.batch, new Map(), () => {});
      }
  }
}
