/** How the speakers of a cluster know of each other. */
import { z } from 'zod';
import type { Findings } from './problem.ts';
import type { Output } from './schema.ts';
import type { Membership } from './speaker.ts';

export const membershipDefaults: Membership = { type: 'static', nodes: [] };

export const membershipSchema = () =>
  z.object({
    type: z
      .enum(['static', 'etcd', 'kubernetes'])
      .optional()
      .describe(
        'How speakers know of each other. Default static: by the list of nodes. The others are not supported yet.',
      ),
    nodes: z
      .array(z.string().min(1, 'the name is empty'))
      .optional()
      .describe(
        'Names of the nodes that have a speaker, this one among them. Default empty: this node, and every one with a Node document.',
      ),
  });

export function readMembership(raw: Output<typeof membershipSchema>, findings: Findings): Membership {
  const { type = membershipDefaults.type, nodes = membershipDefaults.nodes } = raw;
  if (type !== 'static') findings.error(['spec', 'membership', 'type'], 'not supported yet', 'static is');
  findings.duplicates(['spec', 'membership', 'nodes'], nodes, 'node');
  return { type: 'static', nodes };
}
