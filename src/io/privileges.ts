/**
 * Capabilities that are permitted and not in force: those of a program whose file has them so (`setcap …=p`, as in our
 * container). Were they in force from the first, the kernel would not start it at all where one is not to be had
 * (capabilities(7), "Safety checking for capability-dumb binaries").
 */
import { readFileSync } from 'node:fs';
import { sysCapset } from './native.ts';

/** _LINUX_CAPABILITY_VERSION_3: sets of 64 bits in two halves. */
const VERSION = 0x20080522;

/** Puts in force what this thread may do. To be called first: threads that begin later have the same. */
export function raiseCapabilities(): void {
  try {
    const status = readFileSync('/proc/thread-self/status', 'utf8');
    const set = (name: string) => BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? '0'}`);
    const [inheritable, permitted, effective] = [set('CapInh'), set('CapPrm'), set('CapEff')];
    if (effective === permitted) return;
    // Each half: effective, permitted, inheritable.
    const halves = [0n, 32n].flatMap((shift) =>
      [permitted, permitted, inheritable].map((bits) => Number((bits >> shift) & 0xffff_ffffn)),
    );
    sysCapset(new Uint8Array(Uint32Array.of(VERSION, 0).buffer), new Uint8Array(Uint32Array.from(halves).buffer));
  } catch {
    // Whatever needs one of them says so itself.
  }
}
