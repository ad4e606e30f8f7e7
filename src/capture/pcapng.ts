/** Packets of a pcapng file (draft-ietf-opsawg-pcapng), as Wireshark and tshark write them. */
import { Cutter } from '../lib/cutter.ts';
import { CaptureError, MAX_PACKET_OCTETS, type Packet, word } from './pcap.ts';

/** The block type of a section header, the same in either byte order. */
export const PCAPNG_MAGIC = 0x0a0d0d0a;
const BYTE_ORDER = 0x1a2b3c4d;

const Block = { interface: 1, packet: 2, simplePacket: 3, enhancedPacket: 6 } as const;
const RESOLUTION = 9;

interface Interface {
  readonly linkType: number;
  readonly snapLength: number;
  /** Units of a time stamp in a second. */
  readonly unit: number;
}

export class Pcapng {
  private readonly cutter = new Cutter();
  private little = false;
  private interfaces: Interface[] = [];

  push(chunk: Uint8Array): void {
    this.cutter.push(chunk);
  }

  /** The next packet, or undefined until more has come. Throws `CaptureError`. */
  next(): Packet | undefined {
    for (;;) {
      const head = this.cutter.peek(12);
      if (head === undefined) return undefined;
      const section = word(head, 0, false) === PCAPNG_MAGIC;
      if (section) this.begin(head);
      const length = word(head, 4, this.little);
      if (length < 12 || length % 4 !== 0 || length > MAX_PACKET_OCTETS)
        throw new CaptureError(`a block of ${length} octets at offset ${this.cutter.offset}`);
      const block = this.cutter.take(length);
      if (block === undefined) return undefined;
      if (section) continue;
      const packet = this.read(word(block, 0, this.little), block.subarray(8, length - 4));
      if (packet !== undefined) return packet;
    }
  }

  end(): string | undefined {
    const left = this.cutter.available;
    return left === 0 ? undefined : `the file ends within a block: ${left} octets left`;
  }

  private begin(head: Uint8Array): void {
    if (word(head, 8, true) === BYTE_ORDER) this.little = true;
    else if (word(head, 8, false) === BYTE_ORDER) this.little = false;
    else throw new CaptureError('no pcapng file: the byte-order magic is another');
    this.interfaces = [];
  }

  private read(type: number, body: Uint8Array): Packet | undefined {
    switch (type) {
      case Block.interface:
        this.interfaces.push(this.interfaceOf(body));
        return undefined;
      case Block.enhancedPacket:
        return this.packet(body, word(this.atLeast(body, 20), 0, this.little));
      case Block.packet:
        return this.packet(body, this.half(this.atLeast(body, 20), 0));
      case Block.simplePacket: {
        const { linkType, snapLength } = this.found(0);
        const length = Math.min(word(this.atLeast(body, 4), 0, this.little), snapLength || MAX_PACKET_OCTETS);
        return { timeMs: 0, linkType, bytes: body.subarray(4, 4 + length) };
      }
      default:
        return undefined;
    }
  }

  /** The two blocks with a time stamp differ in how they name the interface. */
  private packet(body: Uint8Array, id: number): Packet {
    const { linkType, unit } = this.found(id);
    const units = word(body, 4, this.little) * 2 ** 32 + word(body, 8, this.little);
    const length = word(body, 12, this.little);
    return {
      timeMs: (units / unit) * 1000,
      linkType,
      bytes: this.atLeast(body, 20 + length).subarray(20, 20 + length),
    };
  }

  private interfaceOf(body: Uint8Array): Interface {
    this.atLeast(body, 8);
    let unit = 1e6;
    for (let at = 8; at + 4 <= body.length; ) {
      const [code, length] = [this.half(body, at), this.half(body, at + 2)];
      if (code === 0) break;
      if (code === RESOLUTION && length === 1 && at + 5 <= body.length) {
        const value = body[at + 4]!;
        unit = (value & 0x80) !== 0 ? 2 ** (value & 0x7f) : 10 ** value;
      }
      at += 4 + 4 * Math.ceil(length / 4);
    }
    return { linkType: this.half(body, 0), snapLength: word(body, 4, this.little), unit };
  }

  private found(id: number): Interface {
    const found = this.interfaces[id];
    if (found === undefined) throw new CaptureError(`a packet of interface ${id}, which the file does not describe`);
    return found;
  }

  private atLeast(body: Uint8Array, octets: number): Uint8Array {
    if (body.length < octets) throw new CaptureError(`a block too short for what it holds (${body.length} octets)`);
    return body;
  }

  private half(b: Uint8Array, at: number): number {
    return this.little ? b[at]! | (b[at + 1]! << 8) : (b[at]! << 8) | b[at + 1]!;
  }
}
