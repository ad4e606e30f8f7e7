/** Peers that call from a range of addresses: `listen.dynamic` of a Speaker. */
import { z } from 'zod';
import { comparePrefixes, formatPrefix, parsePrefix } from '../lib/prefix.ts';
import { asn, isInternal, peerAsnShape, readPeerAsn } from './asn.ts';
import { checkPassword } from './password.ts';
import type { Findings, Path } from './problem.ts';
import { bool, int, type Output } from './schema.ts';
import type { DynamicPeers } from './speaker.ts';

export const dynamicSchema = () =>
  z.object({
    prefix: z.string().describe('Addresses that may connect, ADDRESS/LENGTH. The most specific entry counts.'),
    myASN: asn('missing local ASN').describe('Our AS number, 1..4294967295.'),
    ...peerAsnShape(),
    limit: int(1, 65_535).optional().describe('Sessions at a time, 1..65535. Default 100.'),
    maxPrefixes: int(1, 0xffff_ffff)
      .optional()
      .describe('Prefixes of all families that each may send; beyond, its session ends. Default any number.'),
    password: z.string().optional().describe('TCP MD5 password (RFC 2385), up to 80 octets.'),
    ebgpMultiHop: bool().optional().describe('eBGP peers may be more than one hop away. Default false.'),
    families: z
      .array(z.enum(['ipv4', 'ipv6']))
      .min(1, 'the list is empty')
      .optional()
      .describe('Families of the sessions. Default that of the prefix.'),
  });

type Raw = Output<typeof dynamicSchema>;

/** The most specific first. `path` is that of the list. */
export function readDynamicPeers(entries: readonly Raw[], path: Path, findings: Findings): readonly DynamicPeers[] {
  const seen = new Set<string>();
  const ranges = entries.flatMap((entry, i) => {
    const range = readRange(entry, [...path, i], findings);
    const key = range && formatPrefix(range.prefix);
    if (key !== undefined && seen.has(key))
      findings.error([...path, i, 'prefix'], `duplicate definition of range ${JSON.stringify(key)}`);
    if (key !== undefined) seen.add(key);
    return range ?? [];
  });
  return ranges.sort((a, b) => b.prefix.length - a.prefix.length || comparePrefixes(a.prefix, b.prefix));
}

function readRange(entry: Raw, path: Path, findings: Findings): DynamicPeers | undefined {
  const prefix = parsePrefix(entry.prefix);
  const { myASN: myAsn, password, ebgpMultiHop = false, limit = 100, maxPrefixes } = entry;
  const peerAsn = readPeerAsn(entry, path, findings);
  if (prefix === undefined)
    findings.error([...path, 'prefix'], `not a prefix: ${JSON.stringify(entry.prefix)}`, 'write ADDRESS/LENGTH');
  if (ebgpMultiHop && isInternal(myAsn, peerAsn))
    findings.error([...path, 'ebgpMultiHop'], 'invalid EBGPMultiHop parameter set for ibgp peers');
  checkPassword(password, [...path, 'password'], findings);
  findings.duplicates([...path, 'families'], entry.families ?? [], 'family');
  if (prefix === undefined) return undefined;
  const families = entry.families ?? ([`ipv${prefix.family}`] as const);
  const optional = { ...(password && { password }), ...(maxPrefixes !== undefined && { maxPrefixes }) };
  return { prefix, myAsn, peerAsn, limit, ...optional, ebgpMultiHop, families };
}
