/** What the program knows of a kind of document. */
import type { z } from 'zod';
import { type Own, warnUnknown } from './annotation.ts';
import type { Item } from './document.ts';
import type { Meta, Selector } from './model.ts';
import type { Findings } from './problem.ts';
import { check, lazily } from './schema.ts';

export interface Kind {
  readonly kind: string;
  readonly apiVersion: string;
  /** Where a document without `metadata.namespace` lives; '' for cluster-scoped kinds. */
  readonly namespace: string;
  /** Names are unique over all namespaces: MetalLB reads a single one. */
  readonly global: boolean;
  /** One sentence for the manual. */
  readonly summary: string;
  readonly schema: () => z.ZodObject;
  /** Annotations and labels of ours that it knows. */
  readonly own?: Own;
  /**
   * The selectors of nodes in a document that cannot be read, where other nodes are none of our business: what is wrong with
   * one for them is wrong there. Undefined where the selectors cannot be read either.
   */
  nodesOf?(value: Readonly<Record<string, unknown>>): readonly Selector[] | undefined;
  /** Reads a document of this kind; undefined when something is wrong, which is then among the findings. */
  read(value: unknown, meta: Meta, findings: Findings): Item | undefined;
}

/** Documents of a kind that are read without code of their own. */
const FEW = 20;

/** A kind from its schema and a reader of what the schema accepted. */
export function defineKind<Schema extends z.ZodObject>(
  kind: Omit<Kind, 'schema' | 'read'> & {
    readonly schema: () => Schema;
    read(value: z.output<Schema>, meta: Meta, findings: Findings): Item | undefined;
  },
): Kind {
  const schema = lazily(kind.schema);
  let documents = 0;
  return {
    ...kind,
    read(value, meta, findings) {
      const checked = check(schema(), value, [], findings, ++documents > FEW);
      warnUnknown(kind.own ?? {}, meta, findings);
      const item = checked === undefined ? undefined : kind.read(checked, meta, findings);
      return findings.failed ? undefined : item;
    },
  };
}
