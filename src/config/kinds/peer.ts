/** group metallb.io: BGPPeer, v1beta2 and the deprecated v1beta1. */
import { z } from 'zod';
import { type Address, parseAddress } from '../../lib/address.ts';
import { parseDuration } from '../duration.ts';
import { defineKind, type Kind } from '../kind.ts';
import type { Meta, Peer } from '../model.ts';
import type { Findings } from '../problem.ts';
import { bool, documentSchema, duration, int } from '../schema.ts';
import { readSelectors, selectorSchema } from '../selector.ts';
import { metallb } from './metallb.ts';

const asn = (missing: string) =>
  z
    .int({ error: ({ input }) => (input === undefined ? missing : undefined) })
    .min(1, missing)
    .max(0xffff_ffff, 'must be in 1..4294967295');

/** Fields of both versions. */
const shape = {
  myASN: asn('missing local ASN').describe('Our AS number, 1..4294967295.'),
  peerAddress: z.string().optional().describe('Address of the peer, IPv4 or IPv6, without zone.'),
  sourceAddress: z.string().optional().describe('Local address to connect from. Default: the system chooses.'),
  peerPort: int(1, 0xffff)
    .optional()
    .describe('TCP port of the peer, 1..65535; MetalLB accepts up to 16384. Default 179.'),
  holdTime: duration()
    .optional()
    .describe('Proposed hold time, 0s or 3s..65535s. Default 90s, or three times keepaliveTime.'),
  keepaliveTime: duration()
    .optional()
    .describe('Time between keepalives, at most holdTime. Default a third of holdTime.'),
  routerID: z.string().optional().describe('BGP identifier, as an IPv4 address. Default: that of the Speaker.'),
  nodeSelectors: z
    .array(selectorSchema)
    .optional()
    .describe('Nodes that connect to the peer; any may match. Default all.'),
  password: z.string().optional().describe('TCP MD5 password (RFC 2385). Not supported yet.'),
  bfdProfile: z.string().optional().describe('BFDProfile to watch the peer with. Not supported yet.'),
  ebgpMultiHop: bool().optional().describe('The eBGP peer may be more than one hop away. Not supported yet.'),
};

const v1beta1Schema = documentSchema({
  spec: z.object({ ...shape, peerASN: asn('missing peer ASN').describe('AS number of the peer, 1..4294967295.') }),
});

const v1beta2Schema = documentSchema({
  spec: z.object({
    ...shape,
    peerASN: int(0, 0xffff_ffff).optional().describe('AS number of the peer, 1..4294967295.'),
    dynamicASN: z
      .enum(['internal', 'external'])
      .optional()
      .describe('Learn the AS number of the peer. Not supported yet.'),
    localASN: int(1, 0xffff_ffff).optional().describe('AS number to pretend to have. Not supported yet.'),
    interface: z.string().optional().describe('Interface of an unnumbered session. Not supported yet.'),
    connectTime: duration().optional().describe('First wait between connection attempts, whole seconds, 1s..65535s.'),
    passwordSecret: z
      .object({ name: z.string().optional(), namespace: z.string().optional() })
      .optional()
      .describe('Secret of type kubernetes.io/basic-auth that holds the password. Not supported yet.'),
    enableGracefulRestart: bool().optional().describe('Graceful restart (RFC 4724). Not supported yet.'),
    vrf: z.string().optional().describe('VRF of the host that the session lives in. Not supported yet.'),
    disableMP: bool().optional().describe('Deprecated, without effect.'),
    dualStackAddressFamily: bool()
      .optional()
      .describe('Carry IPv4 and IPv6 on this session. Default false: the family of the address.'),
  }),
});

type Spec = z.output<typeof v1beta2Schema>['spec'];

/**
 * What this version cannot do, by field: a value that asks for it is refused, one that does not is fine. Taking a
 * line away here is the last step of supporting a field.
 */
const unsupported: readonly (readonly [field: keyof Spec, asks: (spec: Spec) => boolean])[] = [
  ['bfdProfile', ({ bfdProfile }) => Boolean(bfdProfile)],
  ['vrf', ({ vrf }) => Boolean(vrf)],
  ['interface', (spec) => Boolean(spec.interface)],
  ['password', ({ password }) => Boolean(password)],
  ['passwordSecret', ({ passwordSecret }) => Boolean(passwordSecret?.name)],
  ['enableGracefulRestart', ({ enableGracefulRestart }) => enableGracefulRestart === true],
  ['dynamicASN', ({ dynamicASN }) => dynamicASN !== undefined],
  ['localASN', ({ localASN }) => localASN !== undefined],
  // The TTL of a connection cannot be set yet, so a peer behind another router would never be reached.
  ['ebgpMultiHop', ({ ebgpMultiHop, myASN, peerASN }) => ebgpMultiHop === true && myASN !== peerASN],
];

function read(spec: Spec, meta: Meta, findings: Findings): Peer | undefined {
  const at = (field: keyof Spec) => ['spec', field];
  for (const [field, asks] of unsupported) if (asks(spec)) findings.error(at(field), 'not supported yet');
  const { myASN, dynamicASN, password, passwordSecret } = spec;
  const peerASN = spec.peerASN ?? 0;
  if (peerASN === 0 && dynamicASN === undefined) findings.error(at('peerASN'), 'missing peer ASN and dynamicASN');
  if (peerASN !== 0 && dynamicASN !== undefined)
    findings.error(at('dynamicASN'), 'both peer ASN and dynamicASN specified');
  if (spec.ebgpMultiHop === true && myASN === peerASN)
    findings.error(at('ebgpMultiHop'), 'invalid EBGPMultiHop parameter set for an ibgp peer');
  if (password && passwordSecret?.name)
    findings.error(at('passwordSecret'), 'can not have both password and secret ref set');
  if (!spec.peerAddress && !spec.interface)
    findings.error(at('peerAddress'), 'peer has no Address or Interface specified');
  if (spec.peerAddress && spec.interface)
    findings.error(at('interface'), 'peer has both Address and Interface specified');
  if (spec.disableMP !== undefined) findings.warn(at('disableMP'), 'deprecated: has no effect');
  const port = spec.peerPort ?? 179;
  if (port > 16384) findings.warn(at('peerPort'), `MetalLB itself refuses ports above 16384, found ${port}`);

  const address = readAddress(spec.peerAddress, 'invalid BGPPeer address', at('peerAddress'), findings);
  const sourceAddress = readAddress(spec.sourceAddress, 'invalid source IP', at('sourceAddress'), findings);
  if (address !== undefined && sourceAddress !== undefined && address.family !== sourceAddress.family)
    findings.error(at('sourceAddress'), `invalid source IP: the peer's address is IPv${address.family}`);
  const routerId = readAddress(spec.routerID, 'invalid router ID', at('routerID'), findings);
  if (routerId !== undefined && (routerId.family !== 4 || routerId.bytes.every((byte) => byte === 0)))
    findings.error(
      at('routerID'),
      `invalid router ID ${JSON.stringify(spec.routerID)}`,
      'an IPv4 address other than 0.0.0.0',
    );
  const timers = readTimers(spec, findings);
  const connectTimeSec = readConnectTime(spec.connectTime, findings);
  const nodeSelectors = readSelectors(spec.nodeSelectors, at('nodeSelectors'), findings);
  if (address === undefined) return undefined;
  return {
    ...meta,
    myAsn: myASN,
    peerAsn: peerASN,
    address,
    port,
    ...(sourceAddress && { sourceAddress }),
    ...timers,
    ...(connectTimeSec !== undefined && { connectTimeSec }),
    ...(routerId && { routerId }),
    nodeSelectors,
    ebgpMultiHop: spec.ebgpMultiHop ?? false,
    dualStackAddressFamily: spec.dualStackAddressFamily ?? false,
  };
}

function readAddress(text: string | undefined, error: string, path: string[], findings: Findings): Address | undefined {
  if (!text) return undefined;
  const address = parseAddress(text);
  if (address === undefined) findings.error(path, `${error} ${JSON.stringify(text)}`);
  return address;
}

function readDuration(text: string | undefined, field: string, findings: Findings): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  const hint = /^\d+(\.\d+)?$/.test(text) ? `write "${text}s" for seconds` : 'write it like "90s" or "1m30s"';
  findings.error(['spec', field], `invalid duration ${JSON.stringify(text)}`, hint);
  return undefined;
}

/** One alone derives the other; both count in whole seconds. Upstream: internal/config/config.go, parseTimers. */
function readTimers(spec: Spec, findings: Findings): Pick<Peer, 'holdTimeSec' | 'keepaliveTimeSec'> {
  const hold = readDuration(spec.holdTime, 'holdTime', findings);
  const keepalive = readDuration(spec.keepaliveTime, 'keepaliveTime', findings);
  if (hold === undefined && keepalive === undefined) return {};
  const holdTimeSec = Math.trunc((hold ?? keepalive! * 3) / 1000);
  const keepaliveTimeSec = Math.trunc((keepalive ?? hold! / 3) / 1000);
  const holdField = ['spec', hold === undefined ? 'keepaliveTime' : 'holdTime'];
  if (holdTimeSec !== 0 && (holdTimeSec < 3 || holdTimeSec > 0xffff))
    findings.error(holdField, `invalid hold time: ${holdTimeSec} s`, '0s, or 3s to 65535s');
  else if ((hold ?? keepalive!) < 0) findings.error(holdField, 'invalid hold time: it is negative');
  else if (keepaliveTimeSec > holdTimeSec)
    findings.error(
      ['spec', 'keepaliveTime'],
      `invalid keepaliveTime: ${keepaliveTimeSec} s is more than the hold time of ${holdTimeSec} s`,
    );
  else if (keepaliveTimeSec < 1 && holdTimeSec > 0)
    findings.error(
      ['spec', 'keepaliveTime'],
      `invalid keepaliveTime: without keepalives the hold time of ${holdTimeSec} s runs out`,
      'at least 1s',
    );
  return { holdTimeSec, keepaliveTimeSec };
}

function readConnectTime(text: string | undefined, findings: Findings): number | undefined {
  const ms = readDuration(text, 'connectTime', findings);
  if (ms === undefined) return undefined;
  const seconds = ms / 1000;
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 65535)
    findings.error(
      ['spec', 'connectTime'],
      `invalid connect time ${JSON.stringify(text)}`,
      'whole seconds, 1s to 65535s',
    );
  return seconds;
}

const summary = 'A BGP router to connect to.';

const v1beta2 = defineKind({
  kind: 'BGPPeer',
  apiVersion: 'metallb.io/v1beta2',
  ...metallb,
  summary,
  schema: v1beta2Schema,
  read({ spec }, meta, findings) {
    const value = read(spec, meta, findings);
    return value && { type: 'peer', value };
  },
});

/** An absent timer stays absent here; MetalLB's conversion makes it an explicit 0, which nobody asked for. */
const v1beta1 = defineKind({
  kind: 'BGPPeer',
  apiVersion: 'metallb.io/v1beta1',
  ...metallb,
  summary: `${summary} Deprecated: use v1beta2.`,
  schema: v1beta1Schema,
  read({ spec }, meta, findings) {
    const value = read(spec, meta, findings);
    return value && { type: 'peer', value };
  },
});

export const kinds: readonly Kind[] = [v1beta2, v1beta1];
