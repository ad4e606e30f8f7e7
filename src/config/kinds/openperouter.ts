/**
 * OpenPERouter's kinds, of four generations: L3VNI, L3VPN, L3Passthrough, L2VNI and Underlay. The first three generations
 * share a group and differ in where fields stand; the fourth has a group and a spelling of its own.
 */
import { z } from 'zod';
import {
  anyLocalCidr,
  asn,
  currentSession,
  fromCurrent,
  fromOld,
  oldNames,
  oldSession,
  type RawSession,
  readSession,
} from '../hostsession.ts';
import { defineKind, type Kind } from '../kind.ts';
import type { Meta, Selector } from '../model.ts';
import type { HostSession, Overlay } from '../openperouter.ts';
import type { Findings } from '../problem.ts';
import { anything, documentSchema, int } from '../schema.ts';
import { nodeSelectorIn, type RawSelector, readSelector, selectorSchema } from '../selector.ts';
import { neighborSchema, underlayFields } from './underlay.ts';

const old = 'openpe.openperouter.github.io/v1alpha1';
const current = 'network.openperouter.io/v1alpha1';

const where = { namespace: 'openperouter-system', global: false, nodesOf: nodeSelectorIn } as const;

const nodeSelector = () => selectorSchema().optional().describe('Nodes it is for. Default all.');
const vni = () => int(1, 0xff_ffff).optional().describe('VXLAN network identifier, 1..16777215.');
const targets = () => z.array(z.string().max(21)).max(100).optional().describe('Route targets, at most 100.');
const family = (words: readonly [string, ...string[]]) => z.enum(words).optional();

const selectorsOf = (raw: RawSelector | undefined, findings: Findings): readonly Selector[] =>
  raw === undefined ? [] : [readSelector(raw, ['spec', 'nodeSelector'], findings)];

/** Linux allows 15 characters for the VRF's device. */
function checkVrf(vrf: string | undefined, findings: Findings): void {
  if (vrf !== undefined && !/^[a-zA-Z][a-zA-Z0-9_-]{0,14}$/.test(vrf))
    findings.error(
      ['spec', 'vrf'],
      `not the name of a VRF: ${JSON.stringify(vrf)}`,
      'a letter, then up to 14 letters, digits, - or _',
    );
}

interface Parts {
  readonly nodeSelector?: RawSelector | undefined;
  readonly vni?: number | undefined;
  readonly vrf?: string | undefined;
}

function overlay(
  meta: Meta,
  { nodeSelector, vni, vrf }: Parts,
  session: HostSession | undefined,
  findings: Findings,
): Overlay {
  checkVrf(vrf, findings);
  return {
    ...meta,
    nodeSelectors: selectorsOf(nodeSelector, findings),
    ...(vni !== undefined && { vni }),
    ...(vrf !== undefined && { vrf }),
    ...(session && { session }),
  };
}

/** As `overlay`, with a session between two AS numbers, both of which are given. */
function withRouter(meta: Meta, parts: Parts, raw: RawSession | undefined, findings: Findings) {
  const session = raw && readSession(raw, { optional: false, internal: false }, findings);
  return { type: 'overlay', value: overlay(meta, parts, session, findings) } as const;
}

const needVni = (vni: number | undefined, findings: Findings): void => {
  if (vni === undefined) findings.error(['spec', 'vni'], 'is missing');
};

const oldL3Vni = defineKind({
  ...where,
  kind: 'L3VNI',
  apiVersion: old,
  summary: 'An overlay of layer 3, whose router the host has a session with.',
  schema: () =>
    documentSchema({
      spec: z.object({
        nodeSelector: nodeSelector(),
        vni: vni(),
        vrf: z.string().optional().describe('VRF of the router, 1..15 characters. Default the name of the document.'),
        asn: asn().optional().describe("The router's AS number, where there is no hostsession."),
        hostasn: asn().optional().describe('Ours, where there is no hostsession. Default that of the router.'),
        localcidr: anyLocalCidr(),
        hostsession: oldSession(),
        vxlanport: anything(),
        underlayAddressFamily: family(['ipv4', 'ipv6']),
        exportRTs: targets(),
        importRTs: targets(),
      }),
    }),
  read({ spec }, meta, findings) {
    needVni(spec.vni, findings);
    const flat = spec.asn !== undefined || spec.hostasn !== undefined || spec.localcidr !== undefined;
    if (flat && spec.hostsession !== undefined)
      findings.error(['spec', 'hostsession'], 'excludes asn, hostasn and localcidr beside it', 'keep hostsession');
    const raw = flat
      ? { asn: spec.asn, hostAsn: spec.hostasn, cidr: spec.localcidr, path: ['spec'], names: oldNames }
      : fromOld(spec.hostsession, ['spec', 'hostsession']);
    // What is in the fields of the first generations may be one AS; later ones refuse that.
    const session = raw && readSession(raw, { optional: flat, internal: flat }, findings);
    return { type: 'overlay', value: overlay(meta, { vrf: meta.name.slice(0, 15), ...spec }, session, findings) };
  },
});

const l3Vni = defineKind({
  ...where,
  kind: 'L3VNI',
  apiVersion: current,
  summary: 'An overlay of layer 3, whose router the host has a session with.',
  schema: () =>
    documentSchema({
      spec: z.object({
        nodeSelector: nodeSelector(),
        vni: vni(),
        vrf: z.string().optional().describe('VRF of the router, 1..15 characters.'),
        hostSession: currentSession(),
        vxlanPort: anything(),
        underlayAddressFamily: family(['IPv4', 'IPv6']),
        exportRTs: targets(),
        importRTs: targets(),
      }),
    }),
  read({ spec }, meta, findings) {
    needVni(spec.vni, findings);
    if (spec.vrf === undefined) findings.error(['spec', 'vrf'], 'is missing');
    return withRouter(meta, spec, fromCurrent(spec.hostSession, ['spec', 'hostSession']), findings);
  },
});

const l3VpnSummary = 'An overlay over SRv6, whose router the host has a session with.';
const l3VpnShape = () => ({
  nodeSelector: nodeSelector(),
  vrf: z.string().describe('VRF of the router, 1..15 characters.'),
  rdAssignedNumber: int(1, 65535).describe('Number of the route distinguisher, 1..65535.'),
  importRTs: z.array(z.string().max(21)).max(100).describe('Route targets, at most 100.'),
  exportRTs: targets(),
});

/** Only of the last release of that group, v0.2.0. */
const oldL3Vpn = defineKind({
  ...where,
  kind: 'L3VPN',
  apiVersion: old,
  summary: l3VpnSummary,
  schema: () => documentSchema({ spec: z.object({ ...l3VpnShape(), hostsession: oldSession() }) }),
  read({ spec }, meta, findings) {
    return withRouter(meta, spec, fromOld(spec.hostsession, ['spec', 'hostsession']), findings);
  },
});

const l3Vpn = defineKind({
  ...where,
  kind: 'L3VPN',
  apiVersion: current,
  summary: l3VpnSummary,
  schema: () => documentSchema({ spec: z.object({ ...l3VpnShape(), hostSession: currentSession() }) }),
  read({ spec }, meta, findings) {
    return withRouter(meta, spec, fromCurrent(spec.hostSession, ['spec', 'hostSession']), findings);
  },
});

const passthroughSummary = "The fabric's own routes, without an overlay, over a session with the host.";

const oldPassthrough = defineKind({
  ...where,
  kind: 'L3Passthrough',
  apiVersion: old,
  summary: passthroughSummary,
  schema: () => documentSchema({ spec: z.object({ nodeSelector: nodeSelector(), hostsession: oldSession() }) }),
  read({ spec }, meta, findings) {
    const raw = fromOld(spec.hostsession, ['spec', 'hostsession']);
    if (raw === undefined) findings.error(['spec', 'hostsession'], 'is missing');
    const session = raw && readSession(raw, { optional: false, internal: true }, findings);
    return { type: 'overlay', value: overlay(meta, spec, session, findings) };
  },
});

const passthrough = defineKind({
  ...where,
  kind: 'L3Passthrough',
  apiVersion: current,
  summary: passthroughSummary,
  schema: () => documentSchema({ spec: z.object({ nodeSelector: nodeSelector(), hostSession: currentSession() }) }),
  read({ spec }, meta, findings) {
    const raw = fromCurrent(spec.hostSession, ['spec', 'hostSession']);
    if (raw === undefined) findings.error(['spec', 'hostSession'], 'is missing');
    const session = raw && readSession(raw, { optional: false, internal: true }, findings);
    return { type: 'overlay', value: overlay(meta, spec, session, findings) };
  },
});

const l2Summary = 'An overlay of layer 2. It needs no session of the host.';

const oldL2Vni = defineKind({
  ...where,
  kind: 'L2VNI',
  apiVersion: old,
  summary: l2Summary,
  schema: () =>
    documentSchema({
      spec: z.object({
        nodeSelector: nodeSelector(),
        vni: vni(),
        vrf: z.string().optional().describe('VRF that routes it.'),
        vxlanport: anything(),
        underlayAddressFamily: family(['ipv4', 'ipv6']),
        hostmaster: anything(),
        l2gatewayip: anything(),
        l2gatewayips: anything(),
      }),
    }),
  read({ spec }, meta, findings) {
    needVni(spec.vni, findings);
    return { type: 'overlay', value: overlay(meta, spec, undefined, findings) };
  },
});

const l2Vni = defineKind({
  ...where,
  kind: 'L2VNI',
  apiVersion: current,
  summary: l2Summary,
  schema: () =>
    documentSchema({
      spec: z.object({
        nodeSelector: nodeSelector(),
        vni: vni(),
        vxlanPort: anything(),
        underlayAddressFamily: family(['IPv4', 'IPv6']),
        routingDomain: anything(),
        hostMaster: anything(),
        gatewayIPs: anything(),
      }),
    }),
  read({ spec }, meta, findings) {
    needVni(spec.vni, findings);
    return { type: 'overlay', value: overlay(meta, spec, undefined, findings) };
  },
});

const underlay = (apiVersion: string): Kind =>
  defineKind({
    ...where,
    kind: 'Underlay',
    apiVersion,
    summary: "The fabric that OpenPERouter's routers are in: their sessions, none of the host's.",
    schema: () =>
      documentSchema({
        spec: z.object({
          nodeSelector: nodeSelector(),
          asn: asn().describe("The routers' AS number towards the fabric."),
          neighbors: z.array(neighborSchema()).max(128).optional().describe('Routers of the fabric, at most 128.'),
          ...underlayFields(),
        }),
      }),
    read: ({ spec }, meta, findings) => ({
      type: 'fabric',
      value: { ...meta, nodeSelectors: selectorsOf(spec.nodeSelector, findings), asn: spec.asn },
    }),
  });

export const kinds: readonly Kind[] = [
  l3Vni,
  oldL3Vni,
  passthrough,
  oldPassthrough,
  l3Vpn,
  oldL3Vpn,
  l2Vni,
  oldL2Vni,
  underlay(current),
  underlay(old),
];
