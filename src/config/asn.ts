/** AS numbers as documents give them. */
import { z } from 'zod';
import type { PeerAsn } from './model.ts';
import type { Findings, Path } from './problem.ts';
import { int } from './schema.ts';

/** One that must be given, 1..4294967295; 0 counts as not given, and `missing` is said of both. */
export const asn = (missing: string) =>
  z
    .int({ error: ({ input }) => (input === undefined ? missing : undefined) })
    .min(1, missing)
    .max(0xffff_ffff, 'must be in 1..4294967295');

/** The two ways to say which AS a peer must be in. */
export const peerAsnShape = () => ({
  peerASN: int(0, 0xffff_ffff)
    .optional()
    .describe('AS number of the peer, 1..4294967295. Either this or dynamicASN is needed.'),
  dynamicASN: z
    .enum(['internal', 'external'])
    .optional()
    .describe('Instead of peerASN: any AS but ours (external), or ours (internal).'),
});

/** Exactly one of the two. `path` is that of the mapping they stand in. */
export function readPeerAsn(
  { peerASN = 0, dynamicASN }: { readonly peerASN?: number | undefined; readonly dynamicASN?: PeerAsn | undefined },
  path: Path,
  findings: Findings,
): PeerAsn {
  if (peerASN === 0 && dynamicASN === undefined)
    findings.error([...path, 'peerASN'], 'missing peer ASN and dynamicASN');
  if (peerASN !== 0 && dynamicASN !== undefined)
    findings.error([...path, 'dynamicASN'], 'both peer ASN and dynamicASN specified');
  return dynamicASN ?? peerASN;
}

/** The peer is in the AS `asn`, or must turn out to be. */
export const isInternal = (asn: number, peerAsn: PeerAsn): boolean => peerAsn === 'internal' || peerAsn === asn;
