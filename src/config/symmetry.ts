/**
 * What a VRF lacks for requests and replies of the Services that are announced in it to take the same way. One judgement
 * for what documents say and for what the kernel has: callers bring the facts, and say where they stand.
 *
 * A packet that came in by a VRF is looked up in its table, at the rule of priority 1000. What is to reach endpoints in
 * the default VRF must be led to the main table before that: to the Service's cluster address, to the endpoints, and to
 * the addresses that OVN-Kubernetes masquerades with. Replies need a route out of the VRF's table.
 */
import { type Address, type Family, formatAddress } from '../lib/address.ts';
import { contains, overlaps, type Prefix, prefix } from '../lib/prefix.ts';
import { MAIN_TABLE } from './network.ts';

/** Where the kernel's rule of VRFs stands: others must come before it. */
export const VRF_PRIORITY = 1000;
/** The priority that the published procedure has. */
const REMEDY_PRIORITY = 998;

export interface VrfFacts {
  readonly name: string;
  readonly rules: readonly {
    readonly family: Family;
    readonly priority: number;
    readonly to?: Prefix;
    /** Absent for those that refuse, and for those of VRFs. */
    readonly table?: number;
  }[];
  /** Families that the VRF's table has a way out for: a default route, or routes that are learned. */
  readonly ways: ReadonlySet<Family>;
  /** Of the interfaces in it, where they are known. */
  readonly interfaces: readonly {
    readonly name: string;
    /** 0 off, 1 strict, 2 loose; the stricter of that of the interface and of all. */
    readonly rpFilter?: number;
    /** Families that it forwards. */
    readonly forwarding?: ReadonlySet<Family>;
  }[];
}

/** What Services that are announced in the VRF need of it. */
export interface VrfUse {
  /** Of the Services' own addresses. */
  readonly families: ReadonlySet<Family>;
  /** Addresses inside, each with whose it is: `Service test/web`. */
  readonly clusterIps: ReadonlyMap<string, Inner>;
  readonly endpoints: ReadonlyMap<string, Inner>;
  /** OVN-Kubernetes is at work: there are EgressServices. */
  readonly masquerade: boolean;
}

export interface Inner {
  readonly address: Address;
  readonly of: string;
}

export interface Lack {
  readonly what: 'serviceRule' | 'clusterRule' | 'masqueradeRule' | 'anyRule' | 'wayOut' | 'rpFilter' | 'forwarding';
  readonly message: string;
  readonly hint: string;
  /** The interface that it is about. */
  readonly interface?: string;
}

/** What OVN-Kubernetes may masquerade with, whichever of its subnets is configured. */
const masquerades: Readonly<Record<Family, Prefix>> = { 4: prefix('169.254.0.0/16'), 6: prefix('fd69::/112') };
const masqueradeDefault: Readonly<Record<Family, string>> = { 4: '169.254.0.0/17', 6: 'fd69::/112' };

export function lacksOf(vrf: VrfFacts, use: VrfUse): readonly Lack[] {
  return [...use.families]
    .sort()
    .flatMap((family) => [...rulesLacking(vrf, use, family), ...passageLacking(vrf, family)]);
}

function* rulesLacking(vrf: VrfFacts, use: VrfUse, family: Family): Generator<Lack> {
  const early = vrf.rules.filter((r) => r.family === family && r.priority < VRF_PRIORITY && r.table === MAIN_TABLE);
  // One without a destination leads everything to main, what should leave by the VRF too: that is told by `explain`.
  const led = (address: Address) => early.some(({ to }) => to === undefined || contains(to, address));
  const inner = (all: ReadonlyMap<string, Inner>) =>
    [...all.values()].filter(({ address }) => address.family === family);
  const [clusterIps, endpoints] = [inner(use.clusterIps), inner(use.endpoints)];
  const rule = (to: string) => `a rule of priority ${REMEDY_PRIORITY}: to ${to}, table ${MAIN_TABLE} (main)`;
  const groups = [
    ['serviceRule', clusterIps, 'cluster address', 'the service network'],
    ['clusterRule', endpoints, 'endpoint', 'the cluster network'],
  ] as const;
  for (const [what, all, kind, network] of groups) {
    const lost = all.filter(({ address }) => !led(address));
    if (lost[0] === undefined) continue;
    const more = lost.length > 1 ? ` (and ${lost.length - 1} more)` : '';
    yield {
      what,
      message: `requests that come in by VRF ${vrf.name} do not reach ${formatAddress(lost[0].address)}, ${kind} of ${lost[0].of}${more}: no rule before that of VRFs (${VRF_PRIORITY}) leads there`,
      hint: rule(`${network}, which holds ${formatAddress(lost[0].address)}`),
    };
  }
  if (clusterIps.length === 0 && endpoints.length === 0 && early.length === 0)
    yield {
      what: 'anyRule',
      message: `no IPv${family} rule before that of VRFs (${VRF_PRIORITY}) leads from VRF ${vrf.name} to the main table: requests do not reach Services and their endpoints in the default VRF`,
      hint: `rules of priority ${REMEDY_PRIORITY} to the service, the cluster and the masquerade network, table ${MAIN_TABLE}`,
    };
  else if (use.masquerade && !early.some(({ to }) => to === undefined || overlaps(to, masquerades[family])))
    yield {
      what: 'masqueradeRule',
      message: `no rule before that of VRFs (${VRF_PRIORITY}) leads from VRF ${vrf.name} to what OVN-Kubernetes masquerades with: replies to node ports and host endpoints are lost`,
      hint: rule(`${masqueradeDefault[family]}, the masquerade network`),
    };
}

function* passageLacking(vrf: VrfFacts, family: Family): Generator<Lack> {
  const any = family === 4 ? '0.0.0.0/0' : '::/0';
  if (!vrf.ways.has(family))
    yield {
      what: 'wayOut',
      message: `VRF ${vrf.name} has no IPv${family} route out: replies to clients behind its routers have no way`,
      hint: `a route to ${any} in the table of the VRF, or routes learned from its peers`,
    };
  for (const { name, rpFilter, forwarding } of vrf.interfaces) {
    if (family === 4 && rpFilter === 1)
      yield {
        what: 'rpFilter',
        interface: name,
        message: `rp_filter of ${name} is strict: what comes in by VRF ${vrf.name} from elsewhere than the main table says is dropped`,
        hint: `net.ipv4.conf.${name}.rp_filter = 2, and net.ipv4.conf.all.rp_filter not 1`,
      };
    if (forwarding !== undefined && !forwarding.has(family))
      yield {
        what: 'forwarding',
        interface: name,
        message: `${name} in VRF ${vrf.name} does not forward IPv${family}: requests do not reach endpoints`,
        hint: `net.ipv${family}.conf.${name}.forwarding = 1`,
      };
  }
}
