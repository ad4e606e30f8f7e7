/** The session between an OpenPERouter and its host, as the generations of the API spell it. */
import { z } from 'zod';
import { type Prefix, parsePrefix } from '../lib/prefix.ts';
import type { HostSession } from './openperouter.ts';
import type { Findings } from './problem.ts';
import { int, type Output } from './schema.ts';

export const asn = () => int(1, 0xffff_ffff);
const cidrShape = () => ({
  ipv4: z.string().optional().describe('IPv4 prefix of the leg between router and host.'),
  ipv6: z.string().optional().describe('IPv6 prefix of it.'),
});
const localCidr = () =>
  z.object(cidrShape()).optional().describe('Addresses of the leg: the router has the first usable one.');
/** The first generation has one prefix, as text. */
export const anyLocalCidr = () =>
  z.preprocess(
    (value) => (typeof value === 'string' ? { [value.includes(':') ? 'ipv6' : 'ipv4']: value } : value),
    localCidr(),
  );

export const oldSession = () =>
  z
    .object({
      asn: asn().optional().describe("The router's AS number."),
      hostasn: asn().optional().describe('Ours. Default that of the router.'),
      hosttype: z.enum(['external', 'internal']).optional().describe('Instead of hostasn.'),
      localcidr: localCidr(),
    })
    .optional()
    .describe('The session with the host.');
export const currentSession = () =>
  z
    .object({
      asn: asn().optional().describe("The router's AS number."),
      hostASN: asn().optional().describe('Ours.'),
      hostType: z.enum(['External', 'Internal']).optional().describe('Instead of hostASN.'),
      localCIDR: localCidr(),
    })
    .optional()
    .describe('The session with the host.');

export interface RawSession {
  readonly asn?: number | undefined;
  readonly hostAsn?: number | undefined;
  readonly hostType?: string | undefined;
  readonly cidr?: { readonly ipv4?: string | undefined; readonly ipv6?: string | undefined } | undefined;
  readonly path: readonly string[];
  /** How the fields are spelt here. */
  readonly names: { readonly hostAsn: string; readonly hostType: string; readonly cidr: string };
}

export const oldNames = { hostAsn: 'hostasn', hostType: 'hosttype', cidr: 'localcidr' };
const currentNames = { hostAsn: 'hostASN', hostType: 'hostType', cidr: 'localCIDR' };

export const fromOld = (s: Output<typeof oldSession>, path: readonly string[]): RawSession | undefined =>
  s && { asn: s.asn, hostAsn: s.hostasn, hostType: s.hosttype, cidr: s.localcidr, path, names: oldNames };
export const fromCurrent = (s: Output<typeof currentSession>, path: readonly string[]): RawSession | undefined =>
  s && { asn: s.asn, hostAsn: s.hostASN, hostType: s.hostType, cidr: s.localCIDR, path, names: currentNames };

/** What a generation allows. */
export interface SessionRules {
  /** Our AS number need not be given: it is then that of the router. */
  readonly optional: boolean;
  /** It may be that of the router. */
  readonly internal: boolean;
}

export function readSession(raw: RawSession, rules: SessionRules, findings: Findings): HostSession | undefined {
  const { asn, hostAsn, hostType, path, names } = raw;
  const localCidrs = readCidrs(raw, findings);
  if (asn === undefined) findings.error([...path, 'asn'], "is missing: the router's AS number");
  if (hostAsn !== undefined && hostType !== undefined)
    findings.error([...path, names.hostType], `excludes ${names.hostAsn}`);
  if (!rules.optional && hostAsn === undefined && hostType === undefined)
    findings.error([...path, names.hostAsn], `is missing: ${names.hostAsn} or ${names.hostType} is needed`);
  if (!rules.internal && asn !== undefined && hostAsn === asn)
    findings.error([...path, names.hostAsn], `must differ from asn, ${asn}`);
  if (asn === undefined || findings.failed) return undefined;
  const external = hostType?.toLowerCase() === 'external';
  return { asn, hostAsn: external ? 'external' : (hostAsn ?? asn), localCidrs, path };
}

function readCidrs({ cidr, path, names }: RawSession, findings: Findings): readonly Prefix[] {
  const cidrs: Prefix[] = [];
  for (const key of ['ipv4', 'ipv6'] as const) {
    const text = cidr?.[key];
    if (text === undefined) continue;
    const prefix = text.includes('/') ? parsePrefix(text) : undefined;
    const at = [...path, names.cidr, key];
    if (prefix?.family !== (key === 'ipv4' ? 4 : 6)) findings.error(at, `no ${key} prefix: ${JSON.stringify(text)}`);
    else cidrs.push(prefix);
  }
  if (cidr?.ipv4 === undefined && cidr?.ipv6 === undefined)
    findings.error([...path, names.cidr], 'is missing: an IPv4 or an IPv6 prefix is needed');
  return cidrs;
}
