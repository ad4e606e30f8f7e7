/** What learned routes do to the kernel: `kernel` of a Speaker. */
import { z } from 'zod';
import { parseDuration } from './duration.ts';
import type { Findings, Path } from './problem.ts';
import { bool, duration, int, type Output } from './schema.ts';
import { durationHint } from './timers.ts';

/** Every default is filled in. */
export interface Kernel {
  /** Routes that are accepted and chosen are put into the routing table of their session's VRF. */
  readonly install: boolean;
  /** Which routes are ours, 5..255. */
  readonly protocol: number;
  /** 0..4294967295. */
  readonly metric: number;
  /** Octets, 1280..65535; absent: that of the link. */
  readonly mtu?: number;
  readonly multipath: {
    /** Most paths, 1..256. */
    readonly external: number;
    readonly internal: number;
    readonly asPath: 'same' | 'sameNeighbour' | 'relaxed';
    /** Traffic is shared by the link bandwidth community. */
    readonly bandwidth: boolean;
  };
  /** A next hop may be reached by a default route. */
  readonly resolveViaDefault: boolean;
  /** Installed routes stay when the program ends. */
  readonly keepOnStop: boolean;
  /** Routes of an earlier process that no peer has announced by then are removed, milliseconds. */
  readonly sweepAfterMs: number;
}

export const kernelDefaults = {
  install: true,
  protocol: 186,
  metric: 20,
  multipath: { external: 16, internal: 16, asPath: 'same', bandwidth: false },
  resolveViaDefault: true,
  keepOnStop: false,
  sweepAfterMs: 300_000,
} as const satisfies Kernel;

const paths = () => int(1, 256).optional();

export const kernelSchema = () =>
  z.object({
    install: bool()
      .optional()
      .describe('Put accepted routes into the routing table of the VRF that their session is in. Default true.'),
    protocol: int(1, 255)
      .optional()
      .describe('Protocol number of installed routes, 5..255, which marks them as ours. Default 186.'),
    metric: int(0, 0xffff_ffff)
      .optional()
      .describe("Metric of installed routes, 0..4294967295; 0: the kernel's default. Default 20."),
    mtu: int(1280, 65_535)
      .optional()
      .describe('MTU of installed routes, 1280..65535 octets. Default that of the link.'),
    alwaysBlock: z
      .array(z.string())
      .optional()
      .describe('Prefixes never to learn, with everything inside them, whatever a session may receive. Default none.'),
    multipath: z
      .object({
        external: paths().describe('Most paths of a route learned from other ASes, 1..256. Default 16.'),
        internal: paths().describe('Most paths of a route learned within our AS, 1..256. Default 16.'),
        asPath: z
          .enum(['same', 'sameNeighbour', 'relaxed'])
          .optional()
          .describe(
            'How alike AS paths of one length must be: the same, the same first AS, or only the length. Default same.',
          ),
        bandwidth: bool()
          .optional()
          .describe('Share traffic by the link bandwidth community where all paths carry it. Default false: equally.'),
      })
      .optional()
      .describe('Multipath (ECMP).'),
    resolveViaDefault: bool().optional().describe('Next hops may be reached by a default route. Default true.'),
    keepOnStop: bool().optional().describe('Leave installed routes in place when the program ends. Default false.'),
    sweepAfter: duration()
      .optional()
      .describe(
        'How long routes of an earlier process stay that no peer has announced again, 1s..1h; less once every peer has sent its End-of-RIB. Default 5m.',
      ),
  });

type Raw = Output<typeof kernelSchema>;

export function readKernel(raw: Raw, path: Path, findings: Findings): Kernel {
  const { multipath = {}, sweepAfter, mtu } = raw;
  const protocol = raw.protocol ?? kernelDefaults.protocol;
  if (protocol < FIRST_PROTOCOL)
    findings.error(
      [...path, 'protocol'],
      'is that of routes made by the kernel or by hand',
      'a number of 5..255 that no other program on the node uses',
    );
  else if (protocol === POLICY_PROTOCOL)
    findings.error(
      [...path, 'protocol'],
      'is that of routes that network policies make, which takes away all others with it',
      'another number of 5..255, 186 for instance',
    );
  const sweepAfterMs = sweepAfter === undefined ? kernelDefaults.sweepAfterMs : parseDuration(sweepAfter);
  if (sweepAfterMs === undefined)
    findings.error(
      [...path, 'sweepAfter'],
      `invalid duration ${JSON.stringify(sweepAfter)}`,
      durationHint(sweepAfter!),
    );
  else if (sweepAfterMs < 1_000 || sweepAfterMs > 3_600_000)
    findings.error([...path, 'sweepAfter'], 'must be in 1s..1h');
  const { external, internal, asPath, bandwidth } = kernelDefaults.multipath;
  return {
    install: raw.install ?? kernelDefaults.install,
    protocol,
    metric: raw.metric ?? kernelDefaults.metric,
    ...(mtu !== undefined && { mtu }),
    multipath: {
      external: multipath.external ?? external,
      internal: multipath.internal ?? internal,
      asPath: multipath.asPath ?? asPath,
      bandwidth: multipath.bandwidth ?? bandwidth,
    },
    resolveViaDefault: raw.resolveViaDefault ?? kernelDefaults.resolveViaDefault,
    keepOnStop: raw.keepOnStop ?? kernelDefaults.keepOnStop,
    sweepAfterMs: sweepAfterMs ?? kernelDefaults.sweepAfterMs,
  };
}

/** RTPROT_UNSPEC, _REDIRECT, _KERNEL, _BOOT and _STATIC come before. */
const FIRST_PROTOCOL = 5;
/** `OWN_PROTOCOL` of vrf/mark.ts, which is not to be imported here. */
const POLICY_PROTOCOL = 157;
