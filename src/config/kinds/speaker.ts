/** group waypost.dev: Speaker, the settings of this program itself. */
import { z } from 'zod';
import { parseAddress } from '../../lib/address.ts';
import { parsePattern, patternHint } from '../allow.ts';
import { nodeLabels, warnLabels } from '../annotation.ts';
import { parseDuration } from '../duration.ts';
import { dynamicSchema, readDynamicPeers } from '../dynamic.ts';
import { addressHint, mappedHint } from '../host.ts';
import { kernelDefaults, kernelSchema, readKernel } from '../kernel.ts';
import { defineKind, type Kind } from '../kind.ts';
import { layer2Defaults, layer2Schema, readLayer2 } from '../layer2.ts';
import { membershipDefaults, membershipSchema, readMembership } from '../membership.ts';
import { readPrefixes } from '../prefix.ts';
import type { Findings } from '../problem.ts';
import { bool, documentSchema, duration, int, type Output } from '../schema.ts';
import type { Speaker } from '../speaker.ts';
import { networkDefaults, networkSchema, readNetwork } from '../sysctl.ts';
import { durationHint } from '../timers.ts';

/** A speaker without a document. */
export const speakerDefaults = {
  labels: {},
  defaultLocalPref: 100,
  listen: { addresses: [], port: 179 },
  dynamicPeers: [],
  serviceCommunities: [],
  drain: { waitMs: 5000, onShutdown: true, keepSoleLocal: true, terminating: 'keep' },
  alwaysBlock: [],
  kernel: kernelDefaults,
  layer2: layer2Defaults,
  membership: membershipDefaults,
  loopbackAddresses: [],
  network: networkDefaults,
  loadBalancerClass: '',
  ignoreExcludeLabel: false,
  stateDir: '/var/lib/waypost',
} as const satisfies Omit<Speaker, 'name'>;

const schema = () =>
  documentSchema({
    spec: z
      .object({
        labels: z
          .record(z.string(), z.string())
          .optional()
          .describe('Labels of this node, over those of its Node document.'),
        routerID: z
          .string()
          .optional()
          .describe('BGP identifier of every session that gives none, as an IPv4 address.'),
        defaultLocalPref: int(0, 0xffff_ffff)
          .optional()
          .describe('LOCAL_PREF on iBGP sessions where no advertisement gives one, 0..4294967295. Default 100.'),
        listen: z
          .object({
            addresses: z
              .array(z.string())
              .optional()
              .describe('Local addresses to listen on. Default none: only connect.'),
            port: int(1, 65535).optional().describe('TCP port, 1..65535. Default 179.'),
            dynamic: z
              .array(dynamicSchema())
              .optional()
              .describe('Peers that may connect without a BGPPeer. Needs listen.addresses and routerID.'),
          })
          .optional()
          .describe('Where peers may connect to.'),
        loadBalancerClass: z
          .string()
          .optional()
          .describe('Only Services of this class are served. Default empty: those without a class.'),
        ignoreExcludeLabel: bool()
          .optional()
          .describe(
            'Announce although the node has the label node.kubernetes.io/exclude-from-external-load-balancers. Default false.',
          ),
        kernel: kernelSchema().optional().describe('Learned routes in the kernel.'),
        membership: membershipSchema().optional().describe('The speakers of a cluster.'),
        loopbackAddresses: z
          .array(z.enum(['bgp', 'layer2']))
          .optional()
          .describe(
            'Put addresses that are announced in one of these ways on the loopback, so that this host accepts what is sent to them. Default none.',
          ),
        serviceCommunities: z
          .array(z.string())
          .optional()
          .describe(
            'Communities that Services may add to their routes: A:B and large:G:L1:L2 with * for any number, or names that Community documents define. Default none.',
          ),
        drain: z
          .object({
            wait: duration()
              .optional()
              .describe('Between lowering the preference of every route and withdrawing it, 0s..1h. Default 5s.'),
            onShutdown: bool().optional().describe('Also before the program ends. Default true.'),
            keepSoleLocal: bool()
              .optional()
              .describe('Keep Services under the Local policy that no other node could serve. Default true.'),
            terminating: z
              .enum(['keep', 'lower'])
              .optional()
              .describe(
                'Routes of Services under the Local policy whose endpoints on this node all terminate while another node has a ready one: keep them as they are, or lower their preference, so that traffic moves before the last endpoint ends. Default keep; the annotation waypost.dev/terminating of a Service replaces it.',
              ),
            message: z.string().optional().describe('Text of the Cease at the end (RFC 9003), up to 255 octets.'),
          })
          .optional()
          .describe('How the routes of this node are withdrawn.'),
        layer2: layer2Schema().optional().describe('How addresses are announced by ARP and neighbour discovery.'),
        network: networkSchema(),
        stateDir: z
          .string()
          .regex(/^\//, 'must be an absolute path')
          .optional()
          .describe('Folder for what is remembered over restarts. Default /var/lib/waypost.'),
      })
      .optional(),
  });

type Spec = NonNullable<Output<typeof schema>['spec']>;

function readDrain(raw: NonNullable<Spec['drain']>, findings: Findings): Speaker['drain'] {
  const { wait, onShutdown, keepSoleLocal, terminating, message } = raw;
  const path = ['spec', 'drain'];
  const waitMs = wait === undefined ? speakerDefaults.drain.waitMs : parseDuration(wait);
  if (waitMs === undefined)
    findings.error([...path, 'wait'], `invalid duration ${JSON.stringify(wait)}`, durationHint(wait!));
  else if (waitMs < 0 || waitMs > maxWaitMs) findings.error([...path, 'wait'], 'must be in 0s..1h');
  const octets = new TextEncoder().encode(message).length;
  if (octets > maxMessageOctets)
    findings.error([...path, 'message'], `has ${octets} octets, at most ${maxMessageOctets} are possible`);
  return {
    waitMs: waitMs ?? speakerDefaults.drain.waitMs,
    onShutdown: onShutdown ?? speakerDefaults.drain.onShutdown,
    keepSoleLocal: keepSoleLocal ?? speakerDefaults.drain.keepSoleLocal,
    terminating: terminating ?? speakerDefaults.drain.terminating,
    ...(message && { message }),
  };
}
const maxWaitMs = 3_600_000;
/** RFC 9003 §2. */
const maxMessageOctets = 255;

const speaker = defineKind({
  kind: 'Speaker',
  apiVersion: 'waypost.dev/v1',
  namespace: '',
  global: false,
  summary: 'Settings of the speaker on the node of that name.',
  schema,
  read({ spec = {} }, meta, findings) {
    const { kernel } = spec;

    const routerId = spec.routerID === undefined ? undefined : parseAddress(spec.routerID);
    if (spec.routerID !== undefined && (routerId?.family !== 4 || routerId.bytes.every((byte) => byte === 0)))
      findings.error(
        ['spec', 'routerID'],
        `invalid router ID ${JSON.stringify(spec.routerID)}`,
        'an IPv4 address other than 0.0.0.0',
      );
    const texts = spec.listen?.addresses ?? [];
    const addresses = texts.flatMap((text, i) => {
      const address = parseAddress(text);
      const hint = address === undefined ? addressHint(text) : mappedHint(address);
      if (address === undefined || hint !== undefined)
        findings.error(['spec', 'listen', 'addresses', i], `not an IP address: ${JSON.stringify(text)}`, hint);
      return address ?? [];
    });
    findings.duplicates(['spec', 'listen', 'addresses'], texts, 'address');
    if ((spec.listen?.dynamic ?? []).length > 0) {
      const path = ['spec', 'listen', 'dynamic'];
      if (texts.length === 0)
        findings.error(path, 'nobody can call: listen.addresses is empty', 'for example addresses: [0.0.0.0, "::"]');
      if (spec.routerID === undefined) findings.error(path, 'needs the routerID of this speaker');
    }
    for (const [i, text] of (spec.serviceCommunities ?? []).entries())
      if (parsePattern(text) === 'value')
        findings.error(
          ['spec', 'serviceCommunities', i],
          `invalid community value ${JSON.stringify(text)}`,
          patternHint,
        );
    findings.duplicates(['spec', 'loopbackAddresses'], spec.loopbackAddresses ?? [], 'protocol');
    findings.duplicates(['spec', 'serviceCommunities'], spec.serviceCommunities ?? [], 'community');
    if (spec.labels) warnLabels(spec.labels, ['spec', 'labels'], { labels: nodeLabels }, findings);
    return {
      type: 'speaker',
      value: {
        name: meta.name,
        labels: spec.labels ?? speakerDefaults.labels,
        ...(routerId && { routerId }),
        defaultLocalPref: spec.defaultLocalPref ?? speakerDefaults.defaultLocalPref,
        listen: { addresses, port: spec.listen?.port ?? speakerDefaults.listen.port },
        dynamicPeers: readDynamicPeers(spec.listen?.dynamic ?? [], ['spec', 'listen', 'dynamic'], findings),
        serviceCommunities: spec.serviceCommunities ?? speakerDefaults.serviceCommunities,
        drain: readDrain(spec.drain ?? {}, findings),
        alwaysBlock: readPrefixes(kernel?.alwaysBlock ?? [], ['spec', 'kernel', 'alwaysBlock'], findings),
        kernel: readKernel(kernel ?? {}, ['spec', 'kernel'], findings),
        layer2: readLayer2(spec.layer2 ?? {}, findings),
        membership: readMembership(spec.membership ?? {}, findings),
        loopbackAddresses: spec.loopbackAddresses ?? speakerDefaults.loopbackAddresses,
        network: readNetwork(spec.network ?? {}, findings),
        loadBalancerClass: spec.loadBalancerClass ?? speakerDefaults.loadBalancerClass,
        ignoreExcludeLabel: spec.ignoreExcludeLabel ?? speakerDefaults.ignoreExcludeLabel,
        stateDir: spec.stateDir ?? speakerDefaults.stateDir,
        position: meta.position,
      },
    };
  },
});

export const kinds: readonly Kind[] = [speaker];
