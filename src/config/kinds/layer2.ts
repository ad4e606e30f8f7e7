/** group metallb.io: L2Advertisement. */
import { z } from 'zod';
import { patternEntry } from '../../lib/cover.ts';
import { annotationPath, readAnnotations, words } from '../annotation.ts';
import { isDeviceName } from '../device.ts';
import { defineKind, type Kind } from '../kind.ts';
import type { Meta } from '../model.ts';
import type { Findings } from '../problem.ts';
import { documentSchema, int } from '../schema.ts';
import { readNodeSelectors, readSelector, readSelectors, selectorSchema } from '../selector.ts';
import { metallb } from './metallb.ts';

const selectors = () => z.array(selectorSchema()).optional();

const schema = () =>
  documentSchema({
    spec: z
      .object({
        ipAddressPools: z
          .array(z.string())
          .optional()
          .describe('Pools to announce, by name. Default all, unless selectors are given.'),
        ipAddressPoolSelectors: selectors().describe('Pools to announce, by label; added to those given by name.'),
        nodeSelectors: selectors().describe('Nodes that may announce; any may match. Default all.'),
        nodeSelector: z.unknown().optional(),
        interfaces: z
          .array(z.string().min(1, 'the name is empty'))
          .optional()
          .describe('Interfaces that answer, by their exact names. Default all.'),
        serviceSelectors: selectors().describe('Services to announce, by label; any may match. Default all.'),
        preferredNodeSelectors: z
          .array(
            z.object({
              weight: int(1, 100).describe('Weight, 1..100, that the nodes selected are given.'),
              preference: selectorSchema().describe('Nodes that had better announce, by label.'),
            }),
          )
          .optional()
          .describe('Nodes to prefer: of those that may announce, the one with the highest sum of weights does.'),
      })
      .optional(),
  });

const annotations = {
  interfaces: words(
    'a regular expression',
    'Interfaces that answer, by a pattern that their names match anywhere, beside those under interfaces.',
  ),
} as const;

/** What is matched anywhere in names, as MetalLB's patterns of names to leave out are. */
function readPattern(meta: Meta, findings: Findings): readonly string[] {
  const { interfaces: pattern } = readAnnotations(annotations, meta.annotations, findings);
  if (pattern === undefined) return [];
  try {
    new RegExp(pattern);
    if (pattern !== '') return [patternEntry(pattern)];
    findings.error(annotationPath('interfaces'), 'is empty: it would match every interface', 'leave it out');
  } catch {
    findings.error(annotationPath('interfaces'), `not a regular expression: ${JSON.stringify(pattern)}`);
  }
  return [];
}

const advertisement = defineKind({
  kind: 'L2Advertisement',
  apiVersion: 'metallb.io/v1beta1',
  ...metallb,
  summary: 'How the addresses of pools are announced on the links of the nodes, by ARP and neighbour discovery.',
  own: { annotations },
  schema,
  read({ spec = {} }, meta, findings) {
    const at = (field: string) => ['spec', field];
    findings.duplicates(at('ipAddressPools'), spec.ipAddressPools ?? [], 'ipAddressPools');
    findings.duplicates(at('interfaces'), spec.interfaces ?? [], 'interfaces');
    for (const [i, name] of (spec.interfaces ?? []).entries())
      if (!isDeviceName(name) || /[*?^$|()[\]\\]/.test(name))
        findings.warn(
          [...at('interfaces'), i],
          `no interface is called ${JSON.stringify(name)}`,
          'names are exact, up to 15 characters; the annotation waypost.dev/interfaces has a pattern',
        );
    return {
      type: 'layer2',
      value: {
        ...meta,
        poolNames: spec.ipAddressPools ?? [],
        poolSelectors: readSelectors(spec.ipAddressPoolSelectors, at('ipAddressPoolSelectors'), findings),
        nodeSelectors: readNodeSelectors(spec, findings),
        serviceSelectors: readSelectors(spec.serviceSelectors, at('serviceSelectors'), findings),
        interfaces: [...(spec.interfaces ?? []), ...readPattern(meta, findings)],
        preferences: (spec.preferredNodeSelectors ?? []).map(({ weight, preference }, i) => ({
          weight,
          selector: readSelector(preference, [...at('preferredNodeSelectors'), i, 'preference'], findings),
        })),
      },
    };
  },
});

export const kinds: readonly Kind[] = [advertisement];
