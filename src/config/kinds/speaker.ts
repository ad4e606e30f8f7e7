/** group waypost.dev: Speaker, the settings of this program itself. */
import { z } from 'zod';
import { parseAddress } from '../../lib/address.ts';
import { defineKind, type Kind } from '../kind.ts';
import type { Speaker } from '../model.ts';
import { bool, documentSchema, int } from '../schema.ts';

/** A speaker without a document. */
export const speakerDefaults = {
  labels: {},
  defaultLocalPref: 100,
  listen: { addresses: [], port: 179 },
  loadBalancerClass: '',
  ignoreExcludeLabel: false,
  stateDir: '/var/lib/waypost',
} as const satisfies Omit<Speaker, 'name'>;

/** What this version does about the kernel, whatever a document says: settings other than these are refused. */
const kernelDefaults = { protocol: 186, metric: 20 } as const;

const schema = documentSchema({
  spec: z
    .object({
      labels: z
        .record(z.string(), z.string())
        .optional()
        .describe('Labels of this node, over those of its Node document.'),
      routerID: z.string().optional().describe('BGP identifier of every session that gives none, as an IPv4 address.'),
      defaultLocalPref: int(0, 0xffff_ffff)
        .optional()
        .describe('LOCAL_PREF on iBGP sessions where no advertisement gives one, 0..4294967295. Default 100.'),
      listen: z
        .object({
          addresses: z
            .array(z.string())
            .optional()
            .describe('Local addresses on which peers may call. Default none: dial only.'),
          port: int(1, 65535).optional().describe('TCP port, 1..65535. Default 179.'),
        })
        .optional()
        .describe('Where peers may call.'),
      loadBalancerClass: z
        .string()
        .optional()
        .describe('Only Services of this class are served. Default empty: those without a class.'),
      ignoreExcludeLabel: bool()
        .optional()
        .describe(
          'Announce although the node has the label node.kubernetes.io/exclude-from-external-load-balancers. Default false.',
        ),
      kernel: z
        .object({
          install: bool().optional().describe('Install learned routes. Not supported yet: no route is installed.'),
          protocol: int(1, 255).optional().describe('Protocol number of installed routes, 1..255. Default 186.'),
          metric: int(0, 0xffff_ffff).optional().describe('Metric of installed routes. Default 20.'),
          alwaysBlock: z.array(z.string()).optional().describe('Prefixes never to learn. Not supported yet.'),
        })
        .optional()
        .describe('What learned routes do to the kernel.'),
      membership: z
        .object({
          type: z
            .enum(['static', 'etcd', 'kubernetes'])
            .optional()
            .describe('How speakers know of each other. Default static.'),
          nodes: z.array(z.unknown()).optional().describe('The other nodes. Not supported yet.'),
        })
        .optional()
        .describe('The speakers of a cluster.'),
      stateDir: z
        .string()
        .regex(/^\//, 'must be an absolute path')
        .optional()
        .describe('Folder for what is remembered over restarts. Default /var/lib/waypost.'),
    })
    .optional(),
});

const speaker = defineKind({
  kind: 'Speaker',
  apiVersion: 'waypost.dev/v1',
  namespace: '',
  global: false,
  summary: 'Settings of the speaker on the node of that name.',
  schema,
  read({ spec = {} }, meta, findings) {
    const { kernel, membership } = spec;
    const refuse = (path: string[]) => findings.error(['spec', ...path], 'not supported yet');
    if (kernel?.protocol !== undefined && kernel.protocol !== kernelDefaults.protocol) refuse(['kernel', 'protocol']);
    if (kernel?.metric !== undefined && kernel.metric !== kernelDefaults.metric) refuse(['kernel', 'metric']);
    if ((kernel?.alwaysBlock ?? []).length > 0) refuse(['kernel', 'alwaysBlock']);
    if ((membership?.type ?? 'static') !== 'static') refuse(['membership', 'type']);
    if ((membership?.nodes ?? []).length > 0) refuse(['membership', 'nodes']);

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
      if (address === undefined)
        findings.error(['spec', 'listen', 'addresses', i], `not an IP address: ${JSON.stringify(text)}`);
      return address ?? [];
    });
    findings.duplicates(['spec', 'listen', 'addresses'], texts, 'address');
    return {
      type: 'speaker',
      value: {
        name: meta.name,
        labels: spec.labels ?? speakerDefaults.labels,
        ...(routerId && { routerId }),
        defaultLocalPref: spec.defaultLocalPref ?? speakerDefaults.defaultLocalPref,
        listen: { addresses, port: spec.listen?.port ?? speakerDefaults.listen.port },
        loadBalancerClass: spec.loadBalancerClass ?? speakerDefaults.loadBalancerClass,
        ignoreExcludeLabel: spec.ignoreExcludeLabel ?? speakerDefaults.ignoreExcludeLabel,
        stateDir: spec.stateDir ?? speakerDefaults.stateDir,
        position: meta.position,
      },
    };
  },
});

export const kinds: readonly Kind[] = [speaker];
