/** Two ConfigMaps of MetalLB: metallb-excludel2 and bgpextras. No other ConfigMap is read. */
import { type Document, isNode, LineCounter } from 'yaml';
import { z } from 'zod';
import { type ExtraPolicy, readExtras } from '../extras.ts';
import { defineKind, type Kind } from '../kind.ts';
import type { Meta } from '../model.ts';
import { parseTree } from '../parse.ts';
import { Findings, formatPath, type Path } from '../problem.ts';
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
      findings.warnOnce(
        ['metadata', 'name'],
        `only ${NAME} and ${EXTRAS} are read of this kind: ignored`,
        isOld(meta)
          ? 'IPAddressPool, BGPPeer and advertisements take the place of this: MetalLB reads it no more'
          : undefined,
      );
    else if (meta.namespace !== metallb.namespace)
      findings.warn(['metadata', 'namespace'], `only the one in ${metallb.namespace} counts: ignored`);
    else if (meta.name === EXTRAS)
      return { type: 'extras', value: { ...meta, policies: readPolicies(data, findings) } };
    else return { type: 'excluded', value: { patterns: readPatterns(data, findings) } };
    return undefined;
  },
});

/** Where everything was said before MetalLB 0.13. */
const isOld = ({ name, namespace }: Meta): boolean => name === 'config' && namespace === metallb.namespace;

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
  const lines = new LineCounter();
  const tree = parseTree(text, lines);
  const [bad] = tree.errors;
  if (bad !== undefined) {
    findings.error([...path, lines.linePos(bad.pos[0]).line - 1], `not YAML: ${bad.message}`);
    return [];
  }
  const inner = new Findings();
  const patterns = check(content(), plainOf(tree), [], inner)?.announcedInterfacesToExclude ?? [];
  for (const [i, pattern] of patterns.entries()) {
    try {
      new RegExp(pattern);
    } catch {
      const hint = pattern.startsWith('(?') ? 'flags are not known here: write [eE] for either case' : undefined;
      inner.error(['announcedInterfacesToExclude', i], `not a regular expression: ${JSON.stringify(pattern)}`, hint);
    }
  }
  // Where it stands in the text is a line of the block that the text is.
  for (const { severity, path: at, message, hint } of inner.problems) {
    const offset = startIn(tree, at);
    const place = offset === undefined ? path : [...path, lines.linePos(offset).line - 1];
    const said = at.length === 0 ? message : `${formatPath(at)}: ${message}`;
    if (severity === 'error') findings.error(place, said, hint);
    else findings.warn(place, said, hint);
  }
  return patterns;
}

/** Undefined where an alias leads nowhere, or to too much. */
function plainOf(tree: Document.Parsed): unknown {
  try {
    return tree.toJS();
  } catch {
    return undefined;
  }
}

/** Where a value in the text starts, or the nearest mapping around it that is there. */
function startIn(tree: Document.Parsed, path: Path): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node: unknown = tree.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return tree.contents?.range?.[0];
}

export const kinds: readonly Kind[] = [configMap];
