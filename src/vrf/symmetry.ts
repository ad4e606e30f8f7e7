/**
 * Whether requests and replies of a Service use the same way, and where they part: two legs compared, with what would
 * have to change. Pure; the legs are the kernel's answers.
 */
import type { Leg } from './leg.ts';

/** Where packets of a client come in. */
export interface Entry {
  readonly interface: string;
  readonly vrf: string | null;
  /** What brings them there: `peer red`, `layer 2`. */
  readonly by: string;
}

/** What of an interface keeps packets from passing. */
export interface Sysctls {
  /** net.ipv4.conf.*.rp_filter, the stricter of that of the interface and of all: 0 off, 1 strict, 2 loose. */
  readonly rpFilter: number;
  readonly forwarding: boolean;
}

export interface Turn {
  readonly where: 'request' | 'reply';
  readonly text: string;
  readonly remedy: string;
}

export interface Ways {
  readonly entry: Entry;
  readonly request: Leg;
  /** The way on which the node itself reaches what serves; what serves is local where it has no interface. */
  readonly own: Leg;
  readonly reply: Leg;
  readonly sysctls?: Sysctls;
  /** Number or name of the VRF's table, for remedies. */
  readonly table?: number;
  /** Whether an EgressService sends what serves by a network. */
  readonly egress: boolean;
}

/** @returns undefined when both use the same interface, or interfaces of one VRF */
export function turnOf(ways: Ways): Turn | undefined {
  return turnOfRequest(ways) ?? turnOfReply(ways);
}

function turnOfRequest({ entry, request, own, sysctls }: Ways): Turn | undefined {
  const here = `the request that comes in by ${placeOf(entry)}`;
  const target = request.to;
  if (request.error !== null) {
    const strict = request.error === 'EXDEV' || (request.error === 'EINVAL' && sysctls?.rpFilter === 1);
    if (strict)
      return {
        where: 'request',
        text: `${here} is dropped: the way back to ${request.from} is another, and rp_filter of ${entry.interface} is strict`,
        remedy: `net.ipv4.conf.${entry.interface}.rp_filter = 2 (or 0), and for all`,
      };
    if (sysctls?.forwarding === false && !own.local)
      return {
        where: 'request',
        text: `${here} is dropped: ${entry.interface} does not forward`,
        remedy: `set forwarding of ${entry.interface} to 1`,
      };
    return {
      where: 'request',
      text: `${here} finds no way to ${target}: ${request.error}${ruleOf(request)}`,
      remedy: toMain(entry, target),
    };
  }
  if (own.local !== request.local || own.output !== request.output)
    return {
      where: 'request',
      text: `${here} goes to ${target} by ${exitOf(request)}, where the node itself reaches it by ${exitOf(own)}${ruleOf(request)}`,
      remedy: toMain(entry, target),
    };
  return undefined;
}

function turnOfReply({ entry, reply, table, egress }: Ways): Turn | undefined {
  const here = `the reply from ${reply.from}`;
  const lost = reply.error !== null;
  const same = reply.output === entry.interface || (entry.vrf !== null && reply.outputVrf === entry.vrf);
  if (!lost && same) return undefined;
  const text = lost
    ? `${here} finds no way to ${reply.to}: ${reply.error}${ruleOf(reply)}`
    : `${here} leaves by ${exitOf(reply)}, and requests come in by ${placeOf(entry)}${ruleOf(reply)}`;
  // Nothing is wrong with the rules where the right table was asked, and had no route.
  if (table !== undefined && reply.passed.some((rule) => rule.table === table))
    return { where: 'reply', text, remedy: `a route to ${reply.to}, or a default route, in table ${table}` };
  const network = entry.vrf ?? (table === undefined ? undefined : String(table));
  const rule = `a rule before ${reply.decided?.priority ?? 32766}: from ${reply.from} lookup ${table ?? 'the table of that network'}`;
  const remedy =
    network === undefined || egress
      ? `a route to ${reply.to} by ${entry.interface}, or ${rule}`
      : `an EgressService with network ${JSON.stringify(network)}, or ${rule}`;
  return { where: 'reply', text, remedy };
}

const toMain = ({ vrf }: Entry, target: string): string =>
  vrf === null
    ? `a rule that leads to the route: to ${target} lookup main`
    : `a rule before that of VRFs (1000), as for the service, the cluster and the masquerade network: priority 998, to the network of ${target}, lookup main`;

const placeOf = ({ interface: name, vrf }: Entry): string => (vrf === null ? name : `${name} (VRF ${vrf})`);

function exitOf({ local, output, outputVrf, gateway }: Leg): string {
  if (local) return 'the node itself';
  const via = gateway === null ? '' : ` via ${gateway}`;
  return `${output ?? 'nowhere'}${via}${outputVrf === null ? '' : ` (VRF ${outputVrf})`}`;
}

/** What decided. */
const ruleOf = ({ decided, table, passed }: Leg): string => {
  if (decided !== null) return `: rule ${decided.priority} (${decided.text})`;
  const last = passed.at(-1);
  if (table !== null) return `: table ${table}`;
  return last === undefined ? '' : `: the last rule asked is ${last.priority} (${last.text})`;
};
