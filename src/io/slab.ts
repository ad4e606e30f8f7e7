/**
 * Memory for large arrays, in huge pages where the kernel has some. A page that is there when it is touched costs nothing,
 * each other one an interruption: with pages of 4 KiB, 16 MiB are 4,096 of them.
 */
import { Buffer } from 'node:buffer';
import { koffiItself, loaded } from './clibrary.ts';

/** Linux's numbers, from <asm-generic/mman-common.h>. */
const MADV_HUGEPAGE = 14;
const MADV_POPULATE_WRITE = 23;
const PAGE = 4 << 10;
const HUGE_PAGE = 2 << 20;
/** Arrays share slabs, so that small ones have huge pages too; those that grow together, and end together, share the same. */
const SLAB = 8 << 20;
/** A multiple of every element's size, and of a cache line. */
const ALIGNMENT = 64;

let slab: Uint8Array = new Uint8Array(0);
let used = 0;

/**
 * So many zeros. Where native calls were not used so far, it is memory like any other.
 * @param octets more than 0
 */
export function memory(octets: number): Uint8Array {
  if (loaded() === undefined) return new Uint8Array(octets);
  if (octets > SLAB / 2) return lazy(octets);
  const size = Math.ceil(octets / ALIGNMENT) * ALIGNMENT;
  if (used + size > slab.length) {
    slab = aligned();
    used = 0;
  }
  const at = used;
  used += size;
  return zeroed(slab.subarray(at, at + octets));
}

/** What is fresh comes huge page by huge page as it is filled: all at once, tens of megabytes would hold up everything else. */
function lazy(octets: number): Uint8Array {
  const view = new Uint8Array(octets);
  advise(view, MADV_HUGEPAGE);
  return view;
}

/** Address space that begins with a huge page. Of what is never touched the kernel has nothing. */
function aligned(): Uint8Array {
  const whole = Buffer.allocUnsafeSlow(SLAB + HUGE_PAGE);
  const past = Number(koffiItself().address(whole) % BigInt(HUGE_PAGE));
  const from = past === 0 ? 0 : HUGE_PAGE - past;
  const view = whole.subarray(from, from + SLAB);
  advise(view, MADV_HUGEPAGE);
  return view;
}

/** Where there are no huge pages, all small ones are asked for at once (Linux 5.14), which is a third of the cost. */
function zeroed(view: Uint8Array): Uint8Array {
  advise(view, MADV_POPULATE_WRITE);
  return view.fill(0);
}

/** What the kernel does not know it refuses, and nothing else is changed. */
function advise(view: Uint8Array, advice: number): void {
  const address = koffiItself().address(view);
  const past = Number(address % BigInt(PAGE));
  loaded()!.madvise(address - BigInt(past), view.length + past, advice);
}
