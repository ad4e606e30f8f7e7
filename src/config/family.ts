/** `ipv4` and `ipv6` of an interface of a NodeNetworkConfigurationPolicy. */
import { z } from 'zod';
import { parseAddress } from '../lib/address.ts';
import { addressHint } from './host.ts';
import type { PolicyFamily } from './network.ts';
import type { Findings, Path } from './problem.ts';
import type { Output } from './schema.ts';
import { flag, number, refuse, refusedFields } from './value.ts';

const unsupported = [
  'dhcp-client-id',
  'dhcp-send-hostname',
  'dhcp-custom-hostname',
  'dhcp-duid',
  'allow-extra-address',
  'token',
] as const;

/** What DHCP would bring: without it they change nothing. */
const automatic = () => ({
  'auto-dns': flag().optional(),
  'auto-gateway': flag().optional(),
  'auto-routes': flag().optional(),
  'auto-route-table-id': number(0, 0xffff_ffff).optional(),
  'auto-route-metric': number(-1, 0xffff_ffff).optional(),
});

export const family = () =>
  z.strictObject({
    enabled: flag().optional().describe('The family is used. false removes its addresses. Default true.'),
    dhcp: flag().optional(),
    autoconf: flag().optional().describe('IPv6: make addresses from router advertisements.'),
    address: z
      .array(
        z.strictObject({
          ip: z.string().describe('The address.'),
          'prefix-length': number(0, 128).describe('Length of its prefix, in bits.'),
          ...refusedFields('mptcp-flags', 'preferred-life-time', 'valid-life-time'),
        }),
      )
      .optional()
      .describe('All addresses of the interface, except link-local ones. Default: unchanged.'),
    forwarding: flag().optional().describe('Forward packets that come in by this interface.'),
    'addr-gen-mode': z.string().optional(),
    ...automatic(),
    ...refusedFields(...unsupported),
  });

type Raw = Output<typeof family>;

export function readFamily(raw: Raw, bits: 4 | 6, path: Path, findings: Findings): PolicyFamily {
  const { enabled = true, dhcp, autoconf, forwarding } = raw;
  if (dhcp) findings.error([...path, 'dhcp'], 'DHCP is not supported: give the addresses, or leave the family out');
  if (bits === 4 && autoconf !== undefined) findings.error([...path, 'autoconf'], 'belongs to ipv6');
  if (raw['addr-gen-mode'] !== undefined && raw['addr-gen-mode'] !== 'eui64')
    findings.error([...path, 'addr-gen-mode'], 'only eui64 is supported');
  refuse(raw, unsupported, path, findings);
  if (autoconf) checkAutomatic(raw, path, findings);
  const addresses = raw.address?.flatMap((item, i) => {
    const { ip, 'prefix-length': length, ...rest } = item;
    const at = [...path, 'address', i];
    refuse(rest, Object.keys(rest), at, findings);
    const address = parseAddress(ip);
    if (address?.family !== bits) {
      findings.error([...at, 'ip'], `not an IPv${bits} address: ${JSON.stringify(ip)}`, addressHint(ip));
      return [];
    }
    if (bits === 4 && length > 32) findings.error([...at, 'prefix-length'], 'must be in 0..32');
    return { address, length };
  });
  findings.duplicates(
    [...path, 'address'],
    (raw.address ?? []).map(({ ip }) => ip),
    'address',
  );
  if (!enabled && (addresses ?? []).length > 0)
    findings.error([...path, 'address'], 'the family is not enabled: it has no addresses', 'write enabled: true');
  return {
    enabled,
    ...(addresses && enabled && { addresses }),
    ...(forwarding !== undefined && { forwarding }),
    ...(autoconf !== undefined && bits === 6 && { autoconf }),
  };
}

/** What routers advertise comes whole, into the table of the interface: the kernel takes it apart by no policy. */
function checkAutomatic(raw: Raw, path: Path, findings: Findings): void {
  for (const field of ['auto-gateway', 'auto-routes'] as const)
    if (raw[field] === false)
      findings.error(
        [...path, field],
        'is not supported with autoconf: a router advertises its routes along with the rest',
      );
  if (raw['auto-route-table-id'])
    findings.error([...path, 'auto-route-table-id'], 'is not supported with autoconf', 'put the interface into a VRF');
  if ((raw['auto-route-metric'] ?? -1) >= 0)
    findings.error([...path, 'auto-route-metric'], 'is not supported with autoconf', 'leave it out');
}
