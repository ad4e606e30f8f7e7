/**
 * Capabilities: what the program needs is put in force, and the rest given up.
 *
 * Permitted and not in force are those of a program whose file has them so (`setcap …=p`, as in our container). Were they
 * in force from the first, the kernel would not start it at all where one is not to be had (capabilities(7), "Safety
 * checking for capability-dumb binaries"). Too many are those of a program that root starts.
 */
import { readFileSync } from 'node:fs';
import { sysCapset, sysDropBounding } from './native.ts';

/** _LINUX_CAPABILITY_VERSION_3: sets of 64 bits in two halves. */
const VERSION = 0x20080522;

/** As <linux/capability.h> numbers them. */
const Capability = {
  /** The group of the control socket. */
  CHOWN: 0,
  /** These two: documents and a state that are not root's, where root has started it. */
  DAC_OVERRIDE: 1,
  DAC_READ_SEARCH: 2,
  /** Port 179. */
  NET_BIND_SERVICE: 10,
  /** Routes, rules, addresses. */
  NET_ADMIN: 12,
  /** Packet sockets. */
  NET_RAW: 13,
  /** Real-time priority. */
  SYS_NICE: 23,
} as const;
export type CapabilityName = keyof typeof Capability;
const needed: readonly number[] = Object.values(Capability);
/** With neither nothing of the network is changed, and nothing answered on layer 2. */
const NETWORK = [Capability.NET_ADMIN, Capability.NET_RAW];
/** What it takes to take capabilities from programs that are started later. */
const SETPCAP = 8;
const NEEDED = needed.reduce((set, number) => set | (1n << BigInt(number)), 0n);

const holds = (set: bigint, number: number): boolean => (set >> BigInt(number)) % 2n === 1n;

/**
 * To be called first: threads that begin later have the same, and programs that are started later can get no more. Sockets are opened and
 * routes are changed for as long as the program runs, so that nothing of what it needs can be given up later.
 */
export function settleCapabilities(): void {
  try {
    const set = setsOf('thread-self');
    const before = [set('CapEff'), set('CapPrm'), set('CapInh')] as const;
    if (holds(before[0], SETPCAP)) {
      const excess = set('CapBnd') & ~NEEDED;
      for (let number = 0; number < 64; number++) if (holds(excess, number)) sysDropBounding(number);
    }
    const [permitted, inheritable] = [before[1] & NEEDED, before[2] & NEEDED];
    if (before[0] === permitted && before[1] === permitted && before[2] === inheritable) return;
    // Each half: effective, permitted, inheritable.
    const halves = [0n, 32n].flatMap((shift) =>
      [permitted, permitted, inheritable].map((bits) => Number((bits >> shift) & 0xffff_ffffn)),
    );
    sysCapset(new Uint8Array(Uint32Array.of(VERSION, 0).buffer), new Uint8Array(Uint32Array.from(halves).buffer));
  } catch {
    // Whatever needs one of them says so itself.
  }
}

/** Whether a process may change anything of its network namespace, or answer on layer 2; also where that is not to be told. */
export function mayChangeNetwork(pid: number | 'self' = 'self'): boolean {
  try {
    const effective = setsOf(`${pid}`)('CapEff');
    return NETWORK.some((number) => holds(effective, number));
  } catch {
    return true;
  }
}

/** Capabilities that a process has in force; undefined where that is not to be told. */
export function capabilitiesOf(pid: number | 'self'): ReadonlySet<CapabilityName> | undefined {
  try {
    const effective = setsOf(`${pid}`)('CapEff');
    const names = Object.keys(Capability) as CapabilityName[];
    return new Set(names.filter((name) => holds(effective, Capability[name])));
  } catch {
    return undefined;
  }
}

/** Throws where there is no such process. */
function setsOf(process: string): (name: 'CapInh' | 'CapPrm' | 'CapEff' | 'CapBnd') => bigint {
  const status = readFileSync(`/proc/${process}/status`, 'utf8');
  return (name) => BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? '0'}`);
}
