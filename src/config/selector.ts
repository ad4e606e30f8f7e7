/** metav1.LabelSelector: its schema, its reading, and whether it selects a set of labels. */
import { z } from 'zod';
import type { Labels, Selector } from './model.ts';
import { isRecord } from './parse.ts';
import { Findings, type Path } from './problem.ts';
import { check, lazily, type Output } from './schema.ts';

export const selectorSchema = lazily(() =>
  z
    .object({
      matchLabels: z
        .record(z.string(), z.string())
        .optional()
        .describe('Labels that must all be present with these values.'),
      matchExpressions: z
        .array(
          z.object({
            key: z.string().describe('Label the expression is about.'),
            operator: z
              .enum(['In', 'NotIn', 'Exists', 'DoesNotExist'])
              .describe('How the label relates to the values.'),
            values: z.array(z.string()).optional().describe('Values for In and NotIn, at least one; none otherwise.'),
          }),
        )
        .optional()
        .describe('Expressions that must all hold.'),
    })
    .describe('A label selector: all requirements must hold; {} selects everything.'),
);

export type RawSelector = Output<typeof selectorSchema>;

/** Folds matchLabels into requirements. */
export function readSelector(raw: RawSelector, path: Path, findings: Findings): Selector {
  const requirements: Selector['requirements'][number][] = [];
  for (const [key, value] of Object.entries(raw.matchLabels ?? {}))
    requirements.push({ key, operator: 'In', values: [value] });
  for (const [i, { key, operator, values = [] }] of (raw.matchExpressions ?? []).entries()) {
    const at = [...path, 'matchExpressions', i, 'values'];
    const wanted = operator === 'In' || operator === 'NotIn';
    if (wanted && values.length === 0) findings.error(at, `${operator} needs at least one value`);
    if (!wanted && values.length > 0) findings.error(at, `${operator} takes no values`);
    requirements.push({ key, operator, values });
  }
  return { requirements };
}

/** Reads a list of selectors, as MetalLB has them: two that say the same are refused, and so are values given twice. */
export function readSelectors(
  raw: readonly RawSelector[] | undefined,
  path: Path,
  findings: Findings,
): readonly Selector[] {
  const selectors = (raw ?? []).map((item, i) => readSelector(item, [...path, i], findings));
  const seen = new Set<string>();
  for (const [i, selector] of selectors.entries()) {
    for (const [j, { values = [] }] of (raw![i]!.matchExpressions ?? []).entries())
      findings.duplicates([...path, i, 'matchExpressions', j, 'values'], values, 'match expression value');
    const key = selectorKey(selector);
    if (seen.has(key)) findings.error([...path, i], 'duplicate definition of selector');
    seen.add(key);
  }
  return selectors;
}

/**
 * The nodes of an advertisement or a peer. `nodeSelector` is read where `nodeSelectors` is meant: the documentation of
 * OpenShift and OVN-Kubernetes has it, and a cluster silently drops it, so that every node advertises.
 */
export function readNodeSelectors(
  { nodeSelector, nodeSelectors }: { nodeSelector?: unknown; nodeSelectors?: readonly RawSelector[] | undefined },
  findings: Findings,
): readonly Selector[] {
  if (nodeSelector === undefined) return readSelectors(nodeSelectors, ['spec', 'nodeSelectors'], findings);
  const path = ['spec', 'nodeSelector'];
  if (nodeSelectors !== undefined)
    findings.error(path, 'nodeSelector and nodeSelectors are both given', 'keep nodeSelectors');
  const list = Array.isArray(nodeSelector) ? nodeSelector : [nodeSelector];
  const raw = check(z.array(selectorSchema()), list, path, findings);
  findings.warnKey(
    path,
    'no such field: read as nodeSelectors',
    'write nodeSelectors; a cluster ignores nodeSelector here and takes every node',
  );
  return readSelectors(raw, path, findings);
}

/** Selectors of a document that cannot be read; undefined where they cannot be either. */
export function selectorsIn(raw: unknown): readonly Selector[] | undefined {
  const findings = new Findings();
  const checked = check(z.array(selectorSchema()), raw ?? [], [], findings);
  const selectors = readSelectors(checked, [], findings);
  return findings.problems.length > 0 ? undefined : selectors;
}

/** `spec.nodeSelectors` as such selectors. */
export const nodeSelectorsIn = ({ spec }: Readonly<Record<string, unknown>>): readonly Selector[] | undefined =>
  isRecord(spec) && !('nodeSelector' in spec) ? selectorsIn(spec.nodeSelectors) : undefined;

/** `spec.nodeSelector` as one. */
export const nodeSelectorIn = ({ spec }: Readonly<Record<string, unknown>>): readonly Selector[] | undefined =>
  isRecord(spec) && spec.nodeSelector ? selectorsIn([spec.nodeSelector]) : undefined;

/** Equal for selectors that say the same in another order. */
function selectorKey({ requirements }: Selector): string {
  const parts = requirements.map(({ key, operator, values }) => JSON.stringify([key, operator, [...values].sort()]));
  return parts.sort().join('\n');
}

/** Every requirement holds for `labels`. NotIn holds when the label is absent. */
export const selects = ({ requirements }: Selector, labels: Labels): boolean =>
  requirements.every((requirement) => holds(requirement, labels));

function holds({ key, operator, values }: Selector['requirements'][number], labels: Labels): boolean {
  const present = Object.hasOwn(labels, key);
  switch (operator) {
    case 'In':
      return present && values.includes(labels[key]!);
    case 'NotIn':
      return !present || !values.includes(labels[key]!);
    case 'Exists':
      return present;
    case 'DoesNotExist':
      return !present;
  }
}

/** Any of the selectors does, or there is none: no selector restricts nothing. */
export const anySelects = (selectors: readonly Selector[], labels: Labels): boolean =>
  selectors.length === 0 || selectors.some((selector) => selects(selector, labels));
