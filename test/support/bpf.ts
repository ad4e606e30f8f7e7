/** Runs a program of the kernel's classic packet filter, as far as ours go (linux/filter.h). */
import type { Instruction } from '../../src/l2/filter.ts';

export interface Skb {
  readonly frame: Uint8Array;
  readonly index: number;
  /** PACKET_HOST 0, PACKET_BROADCAST 1, PACKET_MULTICAST 2, PACKET_OTHERHOST 3. */
  readonly type: number;
}

/** Octets that are let through; 0: dropped. Throws where the kernel would refuse the program. */
export function filter(program: readonly Instruction[], { frame, index, type }: Skb): number {
  if (program.length === 0 || program.length > 4096) throw new Error(`${program.length} instructions`);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  let a = 0;
  for (let pc = 0; ; ) {
    const at = program[pc++];
    if (at === undefined) throw new Error('ran past the end');
    const { code, jt, jf, k } = at;
    for (const jump of [jt, jf]) if (!Number.isInteger(jump) || jump < 0 || jump > 255) throw new Error(`jump ${jump}`);
    const load = (octets: number): boolean => {
      if (k === 0xfffff004) a = type;
      else if (k === 0xfffff008) a = index;
      else if (k + octets > frame.length) return false;
      else a = octets === 4 ? view.getUint32(k) : octets === 2 ? view.getUint16(k) : view.getUint8(k);
      return true;
    };
    const compare = (holds: boolean) => {
      pc += holds ? jt : jf;
    };
    switch (code) {
      case 0x20:
        if (!load(4)) return 0;
        break;
      case 0x28:
        if (!load(2)) return 0;
        break;
      case 0x30:
        if (!load(1)) return 0;
        break;
      case 0x15:
        compare(a === k);
        break;
      case 0x25:
        compare(a > k);
        break;
      case 0x35:
        compare(a >= k);
        break;
      case 0x06:
        return k;
      default:
        throw new Error(`code ${code}`);
    }
  }
}
