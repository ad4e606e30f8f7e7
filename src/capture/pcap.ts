/** Packets of a capture file: the format of libpcap (draft-ietf-opsawg-pcap). pcapng.ts has its successor. */
import { Reader } from '../lib/bytes.ts';
import { Cutter } from '../lib/cutter.ts';

/** One packet; the octets are valid until the next `push`. */
export interface Packet {
  /** Since 1970, ms; fractions where the file has them. */
  readonly timeMs: number;
  /** LINKTYPE_… of the interface. */
  readonly linkType: number;
  readonly bytes: Uint8Array;
}

/** The file is no capture, or damaged beyond here. */
export class CaptureError extends Error {
  override readonly name = 'CaptureError';
}

/** Longer ones are not written by any tool: the file is damaged. */
export const MAX_PACKET_OCTETS = 0x100_0000;

const HEADER = 24;
const RECORD = 16;

/** A number of four octets in the byte order of the machine that wrote the file. */
export const word = (b: Uint8Array, at: number, little: boolean): number =>
  new DataView(b.buffer, b.byteOffset).getUint32(at, little);

export class Pcap {
  private readonly cutter = new Cutter();
  private little = false;
  /** Of the fractions in a second. */
  private unit = 0;
  private linkType = 0;

  push(chunk: Uint8Array): void {
    this.cutter.push(chunk);
  }

  /** The next packet, or undefined until more has come. Throws `CaptureError`. */
  next(): Packet | undefined {
    if (this.unit === 0 && !this.begin()) return undefined;
    const record = this.cutter.peek(RECORD);
    if (record === undefined) return undefined;
    const length = word(record, 8, this.little);
    if (length > MAX_PACKET_OCTETS)
      throw new CaptureError(`a packet of ${length} octets at offset ${this.cutter.offset}`);
    const whole = this.cutter.take(RECORD + length);
    if (whole === undefined) return undefined;
    const timeMs = word(whole, 0, this.little) * 1000 + (word(whole, 4, this.little) / this.unit) * 1000;
    return { timeMs, linkType: this.linkType, bytes: whole.subarray(RECORD) };
  }

  /** What is wrong with the end of the file, if something is. */
  end(): string | undefined {
    const left = this.cutter.available;
    return left === 0
      ? undefined
      : `the file ends within ${this.unit === 0 ? 'its header' : 'a packet'}: ${left} octets left`;
  }

  private begin(): boolean {
    const header = this.cutter.take(HEADER);
    if (header === undefined) return false;
    const magic = new Reader(header).u32();
    const kind = pcapMagic(magic);
    if (kind === undefined) throw new CaptureError('no pcap file: the magic number is another');
    this.little = kind.little;
    this.unit = kind.unit;
    // The upper bits tell of frame check sequences.
    this.linkType = word(header, 20, kind.little) & 0xffff;
    return true;
  }
}

/** The first four octets of a file, read in network order. */
export function pcapMagic(magic: number): { readonly little: boolean; readonly unit: number } | undefined {
  switch (magic) {
    case 0xa1b2c3d4:
      return { little: false, unit: 1e6 };
    case 0xd4c3b2a1:
      return { little: true, unit: 1e6 };
    case 0xa1b23c4d:
      return { little: false, unit: 1e9 };
    case 0x4d3cb2a1:
      return { little: true, unit: 1e9 };
    default:
      return undefined;
  }
}
