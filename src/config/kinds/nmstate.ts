/** group nmstate.io: NodeNetworkConfigurationPolicy. */
import { z } from 'zod';
import { type AnnotationTable, readAnnotations, words } from '../annotation.ts';
import { interfaceSchema, readInterfaces } from '../desired.ts';
import { defineKind, type Kind } from '../kind.ts';
import { isRecord } from '../parse.ts';
import { readRoutes, readRules, routeSchema, ruleSchema } from '../routing.ts';
import { anything, documentSchema } from '../schema.ts';
import { selectorsIn } from '../selector.ts';
import { refuse } from '../value.ts';

const annotations = {
  probe: words('a shell command', "A command that must succeed before the policy's changes are kept."),
} satisfies AnnotationTable;

/** What a desired state may hold besides, and which is refused. */
const refused = ['dns-resolver', 'hostname', 'ovs-db', 'ovn', 'capture'] as const;

const schema = () =>
  documentSchema({
    spec: z.object(
      {
        nodeSelector: z
          .record(z.string(), z.unknown())
          .optional()
          .describe('Labels that a node must have, with these values; not a label selector. Default all nodes.'),
        capture: anything(),
        maxUnavailable: anything(),
        desiredState: z
          .strictObject({
            interfaces: z
              .array(interfaceSchema())
              .optional()
              .describe('Interfaces that should exist, and their settings.'),
            routes: z
              .strictObject({
                config: z.array(routeSchema()).optional().describe('Static routes.'),
                // What is there, as nmstate tells it.
                running: anything(),
              })
              .optional()
              .describe('Routes.'),
            'route-rules': z
              .strictObject({
                config: z.array(ruleSchema()).optional().describe('Rules that choose the routing table.'),
              })
              .optional()
              .describe('Policy rules.'),
            description: anything(),
            ...Object.fromEntries(refused.map((name) => [name, anything()])),
          })
          .optional()
          .describe('The network that the nodes should have.'),
      },
      { error: ({ input }) => (input === undefined ? 'is missing' : undefined) },
    ),
  });

const policy = defineKind({
  kind: 'NodeNetworkConfigurationPolicy',
  apiVersion: 'nmstate.io/v1',
  namespace: '',
  global: false,
  summary: "Interfaces, addresses, routes and policy rules of nodes, in nmstate's words.",
  schema,
  own: { annotations },
  nodesOf: ({ spec }) =>
    isRecord(spec) && isRecord(spec.nodeSelector) ? selectorsIn([{ matchLabels: spec.nodeSelector }]) : undefined,
  read({ spec }, meta, findings) {
    const path = ['spec', 'desiredState'];
    const { interfaces = [], routes, 'route-rules': rules, ...rest } = spec.desiredState ?? {};
    if (spec.capture !== undefined) findings.error(['spec', 'capture'], 'is not supported: write the state out');
    refuse(rest, refused, path, findings);
    const nodeSelector: Record<string, string> = {};
    for (const [label, value] of Object.entries(spec.nodeSelector ?? {})) {
      if (typeof value === 'string') nodeSelector[label] = value;
      else if (label === 'matchLabels' || label === 'matchExpressions')
        findings.error(
          ['spec', 'nodeSelector', label],
          'is no part of this nodeSelector, which is no label selector',
          'write the labels below nodeSelector themselves',
        );
      else findings.error(['spec', 'nodeSelector', label], 'expected a string', 'put it in quotes');
    }
    const read = readInterfaces(interfaces, [...path, 'interfaces'], findings);
    const tables = new Map(read.map(({ name, table }) => [name, table]));
    const { present, absent } = readRoutes(
      routes?.config ?? [],
      [...path, 'routes', 'config'],
      (vrf) => tables.get(vrf),
      findings,
    );
    const ruled = readRules(rules?.config ?? [], [...path, 'route-rules', 'config'], findings);
    return {
      type: 'network',
      value: {
        ...meta,
        nodeSelector,
        interfaces: read,
        routes: present,
        absentRoutes: absent,
        rules: ruled.present,
        absentRules: ruled.absent,
        ...readAnnotations(annotations, meta.annotations, findings),
      },
    };
  },
});

export const kinds: readonly Kind[] = [policy, { ...policy, apiVersion: 'nmstate.io/v1beta1' }];
