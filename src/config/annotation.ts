/**
 * Annotations and labels of our own, `waypost.dev/NAME`: what other projects' documents have no field for. Their
 * projects ignore them. docs/annotations.md is the manual.
 */
import { parseDuration } from './duration.ts';
import type { Labels } from './model.ts';
import { didYouMean, nearest } from './nearest.ts';
import type { Findings, Path } from './problem.ts';
import { durationHint } from './timers.ts';

const group = 'waypost.dev/';

/** How the text of one annotation is understood. */
export interface Annotation<Value> {
  /** What may stand there, for messages and the manual. */
  readonly expects: string;
  readonly summary: string;
  /** @returns undefined when the text is not what is expected */
  read(text: string): Value | undefined;
  /** What else to say to somebody who wrote this instead. */
  hint?(text: string): string | undefined;
}

/** Annotations of a kind, by what follows `waypost.dev/`. */
export type AnnotationTable = Readonly<Record<string, Annotation<unknown>>>;
type Values<Table> = { readonly [Name in keyof Table]?: Table[Name] extends Annotation<infer Value> ? Value : never };

export const flag = (summary: string): Annotation<boolean> => ({
  expects: '"true" or "false"',
  summary,
  read: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
});

/** A whole number, both ends included. */
export const whole = (min: number, max: number, summary: string): Annotation<number> => ({
  expects: `a whole number in ${min}..${max}`,
  summary,
  read: (text) =>
    /^(?:0|[1-9]\d{0,9})$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined,
});

/** A duration, in seconds, both ends included. */
export const seconds = (min: number, max: number, summary: string): Annotation<number> => ({
  expects: `a duration of whole seconds, ${min}s to ${max}s`,
  summary,
  read(text) {
    const value = (parseDuration(text) ?? Number.NaN) / 1000;
    return Number.isInteger(value) && value >= min && value <= max ? value : undefined;
  },
  hint: (text) => (parseDuration(text) === undefined ? durationHint(text) : undefined),
});

/** A word, and what it means. */
export const choice = <const Value>(words: Readonly<Record<string, Value>>, summary: string): Annotation<Value> => ({
  expects: Object.keys(words)
    .map((word) => JSON.stringify(word))
    .join(' or '),
  summary,
  read: (text) => (Object.hasOwn(words, text) ? words[text] : undefined),
  hint: (text) => didYouMean(text, Object.keys(words)),
});

/** Text, read elsewhere. */
export const words = (expects: string, summary: string): Annotation<string> => ({
  expects,
  summary,
  read: (text) => text,
});

export const annotationPath = (name: string): Path => ['metadata', 'annotations', group + name];
export const labelPath = (name: string): Path => ['metadata', 'labels', group + name];

/** The values of those annotations of a document that the table has; an absent or a bad one has none. */
export function readAnnotations<Table extends AnnotationTable>(
  table: Table,
  annotations: Labels,
  findings: Findings,
): Values<Table> {
  const values: Record<string, unknown> = {};
  for (const [name, annotation] of Object.entries(table)) {
    const text = annotations[group + name];
    if (typeof text !== 'string') continue;
    const value = annotation.read(text);
    if (value !== undefined) values[name] = value;
    else
      findings.error(
        annotationPath(name),
        `expected ${annotation.expects}, found ${JSON.stringify(text)}`,
        annotation.hint?.(text),
      );
  }
  return values as Values<Table>;
}

/** The label that drains a node, whatever its value. */
export const drainLabel = `${group}drain`;
/** Labels of Services, `waypost.dev/community.NAME`. */
const communityLabel = 'community.';

/** What a kind knows of ours. */
export interface Own {
  readonly annotations?: AnnotationTable | undefined;
  /** Names of labels; one that ends with a dot stands for all that begin with it. */
  readonly labels?: readonly string[] | undefined;
}
export const nodeLabels = ['drain'];
export const serviceLabels = [communityLabel];

/** Name and value of each `waypost.dev/community.NAME`, in order. */
export function* communityLabels(labels: Labels): Generator<readonly [name: string, value: string]> {
  for (const key in labels) {
    const name = key.startsWith(group) ? key.slice(group.length) : '';
    if (isAmong(serviceLabels, name)) yield [name, labels[key]!] as const;
  }
}

/** Warns of what is ours by its prefix and known to nobody. */
export function warnUnknown(own: Own, metadata: { annotations: Labels; labels: Labels }, findings: Findings): void {
  const annotations = Object.keys(own.annotations ?? {});
  const labels = own.labels ?? [];
  warnNames(metadata.annotations, ['metadata', 'annotations'], 'annotation', annotations, 'label', labels, findings);
  warnLabels(metadata.labels, ['metadata', 'labels'], own, findings);
}

/** The same for labels wherever they stand. */
export function warnLabels(names: Labels, path: Path, own: Own, findings: Findings): void {
  const annotations = Object.keys(own.annotations ?? {});
  warnNames(names, path, 'label', own.labels ?? [], 'annotation', annotations, findings);
}

function warnNames(
  names: Labels,
  path: Path,
  what: string,
  known: readonly string[],
  other: string,
  knownThere: readonly string[],
  findings: Findings,
): void {
  for (const key in names) {
    if (!key.startsWith(group)) continue;
    const name = key.slice(group.length);
    if (isAmong(known, name)) continue;
    const best = nearest(
      name,
      known.map((n) => (n.endsWith('.') ? `${n}NAME` : n)),
    );
    const meant = best === undefined ? undefined : `did you mean "${group}${best}"?`;
    const hint = isAmong(knownThere, name) ? `it is ${other === 'label' ? 'a label' : 'an annotation'}` : meant;
    findings.warnKey([...path, key], `unknown ${what}: ignored`, hint);
  }
}

const isAmong = (known: readonly string[], name: string): boolean =>
  known.some((n) => (n.endsWith('.') ? name.startsWith(n) && name.length > n.length : n === name));
