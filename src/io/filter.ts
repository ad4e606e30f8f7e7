/** Programs for the kernel's classic packet filter (BPF), which decides per socket what is worth waking up for. */
import { sysAddress, sysSetsockopt } from './native.ts';
import { LITTLE } from './socket.ts';

/** Linux's numbers, from <sys/socket.h> and <linux/filter.h>. */
const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const LOAD_BYTE = 0x30; // BPF_LD | BPF_B | BPF_ABS
const LOAD_WORD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_NOT_LESS = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const RETURN = 0x06;
/** SKF_NET_OFF: offsets from here count from the IP header, whatever the socket's own payload is. */
const NETWORK_HEADER = 0xfff0_0000;

/** struct sock_filter. */
export interface FilterInstruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** As many instructions as the kernel takes (BPF_MAXINSNS). */
const MOST = 4096;
/** Always reachable: of a program that only its address tells of the engine would think that nobody needs it any more. */
const program = new Uint8Array(8 * MOST);
const view = new DataView(program.buffer);

/** Replaces the socket's filter; what waits already is not judged again. Throws `SystemError`, `RangeError` past 4096 instructions. */
export function attachFilter(fd: number, filter: readonly FilterInstruction[]): void {
  if (filter.length > MOST) throw new RangeError(`a filter has at most ${MOST} instructions, not ${filter.length}`);
  for (const [i, { code, jt, jf, k }] of filter.entries()) {
    view.setUint16(8 * i, code, LITTLE);
    view.setUint8(8 * i + 2, jt);
    view.setUint8(8 * i + 3, jf);
    view.setUint32(8 * i + 4, k, LITTLE);
  }
  // struct sock_fprog
  const head = new DataView(new ArrayBuffer(16));
  head.setUint16(0, filter.length, LITTLE);
  head.setBigUint64(8, sysAddress(program), LITTLE);
  sysSetsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, new Uint8Array(head.buffer));
}

/** Nothing passes. */
export const nothing: readonly FilterInstruction[] = [{ code: RETURN, jt: 0, jf: 0, k: 0 }];

/** Datagrams pass that arrive with this TTL or hop limit at least. */
export const leastTtl = (family: 4 | 6, ttl: number): readonly FilterInstruction[] => [
  { code: LOAD_BYTE, jt: 0, jf: 0, k: NETWORK_HEADER + (family === 4 ? 8 : 7) },
  { code: JUMP_NOT_LESS, jt: 0, jf: 1, k: ttl },
  { code: RETURN, jt: 0, jf: 0, k: 0xffff },
  ...nothing,
];

/** Of struct nlmsghdr. */
const NLMSG_PID_AT = 12;

/** Netlink messages pass whose cause was not a request from this port. */
export const notOfPort = (port: number): readonly FilterInstruction[] => [
  // The filter reads words in network order, netlink writes them in the machine's.
  { code: LOAD_WORD, jt: 0, jf: 0, k: NLMSG_PID_AT },
  { code: JUMP_EQUAL, jt: 1, jf: 0, k: LITTLE ? swapped(port) : port },
  { code: RETURN, jt: 0, jf: 0, k: 0xffff_ffff },
  ...nothing,
];

const swapped = (v: number): number =>
  (((v & 0xff) << 24) | ((v & 0xff00) << 8) | ((v >>> 8) & 0xff00) | (v >>> 24)) >>> 0;
