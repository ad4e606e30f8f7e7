/** group metallb.io: BGPPeer, v1beta2 and the deprecated v1beta1. */
import { z } from 'zod';
import { type Address, isLinkLocal, parseAddress } from '../../lib/address.ts';
import { asn, isInternal, peerAsnShape, readPeerAsn } from '../asn.ts';
import { checkDeviceName, isDeviceName } from '../device.ts';
import type { PeerDraft } from '../document.ts';
import { readHost, readPeer } from '../host.ts';
import { defineKind, type Kind } from '../kind.ts';
import type { Meta, Peer, PeerAsn } from '../model.ts';
import { checkPassword } from '../password.ts';
import type { Findings } from '../problem.ts';
import { bool, documentSchema, duration, int, type Output } from '../schema.ts';
import { nodeSelectorsIn, readNodeSelectors, selectorSchema } from '../selector.ts';
import { readConnectTime, readTimers } from '../timers.ts';
import { metallb } from './metallb.ts';
import { annotations, readOwn } from './peerannotations.ts';

/** Fields of both versions. */
const shape = () => ({
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
    .array(selectorSchema())
    .optional()
    .describe('Nodes that connect to the peer; any may match. Default all.'),
  nodeSelector: z.unknown().optional(),
  password: z.string().optional().describe('TCP MD5 password (RFC 2385), up to 80 octets.'),
  bfdProfile: z
    .string()
    .optional()
    .describe('BFDProfile that says how BFD watches the path to the peer. Default: no BFD.'),
  ebgpMultiHop: bool().optional().describe('The eBGP peer may be more than one hop away. Default false.'),
});

/** Without them it would be another session than its author meant: in the wrong VRF, or without password. */
const newer = () => z.never({ error: 'belongs to v1beta2: write apiVersion: metallb.io/v1beta2' }).optional();

const v1beta1Schema = () =>
  documentSchema({
    spec: z.object({
      ...shape(),
      peerASN: asn('missing peer ASN').describe('AS number of the peer, 1..4294967295.'),
      peerPort: int(0, 0xffff).optional().describe('TCP port of the peer, 1..65535; 0, the default, for 179.'),
      dynamicASN: newer(),
      localASN: newer(),
      interface: newer(),
      connectTime: newer(),
      passwordSecret: newer(),
      enableGracefulRestart: newer(),
      vrf: newer(),
      disableMP: newer(),
      dualStackAddressFamily: newer(),
    }),
  });

const v1beta2Schema = () =>
  documentSchema({
    spec: z.object({
      ...shape(),
      ...peerAsnShape(),
      localASN: int(1, 0xffff_ffff)
        .optional()
        .describe('AS number to have towards this eBGP peer instead of myASN, 1..4294967295.'),
      interface: z
        .string()
        .optional()
        .describe('Instead of peerAddress: the interface on whose link the one peer is found (unnumbered).'),
      connectTime: duration().optional().describe('Wait between connection attempts, whole seconds, 1s..65535s.'),
      passwordSecret: z
        .object({
          name: z.string().optional().describe('Its name.'),
          namespace: z.string().optional().describe('That of the BGPPeer, where given.'),
        })
        .optional()
        .describe('Instead of password: the Secret of type kubernetes.io/basic-auth that holds it.'),
      enableGracefulRestart: bool()
        .optional()
        .describe('The peer keeps our routes while we restart (RFC 4724). Default false.'),
      vrf: z.string().optional().describe('VRF device of the host that the session lives in. Default none.'),
      disableMP: bool().optional().describe('Deprecated, without effect.'),
      dualStackAddressFamily: bool()
        .optional()
        .describe('Carry IPv4 and IPv6 on this session. Default false: the family of the address.'),
    }),
  });

type Spec = Output<typeof v1beta2Schema>['spec'];
const at = (field: keyof Spec) => ['spec', field];

function read(spec: Spec, meta: Meta, findings: Findings): PeerDraft {
  const peerAsn = readPeerAsn(spec, ['spec'], findings);
  checkAsns(spec, peerAsn, findings);
  if (spec.disableMP) findings.warn(at('disableMP'), 'deprecated: has no effect');
  const port = spec.peerPort || 179;
  if (port > 16384) findings.warn(at('peerPort'), `MetalLB itself refuses ports above 16384, found ${port}`);
  const routerId = spec.routerID ? parseAddress(spec.routerID) : undefined;
  if (spec.routerID && (routerId?.family !== 4 || routerId.bytes.every((byte) => byte === 0)))
    findings.error(
      at('routerID'),
      `invalid router ID ${JSON.stringify(spec.routerID)}`,
      'an IPv4 address other than 0.0.0.0',
    );
  if (spec.vrf) checkDeviceName(spec.vrf, at('vrf'), findings);
  return {
    ...meta,
    myAsn: spec.myASN,
    peerAsn,
    ...(spec.localASN !== undefined && spec.localASN !== spec.myASN && { localAsn: spec.localASN }),
    ...readEnds(spec, findings),
    ...(spec.vrf && { vrf: spec.vrf }),
    port,
    ...readTimers(spec, findings),
    ...readConnectTime(spec, findings),
    ...(routerId && { routerId }),
    nodeSelectors: readNodeSelectors(spec, findings),
    ebgpMultiHop: spec.ebgpMultiHop ?? false,
    dualStackAddressFamily: spec.dualStackAddressFamily ?? false,
    ...readPassword(spec, meta, findings),
    ...(spec.bfdProfile && { bfdProfile: spec.bfdProfile }),
    ...readOwn(spec, peerAsn, meta, findings),
  };
}

/** FRR's rules for local-as, and MetalLB's for multihop. */
function checkAsns({ myASN, peerASN, localASN, ebgpMultiHop }: Spec, peerAsn: PeerAsn, findings: Findings): void {
  const internal = isInternal(myASN, peerAsn);
  if (ebgpMultiHop && internal)
    findings.error(at('ebgpMultiHop'), 'invalid EBGPMultiHop parameter set for an ibgp peer');
  if (localASN === undefined) return;
  if (internal) findings.error(at('localASN'), 'localASN is for eBGP peers: this one is in our own AS');
  else if (localASN === peerASN) findings.error(at('localASN'), `localASN is the AS of the peer, ${localASN}`);
  else if (localASN === myASN) findings.warn(at('localASN'), 'the same as myASN: has no effect');
}

/** Where the session goes, and from where. */
function readEnds(spec: Spec, findings: Findings): Pick<Peer, 'address' | 'interface' | 'sourceAddress'> {
  if (!spec.peerAddress && !spec.interface)
    findings.error(at('peerAddress'), 'peer has no Address or Interface specified');
  if (spec.peerAddress && spec.interface)
    findings.error(at('interface'), 'peer has both Address and Interface specified');
  if (spec.interface) checkDeviceName(spec.interface, at('interface'), findings);
  const address = spec.peerAddress
    ? readPeer(spec.peerAddress, 'invalid BGPPeer address', 'interface', at('peerAddress'), findings)
    : undefined;
  const source = readSource(spec.sourceAddress, findings);
  if (address && source && address.family !== source.family)
    findings.error(at('sourceAddress'), `invalid source IP: the peer's address is IPv${address.family}`);
  if (spec.interface && source && !isLinkLocal(source))
    findings.error(at('sourceAddress'), 'invalid source IP: an unnumbered session uses link-local addresses');
  return {
    ...(address && { address }),
    ...(spec.interface && { interface: spec.interface }),
    ...(source && { sourceAddress: source }),
  };
}

function readSource(text: string | undefined, findings: Findings): Address | undefined {
  if (!text) return undefined;
  const named =
    isDeviceName(text) && /[a-z]/i.test(text) ? `the annotation ${sourceInterface} names an interface` : undefined;
  return readHost(text, 'invalid source IP', at('sourceAddress'), findings, named);
}
const sourceInterface = 'waypost.dev/source-interface';

function readPassword(
  { password, passwordSecret }: Spec,
  meta: Meta,
  findings: Findings,
): Pick<PeerDraft, 'password' | 'secret'> {
  const { name: secret, namespace } = passwordSecret ?? {};
  if (password && secret) findings.error(at('passwordSecret'), 'can not have both password and secret ref set');
  if (!secret && namespace) findings.error(at('passwordSecret'), 'the name of the Secret is missing');
  if (secret && namespace && namespace !== meta.namespace)
    findings.error(
      [...at('passwordSecret'), 'namespace'],
      `the Secret must be in the namespace of the BGPPeer, ${meta.namespace}`,
    );
  checkPassword(password, at('password'), findings);
  return { ...(password && { password }), ...(secret && { secret }) };
}

const common = {
  kind: 'BGPPeer',
  ...metallb,
  own: { annotations },
  nodesOf: nodeSelectorsIn,
} as const;
const summary = 'A BGP router to connect to.';

const v1beta2 = defineKind({
  ...common,
  apiVersion: 'metallb.io/v1beta2',
  summary,
  schema: v1beta2Schema,
  read: ({ spec }, meta, findings) => ({ type: 'peer', value: read(spec, meta, findings) }),
});

/** An absent timer stays absent here; MetalLB's conversion makes it an explicit 0, which nobody asked for. */
const v1beta1 = defineKind({
  ...common,
  apiVersion: 'metallb.io/v1beta1',
  summary: `${summary} Deprecated: use v1beta2.`,
  schema: v1beta1Schema,
  read: ({ spec }, meta, findings) => ({ type: 'peer', value: read(spec, meta, findings) }),
});

export const kinds: readonly Kind[] = [v1beta2, v1beta1];
