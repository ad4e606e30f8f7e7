/** Hashes that a protocol prescribes. */
import type * as Crypto from 'node:crypto';

/** Loaded when it is wanted: that takes a fiftieth of the time to the first session, and few daemons want it. */
let crypto: typeof Crypto | undefined;

/** 32 octets. */
export function sha256(bytes: Uint8Array): Uint8Array {
  crypto ??= process.getBuiltinModule('node:crypto');
  return crypto.createHash('sha256').update(bytes).digest();
}
