/** group frrk8s.metallb.io: FRRConfiguration. */
import { parseAddress } from '../../lib/address.ts';
import { readBfd } from '../bfd.ts';
import { checkDeviceName } from '../device.ts';
import type { FrrDraft, RouterDraft } from '../frr/draft.ts';
import { readImports } from '../frr/imports.ts';
import { readNeighbor } from '../frr/neighbor.ts';
import { frrSchema, type RawRouter, type RawSpec } from '../frr/schema.ts';
import { defineKind, type Kind } from '../kind.ts';
import type { Meta } from '../model.ts';
import { readPrefixes } from '../prefix.ts';
import type { Findings, Path } from '../problem.ts';
import { nodeSelectorIn, readSelector } from '../selector.ts';

const bgp: Path = ['spec', 'bgp'];

const frrConfiguration = defineKind({
  kind: 'FRRConfiguration',
  apiVersion: 'frrk8s.metallb.io/v1beta1',
  namespace: 'frr-k8s-system',
  global: false,
  summary:
    'Sessions, what is advertised on them, and which received routes may be used. All that select the node are merged.',
  nodesOf: nodeSelectorIn,
  schema: frrSchema,
  read({ spec = {} }, meta, findings) {
    if (spec.raw?.rawConfig)
      findings.error(
        ['spec', 'raw', 'rawConfig'],
        'text for FRR cannot be carried out: there is no FRR here',
        'toReceive, toAdvertise and prefixes say what most of it is for',
      );
    const generated = /^metallb-(.+)$/.exec(meta.name)?.[1];
    if (generated !== undefined && spec.nodeSelector?.matchLabels?.['kubernetes.io/hostname'] === generated)
      findings.warn(
        ['metadata', 'name'],
        'is what MetalLB made of its own documents: prefixes of Services are told of whether or not they have endpoints',
        'leave it out: BGPPeers and BGPAdvertisements say the same',
      );
    const value: FrrDraft = {
      ...meta,
      ...(spec.nodeSelector && { nodeSelector: readSelector(spec.nodeSelector, ['spec', 'nodeSelector'], findings) }),
      profiles: readProfiles(spec, findings),
      routers: (spec.bgp?.routers ?? []).map((router, i) => readRouter(router, meta, [...bgp, 'routers', i], findings)),
    };
    return { type: 'frr', value };
  },
});

function readProfiles(spec: RawSpec, findings: Findings): FrrDraft['profiles'] {
  const path = [...bgp, 'bfdProfiles'];
  const profiles = spec.bgp?.bfdProfiles ?? [];
  findings.duplicates(
    path,
    profiles.map(({ name }) => name),
    'bfd profile',
  );
  return profiles.map(({ name, ...fields }, i) => ({
    name,
    path: [...path, i],
    settings: readBfd(fields, [...path, i], findings),
  }));
}

function readRouter(raw: RawRouter, document: Meta, path: Path, findings: Findings): RouterDraft {
  const { asn, id, vrf } = raw;
  if (asn === 0) findings.error([...path, 'asn'], 'missing local ASN');
  const routerId = id ? parseAddress(id) : undefined;
  if (id && (routerId?.family !== 4 || routerId.bytes.every((byte) => byte === 0)))
    findings.error([...path, 'id'], `invalid router ID ${JSON.stringify(id)}`, 'an IPv4 address other than 0.0.0.0');
  if (vrf) checkDeviceName(vrf, [...path, 'vrf'], findings);
  const imports = readImports(raw.imports ?? [], vrf || '', [...path, 'imports'], findings);
  if (raw.evpn !== undefined) findings.error([...path, 'evpn'], 'EVPN is not implemented');
  const prefixes = readPrefixes(raw.prefixes ?? [], [...path, 'prefixes'], findings);
  const neighbors = (raw.neighbors ?? []).map((neighbor, i) =>
    readNeighbor(
      neighbor,
      { asn, prefixes, imports: imports.length > 0 },
      document,
      [...path, 'neighbors', i],
      findings,
    ),
  );
  return { path, asn, ...(routerId && { routerId }), ...(vrf && { vrf }), prefixes, imports, neighbors };
}

export const kinds: readonly Kind[] = [frrConfiguration];
