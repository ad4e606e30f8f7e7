/** Hashes that a protocol prescribes. */
import { createHash } from 'node:crypto';

/** 32 octets. */
export const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();
