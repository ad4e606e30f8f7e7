/** From a piece of a file to a document, or to what there is to say about it. */
import type { Document, Item, Stray } from './document.ts';
import { tooDeep } from './fault.ts';
import type { Labels, Meta } from './model.ts';
import { isRecord, type Piece } from './parse.ts';
import { type Anchor, Source } from './position.ts';
import { Findings } from './problem.ts';
import { lookup, renderIt, versionHint } from './registry.ts';

/** Reads one object. `chunk` is the text that the piece was found in, `anchor` the line on which that starts. */
export function readDocument(piece: Piece, chunk: string, file: string, anchor: Anchor): Document | Stray {
  const source = new Source(file, anchor, piece.line, piece.column, chunk.slice(piece.start, piece.end));
  const { value } = piece;
  const findings = new Findings();
  const stray = (subject = ''): Stray => ({ subject, source, problems: findings.problems });
  const whole = chunk.slice(0, piece.start).trim() === '';
  if (whole && file.endsWith('.json') && isForeign(value)) {
    findings.warn([], 'not a Kubernetes object: ignored', 'keep it elsewhere');
    return stray();
  }
  if (!isRecord(value)) {
    const hint = Array.isArray(value)
      ? 'put "---" between documents, or "kind: List" and "items:" before them'
      : undefined;
    findings.error(
      [],
      `a document must be a mapping with apiVersion, kind and metadata, found ${shapeOf(value)}`,
      hint,
    );
    return stray();
  }
  const { apiVersion, kind } = value;
  const name = isRecord(value.metadata) ? value.metadata.name : undefined;
  const subject = typeof kind !== 'string' ? '' : typeof name === 'string' && name !== '' ? `${kind}/${name}` : kind;
  for (const field of ['apiVersion', 'kind'] as const) {
    const text = value[field];
    if (text === undefined || text === null || text === '')
      findings.error([], `${field} is missing`, field === 'apiVersion' ? versionHint(kind) : kustomizeHint(value));
    else if (typeof text !== 'string') findings.error([field], `expected a string, found ${shapeOf(text)}`);
  }
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || findings.failed) return stray(subject);
  const found = lookup(apiVersion, kind);
  if (!('kind' in found)) {
    if (found.severity === 'error') findings.error([found.field], found.message, found.hint);
    else findings.warnOnce([found.field], found.message, found.hint);
    return stray(subject);
  }
  const meta = readMeta(value, kind, found.kind.namespace, found.kind.global, source);
  let item: Item | undefined;
  try {
    item = found.kind.read(value, meta, findings);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    findings.error([], tooDeep); // JSON that JSON.parse could read, and nobody else
  }
  if (meta.name === '') return stray(subject);
  const nodes = item === undefined ? found.kind.nodesOf?.(value) : undefined;
  return { meta, source, item, problems: findings.problems, ...(nodes && { nodes }) };
}

/** A kustomization.yaml need not say what it is. */
const kustomizeHint = ({ resources }: Readonly<Record<string, unknown>>): string | undefined =>
  Array.isArray(resources) ? renderIt : undefined;

/** JSON is also what other programs keep beside documents: what does not even try to be one. */
function isForeign(value: unknown): boolean {
  const tries = (one: unknown) => isRecord(one) && (one.apiVersion !== undefined || one.kind !== undefined);
  return !(Array.isArray(value) ? value.some(tries) : tries(value));
}

export const isDocument = (entry: Document | Stray): entry is Document => 'meta' in entry;

/** What can be had of metadata; the schema of the kind complains about the rest. */
function readMeta(
  value: Readonly<Record<string, unknown>>,
  kind: string,
  defaultNamespace: string,
  global: boolean,
  source: Source,
): Meta {
  const metadata = isRecord(value.metadata) ? value.metadata : {};
  const text = (field: unknown) => (typeof field === 'string' ? field : '');
  const name = text(metadata.name);
  const namespace = defaultNamespace === '' ? '' : text(metadata.namespace) || defaultNamespace;
  return {
    kind,
    namespace,
    name,
    key: `${kind}/${global ? '' : namespace}/${name}`,
    labels: labelsOf(metadata.labels),
    annotations: annotationsOf(metadata.annotations),
    position: source,
  };
}

const none: Labels = Object.freeze({});

/** One without a value has an empty one, as in Kubernetes. */
function labelsOf(value: unknown): Labels {
  if (!isRecord(value)) return none;
  for (const key in value)
    if (value[key] === null)
      return Object.fromEntries(Object.entries(value).map(([name, text]) => [name, (text ?? '') as string]));
  return value as Labels;
}

/** Where kubectl keeps a copy of the whole document, passwords included. */
const copy = 'kubectl.kubernetes.io/last-applied-configuration';

function annotationsOf(value: unknown): Labels {
  const annotations = labelsOf(value);
  if (!Object.hasOwn(annotations, copy)) return annotations;
  const { [copy]: _, ...rest } = annotations;
  return rest;
}

const shapeOf = (value: unknown): string =>
  Array.isArray(value) ? 'a list' : isRecord(value) ? 'a mapping' : value === null ? 'nothing' : `a ${typeof value}`;
