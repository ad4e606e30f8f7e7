/** One session whose peer and host are the test: what it says is kept as octets, and time passes when told to. */
import { AdjRibOut } from '../../src/bgp/adjout.ts';
import { Afi, MessageType, Safi } from '../../src/bgp/const.ts';
import type { SessionAction, SessionEvent } from '../../src/bgp/events.ts';
import { beginMessage, endMessage } from '../../src/bgp/header.ts';
import { AttributeTable } from '../../src/bgp/intern.ts';
import { encodeKeepalive, encodeOpen, type OpenMessage } from '../../src/bgp/message.ts';
import { Session } from '../../src/bgp/session.ts';
import type { PeerSettings } from '../../src/bgp/settings.ts';
import { address } from '../../src/lib/address.ts';
import { fromHex, toHex, Writer } from '../../src/lib/bytes.ts';
import { settingsOf } from './pipe.ts';

const MARKER = 'ff'.repeat(16);

/** A whole message in hexadecimal. */
export const messageHex = (type: number, body = ''): string =>
  MARKER + (19 + body.length / 2).toString(16).padStart(4, '0') + type.toString(16).padStart(2, '0') + body;

/** A NOTIFICATION in hexadecimal. */
export const notificationHex = (code: number, subcode: number, data = ''): string =>
  messageHex(MessageType.notification, toHex(Uint8Array.of(code, subcode)) + data);

export const keepalive = toHex(encodeKeepalive());

/** The OPEN of a peer in AS 65002 with identifier 2, IPv4 alone, unless changed. */
export const openHex = (changes: Partial<OpenMessage> = {}): string =>
  toHex(
    encodeOpen({
      type: 'open',
      version: 4,
      myAs: 65002,
      holdTimeSec: 90,
      bgpIdentifier: 2,
      capabilities: [
        { type: 'multiprotocol', afi: Afi.ipv4, safi: Safi.unicast },
        { type: 'fourOctetAs', asn: changes.myAs ?? 65002 },
      ],
      ...changes,
    }),
  );

/** An UPDATE from its three parts in hexadecimal, lengths filled in. */
export function updateHex(withdrawn: string, attributes: string, nlri: string): string {
  const w = new Writer(4096);
  const start = beginMessage(w, MessageType.update);
  const [a, b, c] = [withdrawn, attributes, nlri].map((part) => fromHex(part));
  w.u16(a!.length).put8s(a!).u16(b!.length).put8s(b!).put8s(c!);
  endMessage(w, start);
  return toHex(w.finish());
}

/** ORIGIN IGP, AS_PATH 65002, NEXT_HOP 192.0.2.2, in four-octet AS numbers. */
export const ATTRIBUTES = '40010100 400206 0201 0000fdea 400304 c0000202'.replaceAll(' ', '');

export class Script {
  readonly session: Session;
  readonly out = new AdjRibOut();
  readonly attributes = new AttributeTable();
  now = 1_000;
  /** What each connection was sent, message by message, in hexadecimal. */
  readonly sent = new Map<number, string[]>();
  readonly closed = new Set<number>();
  readonly actions: SessionAction[] = [];
  /** The connection dialled or accepted last. */
  connection = 0;
  private next = 1;

  constructor(settings: Partial<PeerSettings> = {}) {
    const { out, attributes } = this;
    this.session = new Session(settingsOf(settings), {
      out,
      attributes,
      random: () => 0.5,
      newConnection: () => this.next++,
    });
  }

  get reason(): string {
    return this.session.lastError;
  }

  tell(event: SessionEvent): this {
    for (const action of this.session.handle(event, this.now)) {
      this.actions.push(action);
      if (action.type === 'dial') this.connection = action.connection;
      if (action.type === 'close') this.closed.add(action.connection);
      if (action.type !== 'send') continue;
      const list = this.sent.get(action.connection) ?? [];
      this.sent.set(action.connection, [...list, toHex(action.bytes)]);
    }
    return this;
  }

  start(): this {
    return this.tell({ type: 'start' });
  }

  private readonly local = { transport: address('192.0.2.1') };

  connected(connection = this.connection): this {
    return this.tell({ type: 'connected', connection, local: this.local });
  }

  /** The peer calls. */
  calls(): this {
    this.connection = this.next++;
    return this.tell({ type: 'accepted', connection: this.connection, local: this.local });
  }

  says(hex: string, connection = this.connection): this {
    const bytes = fromHex(hex);
    this.tell({ type: 'received', connection, bytes });
    bytes.fill(0xee); // the session must not have kept a view
    return this;
  }

  /** The transport has taken everything sent so far on the connection. */
  taken(connection = this.connection): this {
    return this.tell({ type: 'sent', connection });
  }

  hangsUp(connection = this.connection, error?: string): this {
    return this.tell({ type: 'closed', connection, ...(error !== undefined && { error }) });
  }

  /** Lets time pass, and every timer that is due meanwhile fire in its time. */
  pass(ms: number): this {
    const until = this.now + ms;
    for (let due = this.session.nextDue; due !== undefined && due <= until; due = this.session.nextDue) {
      this.now = Math.max(due, this.now);
      this.tell({ type: 'tick' });
    }
    this.now = until;
    return this;
  }

  /** Up to OpenSent, OpenConfirm or Established, as the caller. */
  to(state: 'OpenSent' | 'OpenConfirm' | 'Established', open = openHex()): this {
    this.start().connected();
    if (state !== 'OpenSent') this.says(open);
    if (state === 'Established') this.says(keepalive);
    if (this.session.state !== state) throw new Error(`in ${this.session.state} instead of ${state}: ${this.reason}`);
    return this;
  }

  /** The last message on a connection. */
  last(connection = this.connection): string | undefined {
    return this.sent.get(connection)?.at(-1);
  }
}
