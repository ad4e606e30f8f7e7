/** The ConfigMap metallb-excludel2: interfaces that answer nothing on layer 2. No other ConfigMap is read. */
import { parse } from 'yaml';
import { z } from 'zod';
import { defineKind, type Kind } from '../kind.ts';
import type { Findings } from '../problem.ts';
import { anything, check, documentSchema } from '../schema.ts';
import { metallb } from './metallb.ts';

const NAME = 'metallb-excludel2';
const KEY = 'excludel2.yaml';

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

const content = z.object({
  announcedInterfacesToExclude: z.array(z.string()).optional(),
});

const configMap = defineKind({
  kind: 'ConfigMap',
  apiVersion: 'v1',
  // Read for the sake of layer 2 only: one that names no namespace is meant to be MetalLB's.
  namespace: metallb.namespace,
  global: false,
  summary: `Interfaces that answer nothing on layer 2, in the one that is named ${NAME}.`,
  schema: documentSchema({
    data: z
      .record(z.string(), z.string())
      .optional()
      .describe(`${KEY}: YAML whose announcedInterfacesToExclude is a list of regular expressions.`),
    binaryData: anything(),
    immutable: anything(),
  }),
  read({ data = {} }, meta, findings) {
    if (meta.name === 'bgpextras') findings.warn(['metadata', 'name'], 'text for FRR is not supported: ignored');
    else if (meta.name !== NAME) findings.warn(['metadata', 'name'], `only ${NAME} is read of this kind: ignored`);
    else if (meta.namespace !== metallb.namespace)
      findings.warn(['metadata', 'namespace'], `only the one in ${metallb.namespace} counts: ignored`);
    else return { type: 'excluded', value: { patterns: readPatterns(data, findings) } };
    return undefined;
  },
});

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
  const patterns = check(content, value, path, findings)?.announcedInterfacesToExclude ?? [];
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
