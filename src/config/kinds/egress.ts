/** group k8s.ovn.org: EgressService. */
import { z } from 'zod';
import { defineKind, type Kind } from '../kind.ts';
import { documentSchema } from '../schema.ts';
import { readSelector, selectorSchema } from '../selector.ts';

const schema = () =>
  documentSchema({
    spec: z
      .object({
        sourceIPBy: z
          .enum(['LoadBalancerIP', 'Network'])
          .optional()
          .describe(
            "LoadBalancerIP: one node carries the Service, and what its endpoints send leaves with the Service's address. Network: every node sends what its own endpoints send by the network. Default LoadBalancerIP.",
          ),
        nodeSelector: selectorSchema().optional().describe('Nodes that may carry the Service, by label. Default all.'),
        network: z
          .string()
          .optional()
          .describe('Routing table to leave by: its number, its name, or the name of a VRF. Default the main table.'),
      })
      .optional(),
    status: z
      .looseObject({
        host: z
          .string()
          .optional()
          .describe('The node that carries the Service, where it is chosen already; empty for none.'),
      })
      .optional(),
  });

const egress = defineKind({
  kind: 'EgressService',
  apiVersion: 'k8s.ovn.org/v1',
  namespace: 'default',
  global: false,
  summary: 'How what the endpoints of the Service of the same name send leaves the node.',
  schema,
  read({ spec = {}, status }, meta, findings) {
    if (spec.sourceIPBy === undefined)
      findings.warn(['spec', 'sourceIPBy'], 'is not given: read as LoadBalancerIP', 'write LoadBalancerIP or Network');
    const sourceIpBy = spec.sourceIPBy ?? 'LoadBalancerIP';
    const nodeSelector = readSelector(spec.nodeSelector ?? {}, ['spec', 'nodeSelector'], findings);
    if (sourceIpBy === 'Network' && nodeSelector.requirements.length > 0)
      findings.warn(
        ['spec', 'nodeSelector'],
        'has no effect: with sourceIPBy Network every node carries its own endpoints',
        'restrict the nodes on which the workload runs',
      );
    const network = spec.network ?? '';
    if (/^\d+$/.test(network) && !(Number(network) >= 1 && Number(network) <= 0xffff_ffff))
      findings.error(['spec', 'network'], `no table has the number ${network}`, '1..4294967295');
    if (network === '' && sourceIpBy === 'Network')
      findings.warn(['spec'], 'has no effect: neither a network nor an address is asked for', 'name the network');
    return {
      type: 'egress',
      value: {
        ...meta,
        sourceIpBy,
        nodeSelector,
        network,
        ...(status?.host !== undefined && { statusHost: status.host }),
      },
    };
  },
});

export const kinds: readonly Kind[] = [egress];
