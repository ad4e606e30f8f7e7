/** How the speakers of a cluster know of each other. */
import { z } from 'zod';
import { type Address, formatAddress, isLinkLocal, parseAddress } from '../lib/address.ts';
import type { BfdSettings } from './bfd.ts';
import type { Node } from './model.ts';
import type { Findings } from './problem.ts';
import type { Output } from './schema.ts';
import type { Membership } from './speaker.ts';

/** Another member of the cluster, and how it is found out that it is alive. */
export interface MemberPath {
  /** The node's name. */
  readonly name: string;
  readonly address: Address;
  /** This node's own, of the same family; absent where no document tells it: the kernel chooses. */
  readonly source?: Address;
  readonly settings: BfdSettings;
}

/** What is heard of the members, where BFD watches them. */
export interface Hearing {
  /** Members that should be heard of and are not; empty while this node stands aside, and cannot know. */
  readonly silent: ReadonlySet<string>;
  /** This node takes nothing over: it has yet to hear of the others, or has taken its leave of them. */
  readonly aside: boolean;
}

export const membershipDefaults: Membership = { type: 'static', nodes: [], addresses: new Map() };

export const membershipSchema = () =>
  z.object({
    type: z
      .enum(['static', 'bfd', 'etcd', 'kubernetes'])
      .optional()
      .describe(
        'How speakers know that another one is alive. static, the default: all that are listed are. bfd: those that answer BFD. The others are not supported yet.',
      ),
    nodes: z
      .array(z.string().min(1, 'the name is empty'))
      .optional()
      .describe(
        'Names of the nodes that have a speaker, this one among them. Default empty: this node, and every one with a Node document or an entry in addresses.',
      ),
    addresses: z
      .record(z.string(), z.string())
      .optional()
      .describe(
        'With type bfd, by name of the node: the IP address at which its speaker is reached. Default: that of its Node document, InternalIP first.',
      ),
    bfdProfile: z
      .string()
      .min(1, 'the name is empty')
      .optional()
      .describe('With type bfd: which BFDProfile says how the speakers watch each other. Default: 3 packets, 300 ms.'),
  });

const path = ['spec', 'membership'] as const;

/** Names of all that have a speaker, as far as documents tell. */
export function memberNames(
  { name, membership: { nodes, addresses } }: { readonly name: string; readonly membership: Membership },
  documents: ReadonlyMap<string, Node>,
): string[] {
  return nodes.length > 0 ? [...nodes] : [...new Set([name, ...documents.keys(), ...addresses.keys()])];
}

export function readMembership(raw: Output<typeof membershipSchema>, findings: Findings): Membership {
  const { type = membershipDefaults.type, nodes = membershipDefaults.nodes, bfdProfile } = raw;
  if (type === 'etcd' || type === 'kubernetes')
    findings.error([...path, 'type'], 'not supported yet', 'static and bfd are');
  findings.duplicates([...path, 'nodes'], nodes, 'node');
  if (type === 'static')
    for (const field of ['addresses', 'bfdProfile'] as const)
      if (raw[field] !== undefined)
        findings.errorKey([...path, field], 'has no effect without BFD', 'add type: bfd, or leave it out');
  return {
    type: type === 'bfd' ? 'bfd' : 'static',
    nodes,
    addresses: readAddresses(raw, findings),
    ...(bfdProfile !== undefined && { bfdProfile }),
  };
}

function readAddresses({ addresses = {}, nodes = [] }: Output<typeof membershipSchema>, findings: Findings) {
  const read = new Map<string, Address>();
  const names = new Map<string, string>();
  for (const [name, text] of Object.entries(addresses)) {
    const at = [...path, 'addresses', name];
    const address = parseAddress(text);
    if (address === undefined) {
      findings.error(at, `not an IP address: ${JSON.stringify(text)}`);
      continue;
    }
    if (isLinkLocal(address))
      findings.error(at, `link-local address ${JSON.stringify(text)}`, 'one that does not depend on a link');
    const other = names.get(formatAddress(address));
    if (other !== undefined) findings.error(at, `node ${JSON.stringify(other)} has the same address`);
    if (nodes.length > 0 && !nodes.includes(name))
      findings.errorKey(at, `node ${JSON.stringify(name)} is not in nodes`, 'add it there, or leave nodes out');
    names.set(formatAddress(address), name);
    read.set(name, address);
  }
  return read;
}
