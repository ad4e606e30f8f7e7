/**
 * Which frames wake the process, as programs for the kernel's classic packet filter (BPF): ARP and neighbour discovery
 * that concern our addresses, as far as 32 bits of an address tell. On a link with thousands of hosts nearly every
 * broadcast concerns somebody else. What passes is judged again, exactly, by the responders.
 */

/** struct sock_filter (linux/filter.h). */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** Addresses as 32-bit numbers: first and last of each range, ascending and apart from each other. */
export type Ranges = readonly (readonly [number, number])[];

/** Jumps reach 255 instructions, and the kernel charges programs to a small allowance of the socket. */
const MAX_RANGES = 48;

const LOAD_WORD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const LOAD_HALF = 0x28;
const LOAD_BYTE = 0x30;
const JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_GREATER = 0x25;
const JUMP_NOT_LESS = 0x35;
const RETURN = 0x06;
/** What the kernel knows beside the octets (SKF_AD_OFF). */
const ANCILLARY = 0xffff_f000;
const PACKET_TYPE = ANCILLARY + 4;
const INTERFACE_INDEX = ANCILLARY + 8;
/** Frames to somebody else's address, and those of a VLAN that has no interface here; above it, those that the node itself sends. */
const PACKET_OTHERHOST = 3;

const ETHERNET = 14;

/** Requests for one of the addresses, and whatever claims one of them. */
export const arpFilter = (index: number, ranges: Ranges): Instruction[] => [
  ...sameInterface(index),
  ...require(LOAD_HALF, 12, 0x0806),
  ...among(ETHERNET + 24, ranges),
  ...among(ETHERNET + 14, ranges),
  drop,
];

/** The same for solicitations and advertisements; of IPv6 addresses the last 32 bits are looked at. */
export const neighborFilter = (index: number, ranges: Ranges): Instruction[] => [
  ...sameInterface(index),
  ...require(LOAD_HALF, 12, 0x86dd),
  ...require(LOAD_BYTE, ETHERNET + 6, 58),
  { code: LOAD_BYTE, jt: 0, jf: 0, k: ETHERNET + 40 },
  { code: JUMP_EQUAL, jt: 2, jf: 0, k: 135 },
  { code: JUMP_EQUAL, jt: 1, jf: 0, k: 136 },
  drop,
  ...among(ETHERNET + 40 + 8 + 12, ranges),
  ...among(ETHERNET + 8 + 12, ranges),
  drop,
];

/** The fewest ranges that cover the addresses; when there are too many, the narrowest gaps are covered as well. */
export function rangesOf(addresses: Iterable<number>, most: number = MAX_RANGES): Ranges {
  const sorted = Float64Array.from(addresses).sort();
  const ranges: [number, number][] = [];
  for (const address of sorted) {
    const last = ranges.at(-1);
    if (last !== undefined && address <= last[1] + 1) last[1] = address;
    else ranges.push([address, address]);
  }
  if (ranges.length <= most) return ranges;
  const gaps = ranges.slice(1).map(([first], i) => ({ gap: first - ranges[i]![1], i: i + 1 }));
  gaps.sort((a, b) => b.gap - a.gap || a.i - b.i);
  const starts = gaps.slice(0, most - 1).map(({ i }) => i);
  starts.push(0);
  starts.sort((a, b) => a - b);
  return starts.map((start, n) => [ranges[start]![0], ranges[(starts[n + 1] ?? ranges.length) - 1]![1]]);
}

const accept: Instruction = { code: RETURN, jt: 0, jf: 0, k: 0xffff };
const drop: Instruction = { code: RETURN, jt: 0, jf: 0, k: 0 };

/**
 * A socket on the lower interface also gets what belongs to a VLAN, macvlan or bond on top of it, with the upper
 * interface's index: an answer there would leave on the wrong one.
 */
const sameInterface = (index: number): Instruction[] => [
  ...require(LOAD_WORD, INTERFACE_INDEX, index),
  { code: LOAD_BYTE, jt: 0, jf: 0, k: PACKET_TYPE },
  { code: JUMP_NOT_LESS, jt: 0, jf: 1, k: PACKET_OTHERHOST },
  drop,
];

const require = (load: number, offset: number, value: number): Instruction[] => [
  { code: load, jt: 0, jf: 0, k: offset },
  { code: JUMP_EQUAL, jt: 1, jf: 0, k: value },
  drop,
];

/** Accepts when the word at `offset` is in a range, by binary search; falls through otherwise. */
function among(offset: number, ranges: Ranges): Instruction[] {
  if (ranges.length === 0) return [];
  const search = (low: number, high: number, missDistance: number): Instruction[] => {
    // `missDistance`: instructions between the end of this block and the point behind the search.
    if (high - low === 1) {
      const [first, last] = ranges[low]!;
      return [
        { code: JUMP_NOT_LESS, jt: 0, jf: 2 + missDistance, k: first },
        { code: JUMP_GREATER, jt: 1 + missDistance, jf: 0, k: last },
        accept,
      ];
    }
    const middle = (low + high) >> 1;
    const right = search(middle, high, missDistance);
    const left = search(low, middle, missDistance + right.length);
    return [{ code: JUMP_NOT_LESS, jt: left.length, jf: 0, k: ranges[middle]![0] }, ...left, ...right];
  };
  return [{ code: LOAD_WORD, jt: 0, jf: 0, k: offset }, ...search(0, ranges.length, 0)];
}
