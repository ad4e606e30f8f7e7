/**
 * Decoded messages as lines of JSON. Each begins with a head that is the same for all lines of a message: the time, who
 * said it to whom, where it was. Routes are the many: their line is put together from three pieces of text, of which only
 * the prefix is made for each.
 */

import type { Capability } from '../bgp/capability.ts';
import { type MessageName, MessageType } from '../bgp/const.ts';
import { describeNotification, type Notification } from '../bgp/errors.ts';
import type { OpenMessage } from '../bgp/message.ts';
import { forEachNlri, type NlriRun, type NlriVisitor } from '../bgp/nlri.ts';
import { addressFrom, formatAddress, fromU32 } from '../lib/address.ts';
import { type Ascii, asciiOf } from '../lib/ascii.ts';
import { toHex } from '../lib/bytes.ts';
import type { RouteEvent, Tally } from './tally.ts';

const names = Object.fromEntries(Object.entries(MessageType).map(([name, code]) => [code, name as MessageName]));

export const nameOf = (type: number): string => names[type] ?? `type ${type}`;

export class Lines {
  readonly tally: Tally;
  private readonly out: Ascii | undefined;
  private head: readonly Uint8Array[] = [];

  /** @param out undefined: only count */
  constructor(tally: Tally, out: Ascii | undefined) {
    this.tally = tally;
    this.out = out;
  }

  /** What the lines that follow begin with: members, with a comma after each (`headOf`). */
  begin(...head: readonly Uint8Array[]): void {
    this.head = head;
  }

  open({ version, myAs, holdTimeSec, bgpIdentifier, capabilities }: OpenMessage): void {
    const asn = capabilities.findLast((c) => c.type === 'fourOctetAs')?.asn ?? myAs;
    const routerId = formatAddress(addressFrom(fromU32(bgpIdentifier)));
    this.line({ type: 'open', version, asn, myAs, holdTimeSec, routerId, capabilities: capabilities.map(plain) });
  }

  notification(n: Notification): void {
    const { code, subcode, data } = n;
    this.line({ type: 'notification', code, subcode, data: toHex(data), text: describeNotification(n) });
  }

  /** Any other message, or something else worth a line. */
  line(members: object): void {
    this.start()?.text(`${membersText(members)}}\n`);
  }

  /** What cannot be decoded; the run of the program fails for it. */
  error(error: string, more: object = {}): void {
    this.tally.errors++;
    this.line({ type: 'error', error, ...more });
  }

  /** @param tail the line beyond the prefix: `tailOf` attributes, or of none */
  routes(kind: RouteKind, run: NlriRun, tail: Uint8Array): void {
    const { tally } = this;
    const { family, addPath } = run;
    const [, event] = kind;
    const what = kinds[`${kind[0]} ${event}`];
    const visit: NlriVisitor = (w0, w1, w2, w3, length, pathId) => {
      tally.route(event, family, w0, w1, w2, w3, length);
      const out = this.start()?.put(what);
      if (out === undefined) return;
      if (family === 'ipv4') out.quad(w0);
      else out.text(textOf(w0, w1, w2, w3));
      out.put(lengths[length]!);
      if (addPath) out.text(`,"pathId":${pathId}`);
      out.put(tail);
    };
    forEachNlri(run, visit);
  }

  private start(): Ascii | undefined {
    const out = this.out?.put(BRACE);
    if (out !== undefined) for (let i = 0; i < this.head.length; i++) out.put(this.head[i]!);
    return out;
  }
}

/** What a line about a route is of, and what became of the route. */
export type RouteKind = readonly [type: 'update' | 'rib', event: RouteEvent];

const kindText = (type: string, event: string) => asciiOf(`"type":"${type}","event":"${event}","prefix":"`);
const kinds = {
  'update announce': kindText('update', 'announce'),
  'update withdraw': kindText('update', 'withdraw'),
  'rib announce': kindText('rib', 'announce'),
  'rib withdraw': kindText('rib', 'withdraw'),
};
const BRACE = asciiOf('{');
const lengths = Array.from({ length: 129 }, (_, length) => asciiOf(`/${length}"`));

/** Members for `begin`. */
export const headOf = (members: object): Uint8Array => asciiOf(`${membersText(members)},`);

/** How a route's line ends. */
export const tailOf = (attributes: object): Uint8Array => {
  const members = membersText(attributes);
  return asciiOf(members === '' ? '}\n' : `,${members}}\n`);
};

/** An object's members as text: ASCII, other characters escaped. */
const membersText = (members: object): string =>
  JSON.stringify(members)
    .slice(1, -1)
    .replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** A time as ISO 8601, to the millisecond. */
export const isoTime = (ms: number): string => new Date(ms).toISOString();

function textOf(...words: readonly number[]): string {
  const bytes = new Uint8Array(16);
  for (const [i, w] of words.entries()) bytes.set(fromU32(w), 4 * i);
  return formatAddress({ family: 6, bytes });
}

/** A time as a member: the same one comes again and again. */
export class TimeHead {
  private readonly name: string;
  private ms = Number.NaN;
  private text: Uint8Array | undefined;

  constructor(name: string) {
    this.name = name;
  }

  head(ms: number): Uint8Array {
    if (this.text === undefined || ms !== this.ms) this.text = headOf({ [this.name]: isoTime(ms) });
    this.ms = ms;
    return this.text;
  }
}

/** A capability without octets, which JSON has none of. */
const plain = (c: Capability) => (c.type === 'unknown' ? { ...c, value: toHex(c.value) } : c);
