/** Two ConfigMaps of MetalLB: metallb-excludel2 and bgpextras. No other ConfigMap is read. */
import { parse } from 'yaml';
import { z } from 'zod';
import { type ExtraPolicy, readExtras } from '../extras.ts';
import { defineKind, type Kind } from '../kind.ts';
import type { Findings } from '../problem.ts';
import { anything, check, documentSchema } from '../schema.ts';
import { metallb } from './metallb.ts';

const NAME = 'metallb-excludel2';
const KEY = 'excludel2.yaml';
const EXTRAS = 'bgpextras';

/** Without that ConfigMap: what MetalLB's own has. */
export const defaultExcluded: readonly string[] = [
  '^docker.*',
  '^cbr.*',
  '^dummy.*',
  '^virbr.*',
  '^lxcbr.*',
  '^veth.*',
  '^lo$',
  '^cali.*',
  '^tunl.*',
  '^flannel.*',
  '^kube-ipvs.*',
  '^cni.*',
  '^nodelocaldns.*',
  '^lxc.*',
];

const content = () =>
  z.object({
    announcedInterfacesToExclude: z.array(z.string()).optional(),
  });

const configMap = defineKind({
  kind: 'ConfigMap',
  apiVersion: 'v1',
  // Read for MetalLB's sake only: one that names no namespace is meant to be there.
  namespace: metallb.namespace,
  global: false,
  summary: `Interfaces that answer nothing on layer 2, in the one that is named ${NAME}; routes that peers may send, in ${EXTRAS}.`,
  schema: () =>
    documentSchema({
      data: z
        .record(z.string(), z.string())
        .optional()
        .describe(
          `${KEY}: YAML whose announcedInterfacesToExclude is a list of regular expressions. extras: prefix-lists and route-maps in FRR's words.`,
        ),
      binaryData: anything(),
      immutable: anything(),
    }),
  read({ data = {} }, meta, findings) {
    if (meta.name !== NAME && meta.name !== EXTRAS)
      findings.warn(['metadata', 'name'], `only ${NAME} and ${EXTRAS} are read of this kind: ignored`);
    else if (meta.namespace !== metallb.namespace)
      findings.warn(['metadata', 'namespace'], `only the one in ${metallb.namespace} counts: ignored`);
    else if (meta.name === EXTRAS)
      return { type: 'extras', value: { ...meta, policies: readPolicies(data, findings) } };
    else return { type: 'excluded', value: { patterns: readPatterns(data, findings) } };
    return undefined;
  },
});

function readPolicies({ extras }: Readonly<Record<string, string>>, findings: Findings): readonly ExtraPolicy[] {
  if (extras === undefined) findings.error(['data'], 'the key extras is missing');
  return readExtras(extras ?? '', ['data', 'extras'], findings);
}

function readPatterns(data: Readonly<Record<string, string>>, findings: Findings): readonly string[] {
  const text = data[KEY];
  if (text === undefined) {
    findings.error(['data'], `the key ${KEY} is missing`);
    return [];
  }
  const path = ['data', KEY];
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    findings.error(path, `not YAML: ${(error as Error).message.split('\n')[0]}`);
    return [];
  }
  const patterns = check(content(), value, path, findings)?.announcedInterfacesToExclude ?? [];
  for (const pattern of patterns) {
    try {
      new RegExp(pattern);
    } catch {
      findings.error(path, `not a regular expression: ${JSON.stringify(pattern)}`);
    }
  }
  return patterns;
}

export const kinds: readonly Kind[] = [configMap];
