/** group metallb.io: IPAddressPool, BGPAdvertisement and Community. The others have files of their own. */
import { z } from 'zod';
import { readAnnotations, whole } from '../annotation.ts';
import { parseCommunity } from '../community.ts';
import { unreachableIn } from '../host.ts';
import { defineKind, type Kind } from '../kind.ts';
import type { Pool } from '../model.ts';
import { parseRange } from '../range.ts';
import { bool, documentSchema, int } from '../schema.ts';
import { nodeSelectorsIn, readNodeSelectors, readSelectors, selectorSchema } from '../selector.ts';

/** MetalLB reads its documents from one namespace only; a document that names none is meant to be there. */
export const metallb = { namespace: 'metallb-system', global: true } as const;

const poolSchema = () =>
  documentSchema({
    spec: z.object({
      addresses: z
        .array(z.string(), { error: ({ input }) => (input === undefined ? noPrefixes : undefined) })
        .min(1, 'pool has no prefixes defined')
        .describe(
          'Addresses to hand out: CIDRs (host bits are cleared) or FIRST-LAST ranges. At least one; no two may overlap.',
        ),
      autoAssign: bool()
        .optional()
        .describe('false: only for Services that ask for the pool or for an address. Default true.'),
      avoidBuggyIPs: bool().optional().describe('Leave out IPv4 addresses that end in .0 or .255. Default false.'),
      serviceAllocation: z
        .object({
          priority: z.int().optional().describe('Lower is tried first; 0, the default, is tried last.'),
          namespaces: z
            .array(z.string())
            .optional()
            .describe('Namespaces whose Services may use the pool. Default all.'),
          namespaceSelectors: z
            .array(selectorSchema())
            .optional()
            .describe('The same by labels of the Namespace; any may match.'),
          serviceSelectors: z
            .array(selectorSchema())
            .optional()
            .describe('Labels of Services that may use the pool; any may match.'),
        })
        .optional()
        .describe('Pins the pool: it is tried before pools that are not.'),
    }),
  });
const noPrefixes = 'pool has no prefixes defined';

const pool = defineKind({
  kind: 'IPAddressPool',
  apiVersion: 'metallb.io/v1beta1',
  ...metallb,
  summary: 'Addresses that may be given to Services of type LoadBalancer.',
  schema: poolSchema,
  read({ spec }, meta, findings) {
    const addresses: Pool['addresses'][number][] = [];
    for (const [i, text] of spec.addresses.entries()) {
      const range = parseRange(text, meta.name);
      if ('error' in range) findings.error(['spec', 'addresses', i], range.error, range.hint);
      else {
        addresses.push({ text, prefixes: range.prefixes });
        const kind = range.prefixes.map(unreachableIn).find((found) => found !== undefined);
        if (kind !== undefined)
          findings.warn(
            ['spec', 'addresses', i],
            `holds ${kind} addresses, which no Service can have`,
            'leave them out',
          );
      }
    }
    const pinned = spec.serviceAllocation;
    const at = ['spec', 'serviceAllocation'];
    findings.duplicates([...at, 'namespaces'], pinned?.namespaces ?? [], 'namespaces field');
    return {
      type: 'pool',
      value: {
        ...meta,
        addresses,
        autoAssign: spec.autoAssign ?? true,
        avoidBuggyIps: spec.avoidBuggyIPs ?? false,
        ...(pinned && {
          allocation: {
            priority: pinned.priority ?? 0,
            namespaces: pinned.namespaces ?? [],
            namespaceSelectors: readSelectors(pinned.namespaceSelectors, [...at, 'namespaceSelectors'], findings),
            serviceSelectors: readSelectors(pinned.serviceSelectors, [...at, 'serviceSelectors'], findings),
          },
        }),
      },
    };
  },
});

const selectors = () => z.array(selectorSchema()).optional();

const advertisementSchema = () =>
  documentSchema({
    spec: z
      .object({
        aggregationLength: z
          .int()
          .min(1, 'invalid aggregation length for IPv4: must be in 1..32')
          .max(32, 'invalid aggregation length for IPv4: must be in 1..32')
          .optional()
          .describe('Prefix length, 1..32, that IPv4 addresses are summarised to. Default 32.'),
        aggregationLengthV6: z
          .int()
          .min(0, 'invalid aggregation length for IPv6: must be in 0..128')
          .max(128, 'invalid aggregation length for IPv6: must be in 0..128')
          .optional()
          .describe('Prefix length, 0..128, that IPv6 addresses are summarised to. Default 128.'),
        localPref: int(0, 0xffff_ffff)
          .optional()
          .describe('LOCAL_PREF on iBGP sessions, 0..4294967295. 0, the default, means not given.'),
        communities: z
          .array(z.string())
          .optional()
          .describe(
            'Communities to attach: A:B, large:G:L1:L2, or a name that a Community document defines. At most 63.',
          ),
        ipAddressPools: z
          .array(z.string())
          .optional()
          .describe('Pools to advertise, by name. Default all, unless selectors are given.'),
        ipAddressPoolSelectors: selectors().describe('Pools to advertise, by label; added to those given by name.'),
        nodeSelectors: selectors().describe('Nodes that advertise; any may match. Default all.'),
        nodeSelector: z.unknown().optional(),
        peers: z.array(z.string()).optional().describe('BGPPeers to advertise to, by name. Default all.'),
        serviceSelectors: selectors().describe(
          'Services to advertise, by label; any may match. Default all. Not with an aggregation length.',
        ),
      })
      .optional(),
  });

const annotations = {
  'as-path-prepend': whole(1, 32, 'How often our AS stands in the AS path beyond the once it does anyway (eBGP).'),
  med: whole(0, 0xffff_ffff, 'MULTI_EXIT_DISC of the routes: lower is better.'),
  'bandwidth-per-endpoint': whole(
    1,
    1_000_000,
    'Mbit/s that the link bandwidth community of a route has for each endpoint on the node, under the Local policy: routers that heed it send more to nodes with more endpoints.',
  ),
} as const;

const advertisement = defineKind({
  kind: 'BGPAdvertisement',
  apiVersion: 'metallb.io/v1beta1',
  ...metallb,
  summary: 'How the addresses of pools are advertised to BGP peers.',
  own: { annotations },
  nodesOf: nodeSelectorsIn,
  schema: advertisementSchema,
  read({ spec = {} }, meta, findings) {
    const at = (field: string) => ['spec', field];
    const v4 = spec.aggregationLength ?? 32;
    const v6 = spec.aggregationLengthV6 ?? 128;
    findings.duplicates(at('ipAddressPools'), spec.ipAddressPools ?? [], 'ipAddressPools');
    findings.duplicates(at('communities'), spec.communities ?? [], 'community');
    findings.duplicates(at('peers'), spec.peers ?? [], 'peers');
    const own = readAnnotations(annotations, meta.annotations, findings);
    const serviceSelectors = readSelectors(spec.serviceSelectors, at('serviceSelectors'), findings);
    if (serviceSelectors.length > 0 && (v4 !== 32 || v6 !== 128))
      findings.error(at('serviceSelectors'), 'serviceSelectors and aggregationLength are mutually exclusive');
    return {
      type: 'advertisement',
      value: {
        ...meta,
        aggregationLength: v4,
        aggregationLengthV6: v6,
        localPref: spec.localPref ?? 0,
        communities: spec.communities ?? [],
        poolNames: spec.ipAddressPools ?? [],
        poolSelectors: readSelectors(spec.ipAddressPoolSelectors, at('ipAddressPoolSelectors'), findings),
        nodeSelectors: readNodeSelectors(spec, findings),
        peers: spec.peers ?? [],
        serviceSelectors,
        ...(own['as-path-prepend'] !== undefined && { prepend: own['as-path-prepend'] }),
        ...(own.med !== undefined && { med: own.med }),
        ...(own['bandwidth-per-endpoint'] !== undefined && { endpointMbit: own['bandwidth-per-endpoint'] }),
      },
    };
  },
});

const communitySchema = () =>
  documentSchema({
    spec: z
      .object({
        communities: z
          .array(
            z.object({
              name: z.string().min(1, 'the name is empty').describe('Name to use in a BGPAdvertisement.'),
              value: z.string().describe('A:B or large:G:L1:L2, decimal.'),
            }),
          )
          .optional()
          .describe('Names for communities, unique over all documents.'),
      })
      .optional(),
  });

const community = defineKind({
  kind: 'Community',
  apiVersion: 'metallb.io/v1beta1',
  ...metallb,
  summary: 'Names for BGP communities.',
  schema: communitySchema,
  read({ spec }, _meta, findings) {
    const aliases = spec?.communities ?? [];
    for (const [i, { value }] of aliases.entries()) {
      if (typeof parseCommunity(value) === 'string')
        findings.error(
          ['spec', 'communities', i, 'value'],
          `invalid community value ${JSON.stringify(value)}`,
          communityHint,
        );
    }
    return { type: 'community', value: { aliases } };
  },
});

export const communityHint = 'A:B with two numbers up to 65535, or large:G:L1:L2 with three up to 4294967295';

export const kinds: readonly Kind[] = [pool, advertisement, community];
