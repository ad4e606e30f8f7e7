/** The schema of an FRRConfiguration (frr-k8s api/v1beta1/frrconfiguration_types.go). */
import { z } from 'zod';
import { bfdShape } from '../bfd.ts';
import { anything, bool, documentSchema, duration, int, type Output } from '../schema.ts';
import { selectorSchema } from '../selector.ts';

const prefixes = (description: string) => z.array(z.string()).optional().describe(description);
const mode = (description: string) => z.enum(['all', 'filtered']).optional().describe(description);

const toAdvertise = () =>
  z.object({
    allowed: z
      .object({
        prefixes: prefixes('Prefixes to advertise, each one of those of the router.'),
        mode: mode('all: every prefix of the router; filtered, the default: those that are listed.'),
      })
      .optional()
      .describe('Which prefixes of the router are advertised. Default none.'),
    nextHop: z
      .object({
        ipv4: z.string().optional().describe('Of IPv4 prefixes.'),
        ipv6: z.string().optional().describe('Of IPv6 prefixes.'),
      })
      .optional()
      .describe('Next hops of what is advertised to the neighbour. Default our address on the session.'),
    withLocalPref: z
      .array(
        z.object({
          prefixes: z.array(z.string()).min(1, 'the list is empty').describe('Allowed prefixes.'),
          localPref: int(0, 0xffff_ffff).describe('LOCAL_PREF, on iBGP; no prefix may have two.'),
        }),
      )
      .optional()
      .describe('Local preferences.'),
    withCommunity: z
      .array(
        z.object({
          prefixes: z.array(z.string()).min(1, 'the list is empty').describe('Allowed prefixes.'),
          community: z.string().describe('A:B or large:G:L1:L2.'),
        }),
      )
      .optional()
      .describe('Communities that are added.'),
  });

const toReceive = () =>
  z.object({
    allowed: z
      .object({
        prefixes: z
          .array(
            z.object({
              prefix: z.string().describe('This prefix, or with ge or le what lies inside it.'),
              ge: int(1, 128).optional().describe('Shortest length allowed.'),
              le: int(1, 128).optional().describe('Longest length allowed.'),
            }),
          )
          .optional()
          .describe('Prefixes that may be used.'),
        mode: mode(
          'all: everything but default routes and prefixes of this node; filtered, the default: what is listed.',
        ),
      })
      .optional()
      .describe('Which routes of the neighbour may be used. Default none.'),
  });

const neighbor = () =>
  z.object({
    asn: int(0, 0xffff_ffff).optional().describe('AS number of the neighbour. Either this or dynamicASN is needed.'),
    dynamicASN: z
      .enum(['internal', 'external'])
      .optional()
      .describe('Instead of asn: any AS but ours (external), or ours (internal).'),
    address: z.string().optional().describe('Address of the neighbour.'),
    interface: z.string().optional().describe('Instead of address: the interface on whose link it is (unnumbered).'),
    sourceaddress: z.string().optional().describe('Local address to connect from, or the interface that has it.'),
    port: int(0, 0xffff).optional().describe('TCP port of the neighbour; frr-k8s accepts up to 16384. Default 179.'),
    password: z.string().optional().describe('TCP MD5 password (RFC 2385), up to 80 octets.'),
    passwordSecret: z
      .object({
        name: z.string().optional().describe('Its name.'),
        namespace: z.string().optional().describe('That of the FRRConfiguration, where given.'),
      })
      .optional()
      .describe('Instead of password: the Secret of type kubernetes.io/basic-auth that holds it.'),
    holdTime: duration().optional().describe('Proposed hold time. Together with keepaliveTime. Default 180s.'),
    keepaliveTime: duration().optional().describe('Time between keepalives. Together with holdTime. Default 60s.'),
    connectTime: duration().optional().describe('Wait between connection attempts, whole seconds, 1s..65535s.'),
    ebgpMultiHop: bool().optional().describe('The eBGP neighbour may be more than one hop away. Default false.'),
    bfdProfile: z.string().optional().describe('Which of bfdProfiles watches the path to it. Default none.'),
    enableGracefulRestart: bool().optional().describe('It keeps our routes while we restart. Default false.'),
    toAdvertise: toAdvertise().optional().describe('What is advertised to the neighbour.'),
    toReceive: toReceive().optional().describe('What of its routes may be used.'),
    disableMP: bool().optional().describe('Deprecated, without effect.'),
    dualStackAddressFamily: bool()
      .optional()
      .describe('Carry IPv4 and IPv6 on this session. Default false: the family of the address.'),
    localASN: int(1, 0xffff_ffff).optional().describe('AS number to have towards this eBGP neighbour.'),
    addressFamilies: z
      .array(z.enum(['unicast', 'evpn']))
      .optional()
      .describe('Only unicast.'),
  });

const router = () =>
  z.object({
    asn: int(0, 0xffff_ffff).describe('Our AS number in this VRF, 1..4294967295.'),
    id: z.string().optional().describe('BGP identifier, as an IPv4 address. Default that of the Speaker.'),
    vrf: z.string().optional().describe('VRF device of the host. Default none.'),
    neighbors: z
      .array(neighbor())
      .optional()
      .describe('Sessions. One that a BGPPeer describes as well is one session.'),
    prefixes: prefixes('Prefixes that may be advertised to neighbours, whether or not there is a route to them.'),
    imports: z
      .array(z.object({ vrf: z.string().optional().describe('Its name; default is the default VRF.') }))
      .optional()
      .describe('VRFs whose learned routes are used here, too, and whose prefixes may be advertised to neighbours.'),
    evpn: anything(),
  });

export const frrSchema = () =>
  documentSchema({
    spec: z
      .object({
        bgp: z
          .object({
            bfdProfiles: z
              .array(z.object({ name: z.string().describe('Its name.'), ...bfdShape() }))
              .optional()
              .describe('How BFD watches the paths to neighbours that name one.'),
            routers: z.array(router()).max(50, 'at most 50 routers').optional().describe('One for each VRF.'),
          })
          .optional()
          .describe('Sessions and what is exchanged on them.'),
        raw: z
          .object({ priority: z.int().optional(), rawConfig: z.string().optional() })
          .optional()
          .describe('Configuration text for FRR. Refused: there is no FRR here.'),
        nodeSelector: selectorSchema().optional().describe('Nodes it is for. Default all.'),
      })
      .optional(),
  });

export type RawSpec = NonNullable<Output<typeof frrSchema>['spec']>;
export type RawRouter = Output<typeof router>;
export type RawNeighbor = Output<typeof neighbor>;
export type ToAdvertise = NonNullable<RawNeighbor['toAdvertise']>;
