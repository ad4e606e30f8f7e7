/** A peer on a real socket that says exactly what a test wants, and remembers what it is told. */
import { connect, type Socket } from 'node:net';
import { MAX_EXTENDED_MESSAGE_OCTETS, MessageType } from '../../src/bgp/const.ts';
import { Framer } from '../../src/bgp/framer.ts';
import { fromHex, toHex } from '../../src/lib/bytes.ts';
import { waitFor } from './process.ts';
import { keepalive, messageHex, openHex } from './script.ts';

export class RawPeer {
  readonly socket: Socket;
  /** Whole messages, in hexadecimal. */
  readonly heard: string[] = [];
  /** How the connection ended; undefined while it lasts. */
  ended: 'closed' | 'reset' | undefined;
  private readonly framer = new Framer();

  constructor(socket: Socket) {
    this.socket = socket;
    this.framer.maxMessage = MAX_EXTENDED_MESSAGE_OCTETS;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.take(bytes));
    socket.on('end', () => {
      this.ended ??= 'closed';
    });
    socket.on('close', () => {
      this.ended ??= 'closed';
    });
    // It may follow an orderly end, when the other side threw away what we had still to say.
    socket.on('error', () => {
      this.ended = 'reset';
    });
  }

  /** Calls from a loopback address of its own, which is how a speaker knows whose call it is. */
  static async call(port: number, from: string, to = '127.0.0.1'): Promise<RawPeer> {
    const raw = new RawPeer(connect({ host: to, port, localAddress: from }));
    await raw.until('the connection', () => !raw.socket.connecting);
    return raw;
  }

  /** A call that is Established, as a peer in AS 65002 that never sends keepalives. */
  static async establish(port: number, from: string, routerId = 2): Promise<RawPeer> {
    const raw = await RawPeer.call(port, from);
    raw.say(openHex({ holdTimeSec: 0, bgpIdentifier: routerId }) + keepalive);
    await raw.until('its KEEPALIVE', () => raw.count('keepalive') > 0);
    return raw;
  }

  private take(bytes: Uint8Array): void {
    this.framer.push(bytes);
    for (let m = this.framer.next(); m; m = this.framer.next())
      this.heard.push(messageHex(m.type, toHex(m.bytes.subarray(m.start, m.end))));
  }

  say(hex: string): void {
    this.socket.write(fromHex(hex));
  }

  count(type: keyof typeof MessageType): number {
    return this.heard.filter((m) => Number.parseInt(m.slice(36, 38), 16) === MessageType[type]).length;
  }

  /** Waits until `done`. Fails when the connection ends before. */
  async until(what: string, done: () => boolean, timeoutMs = 10_000): Promise<void> {
    await waitFor(what, done, { everyMs: 2, timeoutMs, log: () => `heard ${this.heard.join('\n')}, ${this.ended}` });
  }

  /** Waits for the end of both directions. */
  async end(): Promise<void> {
    await this.until('the end of the connection', () => this.ended !== undefined && this.socket.destroyed);
  }

  close(): void {
    this.socket.destroy();
  }
}
