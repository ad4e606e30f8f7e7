/** Every kind of document the program reads, and what becomes of the rest. */

import type { Kind } from './kind.ts';
import { kinds as bfd } from './kinds/bfd.ts';
import { kinds as core } from './kinds/core.ts';
import { kinds as discovery } from './kinds/discovery.ts';
import { kinds as egress } from './kinds/egress.ts';
import { kinds as excluded } from './kinds/exclude.ts';
import { kinds as frr } from './kinds/frrk8s.ts';
import { kinds as kubeovn } from './kinds/kubeovn.ts';
import { kinds as layer2 } from './kinds/layer2.ts';
import { kinds as metallb } from './kinds/metallb.ts';
import { kinds as nmstate } from './kinds/nmstate.ts';
import { kinds as openperouter } from './kinds/openperouter.ts';
import { kinds as peer } from './kinds/peer.ts';
import { kinds as speaker } from './kinds/speaker.ts';
import { didYouMean, distance } from './nearest.ts';
import { type FieldDoc, fieldDocs } from './schema.ts';

/** The kinds that are read, in the order of the manual. */
export const kinds: readonly Kind[] = [
  ...speaker,
  ...metallb,
  ...layer2,
  ...peer,
  ...bfd,
  ...frr,
  ...nmstate,
  ...core,
  ...excluded,
  ...discovery,
  ...egress,
  ...openperouter,
  ...kubeovn,
];

const byKind = new Map<string, readonly Kind[]>();
for (const kind of kinds) byKind.set(kind.kind, [...(byKind.get(kind.kind) ?? []), kind]);
const groups = new Set(kinds.map((kind) => groupOf(kind.apiVersion)));

export type Lookup =
  | { readonly kind: Kind }
  | {
      readonly severity: 'error' | 'warning';
      readonly field: 'apiVersion' | 'kind';
      readonly message: string;
      readonly hint?: string;
    };

/** What to do with a document of this kind: how to read it, or what to say. */
export function lookup(apiVersion: string, kind: string): Lookup {
  const known = byKind.get(kind) ?? [];
  const exact = known.find((candidate) => candidate.apiVersion === apiVersion);
  if (exact !== undefined) return { kind: exact };
  const group = groupOf(apiVersion);
  if (known.length > 0) {
    // Other projects have a Service, a Node or a Subnet of their own; a pool or a peer of another group is a slip.
    const common = ['', 'discovery.k8s.io', 'kubeovn.io'].includes(groupOf(known[0]!.apiVersion));
    const foreign = (common && group.includes('.')) || /(?:^|\.)projectcalico\.org$/.test(group);
    if (foreign && !groups.has(group)) return ignored(notOurs(apiVersion, kind));
    const wanted = known.map((candidate) => candidate.apiVersion).join(' or ');
    const message = `${kind} belongs to ${wanted}, found ${apiVersion}`;
    return { severity: 'error', field: 'apiVersion', message, hint: `write ${versionHint(kind)}` };
  }
  const hint = instead.get(kind) ?? didYouMean(kind, [...byKind.keys()]);
  if (!isSlip(group, kind)) return ignored(notOurs(apiVersion, kind), hint);
  const message = `${apiVersion} has no kind ${kind}`;
  return { severity: 'error', field: 'kind', message, ...(hint !== undefined && { hint }) };
}

/** The apiVersion that documents of a kind have; undefined for what is not read. */
export function versionHint(kind: unknown): string | undefined {
  const known = typeof kind === 'string' ? byKind.get(kind) : undefined;
  return known && `apiVersion: ${known[0]!.apiVersion}`;
}

/** What is not read of our own group, or one letter away from what is of another: to ignore it would be to lose it. */
const isSlip = (group: string, kind: string): boolean =>
  group === 'waypost.dev' ||
  kinds.some(
    (known) => groupOf(known.apiVersion) === group && distance(known.kind.toLowerCase(), kind.toLowerCase()) <= 1,
  );

export const renderIt = 'kubectl kustomize renders it';

/** What says here what kinds of others say that stand beside ours in published procedures. */
const instead: ReadonlyMap<string, string> = new Map([
  ['MachineConfig', "the Speaker's network.interfaces sets forwarding and rpFilter of single interfaces"],
  ['Endpoints', 'EndpointSlices say where endpoints run'],
  ['Kustomization', renderIt],
  ['Template', 'what is in it is not read: oc process renders it'],
]);

const notOurs = (apiVersion: string, kind: string): string =>
  `${kind} of ${apiVersion} is not a kind waypost reads: ignored`;

const ignored = (message: string, offered?: string): Lookup => ({
  severity: 'warning',
  field: 'kind',
  message,
  ...(offered !== undefined && { hint: offered }),
});

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}

export interface KindDoc {
  readonly kind: string;
  readonly apiVersion: string;
  readonly summary: string;
  readonly fields: readonly FieldDoc[];
  /** Of our own, by what follows `waypost.dev/`. */
  readonly annotations: readonly { readonly name: string; readonly expects: string; readonly summary: string }[];
}

/** The kinds and their fields, for the manual. */
export const kindDocs = (): readonly KindDoc[] =>
  kinds.map(({ kind, apiVersion, summary, schema, own }) => ({
    kind,
    apiVersion,
    summary,
    fields: fieldDocs(schema()),
    annotations: Object.entries(own?.annotations ?? {}).map(([name, { expects, summary }]) => ({
      name,
      expects,
      summary,
    })),
  }));
