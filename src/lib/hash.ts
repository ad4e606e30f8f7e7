/** A hash to choose by, the same on every machine. Nothing secret may rest on it. */

/** 32 bits of FNV-1a over the UTF-8 octets, and MurmurHash3's last step, without which similar texts get near hashes. */
export function hashText(text: string): number {
  let h = 0x811c9dc5;
  for (const octet of new TextEncoder().encode(text)) h = Math.imul(h ^ octet, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
