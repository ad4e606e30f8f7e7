/**
 * Decoded messages as lines of JSON. Each begins with a head that is the same for all lines of a message: the time, who
 * said it to whom, where it was. Routes are the many: their line is put together from three pieces of text, of which only
 * the prefix is made for each.
 */

import type { Capability } from '../bgp/capability.ts';
import { type AddressFamily, type MessageName, MessageType } from '../bgp/const.ts';
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
  readonly out: Ascii;
  private head: readonly Uint8Array[] = [];

  constructor(tally: Tally, out: Ascii) {
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
    this.start().text(`${membersText(members)}}\n`);
  }

  /** What cannot be decoded; the run of the program fails for it. */
  error(error: string, more: object = {}): void {
    this.tally.errors++;
    this.line({ type: 'error', error, ...more });
  }

  /** @param tail the line beyond the prefix: `tailOf` attributes, or of none */
  routes(event: RouteEvent, run: NlriRun, tail: Uint8Array): void {
    const { tally } = this;
    const { family, addPath } = run;
    const what = kinds[event];
    const visit: NlriVisitor = (w0, w1, w2, w3, length, pathId) => {
      tally.route(event, family, w0, w1, w2, w3, length);
      const out = this.start().put(what);
      putPrefix(out, family, w0, w1, w2, w3, length);
      if (addPath) out.text(`,"pathId":${pathId}`);
      out.put(tail);
    };
    forEachNlri(run, visit);
  }

  private start(): Ascii {
    const { out, head } = this;
    out.octet(BRACE);
    for (let i = 0; i < head.length; i++) out.put(head[i]!);
    return out;
  }
}

/** What a line about a route is of, and what became of the route; its prefix is next. */
export const kindText = (type: 'update' | 'rib', event: RouteEvent): Uint8Array =>
  asciiOf(`"type":"${type}","event":"${event}","prefix":"`);
const kinds = { announce: kindText('update', 'announce'), withdraw: kindText('update', 'withdraw') };
const BRACE = 0x7b;
const lengths = Array.from({ length: 129 }, (_, length) => asciiOf(`/${length}"`));

/** A prefix, words as in `NlriVisitor`, and the quote behind it. */
export function putPrefix(
  out: Ascii,
  family: AddressFamily,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  length: number,
): void {
  if (family === 'ipv4') out.quad(w0);
  else out.text(textOf(w0, w1, w2, w3));
  out.put(lengths[length]!);
}

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

function textOf(...words: readonly number[]): string {
  const bytes = new Uint8Array(16);
  for (const [i, w] of words.entries()) bytes.set(fromU32(w), 4 * i);
  return formatAddress({ family: 6, bytes });
}

/** A capability without octets, which JSON has none of. */
const plain = (c: Capability) => (c.type === 'unknown' ? { ...c, value: toHex(c.value) } : c);
