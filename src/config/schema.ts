/**
 * From a plain value to a typed one, by zod schema: what is wrong becomes problems that say what was found and what is
 * expected, and fields that no schema knows become warnings that offer the nearest one that exists.
 */
import { z } from 'zod';
import { complaint, hintFor, isHidden, isPassword, passwordHint } from './complaint.ts';
import { didYouMean, nearest } from './nearest.ts';
import { isRecord } from './parse.ts';
import type { Findings, Path } from './problem.ts';

/**
 * Schemas are functions that build them: of all the kinds there are, most documents use a few, and to build the others
 * would take a third of the time to the first session. This one is for those that several others share.
 */
export function lazily<T>(build: () => T): () => T {
  let built: T | undefined;
  return () => (built ??= build());
}

/** What such a schema reads. */
export type Output<Schema extends () => z.ZodType> = z.output<ReturnType<Schema>>;

/** A whole number in a range, both ends included. */
export const int = (min: number, max: number) => {
  const error = `must be in ${min}..${max}`;
  return z.int().min(min, error).max(max, error);
};

/** A duration in Go syntax; `read` turns it into milliseconds. */
export const duration = () =>
  z.string({
    error: ({ input }) =>
      typeof input === 'number'
        ? `expected a duration with its unit, such as "${input}s", found the number ${input}`
        : undefined,
  });

/** true or false; `yes`, `no`, `on` and `off` too, which kubectl reads as booleans. */
export const bool = () =>
  z.preprocess((value) => (typeof value === 'string' ? (words.get(value.toLowerCase()) ?? value) : value), z.boolean());
const words = new Map<string, boolean>([
  ['yes', true],
  ['on', true],
  ['no', false],
  ['off', false],
]);

/** One of these words. An empty one counts as absent, as in fields to which Kubernetes gives their default. */
export const word = <const Words extends readonly [string, ...string[]]>(...words: Words) =>
  z.preprocess((value) => (value === '' ? undefined : value), z.enum(words).optional()).optional();

/** Whatever stands there: known, not read. */
export const anything = () => z.unknown().optional();

/** A slash would make `namespace/name` two things at once, and a line feed of a message two lines. */
const plainName = /^[^\s/\p{C}]*$/u;
const noName = 'a name has neither blanks nor slashes';

/** What a cluster keeps in metadata: known, not read. */
const kept = [
  ...['clusterName', 'creationTimestamp', 'deletionGracePeriodSeconds', 'deletionTimestamp', 'finalizers'],
  ...['generateName', 'generation', 'managedFields', 'ownerReferences', 'resourceVersion', 'selfLink', 'uid'],
];

/** metadata of every kind. */
const metadata = lazily(() =>
  z.object(
    {
      name: z
        .string({ error: ({ input }) => (input === undefined ? 'the name is missing' : undefined) })
        .min(1, 'the name is empty')
        .regex(plainName, noName),
      namespace: z.string().regex(plainName, noName).optional(),
      labels: z.record(z.string(), z.string()).optional(),
      annotations: z.record(z.string(), z.string()).optional(),
      ...Object.fromEntries(kept.map((name) => [name, anything()])),
    },
    { error: ({ input }) => (input === undefined ? 'is missing: every document needs a name' : undefined) },
  ),
);

/** The schema of a whole document of one kind, around the fields of its own. */
export const documentSchema = <Shape extends z.core.$ZodLooseShape>(shape: Shape) =>
  z.object({ apiVersion: z.string(), kind: z.string(), metadata: metadata(), status: anything(), ...shape });

/**
 * Reads `value`, which stands at `path`. Absent and null are the same, as in Kubernetes, but for the values of labels.
 * @param often zod may write code for the schema first: that takes longer than to read a few values without
 * @returns undefined when something is wrong, which is then among the findings
 */
export function check<T extends z.ZodType>(
  schema: T,
  value: unknown,
  path: Path,
  findings: Findings,
  often = false,
): z.output<T> | undefined {
  const cleaned = holdsNull(value) ? withoutNulls(schema, value, path, findings) : value;
  const result = schema.safeParse(cleaned, { error: complaint, reportInput: true, jitless: !often });
  reportUnknown(schema, cleaned, path, findings);
  if (result.success) return result.data;
  const { issues } = result.error;
  for (const issue of issues) {
    // Each was told by name.
    if (issue.code === 'unrecognized_keys') continue;
    const general = issue.message === complaint(issue);
    // A number that is beyond any range is beyond that of its field, which says more.
    if (general && issue.code === 'too_big' && issues.some((other) => other !== issue && isAt(other, issue))) continue;
    const at = [...path, ...(issue.path as (string | number)[])];
    findings.error(at, issue.message, general ? hintFor(issue, at) : undefined);
  }
  return undefined;
}

const isAt = (a: z.core.$ZodIssue, b: z.core.$ZodIssue): boolean => a.path.join() === b.path.join();

/** Whether a null stands anywhere in it. Most documents have none, and are not copied. */
function holdsNull(value: unknown): boolean {
  if (value === null) return true;
  if (Array.isArray(value)) return value.some(holdsNull);
  if (isRecord(value)) for (const key in value) if (holdsNull(value[key])) return true;
  return false;
}

/**
 * A copy without the keys whose value is null. But in a mapping from names to text, such as labels, `name:` is a name with
 * empty text, as the API server reads it in metadata. Of custom resources it drops the name: a selector then selects more
 * than its author meant, so whoever reads this is told.
 */
function withoutNulls(schema: z.core.$ZodType, value: unknown, path: Path, findings: Findings): unknown {
  const { type, element, shape } = definition(unwrap(schema));
  if (Array.isArray(value))
    return element ? value.map((item, i) => withoutNulls(element, item, [...path, i], findings)) : value;
  if (!isRecord(value) || (type !== 'record' && shape === undefined)) return value;
  const kept: [string, unknown][] = [];
  for (const [key, old] of Object.entries(value)) {
    // A template: see hintFor.
    if (old !== null || key.startsWith('{')) {
      const field = shape && Object.hasOwn(shape, key) ? shape[key] : undefined;
      kept.push([key, field ? withoutNulls(field, old, [...path, key], findings) : old]);
    } else if (type === 'record') {
      kept.push([key, '']);
      // Names in a Secret may be the end of a password with a comma in it.
      if (path[0] !== 'metadata' && !isHidden(path))
        findings.warn([...path, key], 'has no value: read as ""', 'write ""');
    } else if (isPassword(path, key)) findings.error([...path, key], 'has no value', passwordHint);
  }
  return Object.fromEntries(kept);
}

/** What of a zod schema the walks below need: its public structure, of any type. */
interface Definition {
  readonly type: string;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly catchall?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
  readonly innerType?: z.core.$ZodType;
  readonly out?: z.core.$ZodType;
}
const definition = (schema: z.core.$ZodType): Definition => schema._zod.def as Definition;

/** The schema under `optional`, `default` and `preprocess`. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  for (;;) {
    const def = definition(schema);
    const inner = def.innerType ?? def.out;
    if (inner === undefined) return schema;
    schema = inner;
  }
}

function reportUnknown(schema: z.core.$ZodType, value: unknown, path: Path, findings: Findings): void {
  if (typeof value !== 'object' || value === null) return;
  const def = definition(unwrap(schema));
  if (def.element !== undefined && Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) reportUnknown(def.element, value[i], [...path, i], findings);
  } else if (def.shape !== undefined && isRecord(value)) {
    for (const key in value) {
      const field = Object.hasOwn(def.shape, key) ? def.shape[key] : undefined;
      if (field !== undefined) {
        const inner = value[key];
        if (typeof inner === 'object' && inner !== null) reportUnknown(field, inner, [...path, key], findings);
      } else if (def.catchall === undefined) tellUnknown(def.shape, [...path, key], key, findings);
      // A strict object: what it does not know is refused.
      else if (definition(def.catchall).type === 'never')
        findings.errorKey([...path, key], 'unknown field', didYouMean(key, Object.keys(def.shape)));
    }
  }
}

/** As in a cluster, it counts as absent; but nobody means a session without the password that stands there. */
function tellUnknown(shape: NonNullable<Definition['shape']>, path: Path, key: string, findings: Findings): void {
  const best = nearest(key, Object.keys(shape));
  const hint = best === undefined ? stray(shape) : `did you mean "${best}"?`;
  if (best !== undefined && isPassword([], best)) findings.errorKey(path, 'unknown field', hint);
  else findings.warnKey(path, 'unknown field: ignored', hint);
}

/** What stands in a label selector and is unknown is most often a label. */
const stray = (shape: NonNullable<Definition['shape']>): string | undefined =>
  shape.matchLabels && 'labels belong under matchLabels: as it is, they restrict nothing';

/** One field of a kind, for the manual. */
export interface FieldDoc {
  /** `spec.addresses[]` */
  readonly path: string;
  readonly description: string;
  readonly required: boolean;
}

/** The described fields of a schema, parents before children, in the schema's order. */
export function fieldDocs(schema: z.core.$ZodType, path = ''): FieldDoc[] {
  const inner = unwrap(schema);
  const def = definition(inner);
  if (def.element !== undefined) return fieldDocs(def.element, `${path}[]`);
  return Object.entries(def.shape ?? {}).flatMap(([key, field]) => {
    const at = path === '' ? key : `${path}.${key}`;
    const description = z.globalRegistry.get(field)?.description ?? z.globalRegistry.get(unwrap(field))?.description;
    const own =
      description === undefined ? [] : [{ path: at, description, required: definition(field).type !== 'optional' }];
    return [...own, ...fieldDocs(field, at)];
  });
}
