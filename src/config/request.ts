/** What a Service asks for: a pool, addresses, company on them (MetalLB controller/service.go), and of its routes. */
import { formatAddress, parseAddress, unmapAddress } from '../lib/address.ts';
import { annotationPath, choice, communityLabels, labelPath } from './annotation.ts';
import type { ServiceItem } from './document.ts';
import { addressHint } from './host.ts';
import type { Labels, Meta, Service } from './model.ts';
import { nearest } from './nearest.ts';
import type { Findings, Path } from './problem.ts';
import type { Terminating } from './speaker.ts';

/** The first wins where both say something; the second is deprecated. */
const groups = ['metallb.io/', 'metallb.universe.tf/'] as const;
const names = { pool: 'address-pool', addresses: 'loadBalancerIPs', sharingKey: 'allow-shared-ip' } as const;
/** MetalLB writes the last one itself. */
const known: readonly string[] = [...Object.values(names), 'ip-allocated-from-pool'];

/** The annotation that says it; an empty one says nothing, and neither does the deprecated one then. */
function annotationOf(annotations: Labels, what: keyof typeof names): string | undefined {
  const name = groups.map((group) => group + names[what]).find((each) => annotations[each] !== undefined);
  return name !== undefined && annotations[name] !== '' ? name : undefined;
}

/** Where a Service names the pool it wants. */
export const poolPath = (annotations: Labels): Path => [
  'metadata',
  'annotations',
  annotationOf(annotations, 'pool') ?? groups[0] + names.pool,
];

/** Where it names the addresses. */
export function addressesPath(annotations: Labels): Path {
  const name = annotationOf(annotations, 'addresses');
  return name === undefined ? ['spec', 'loadBalancerIP'] : ['metadata', 'annotations', name];
}

/**
 * What cannot be met as written fails that Service and nobody else: warnings here, and the first of them is the reason
 * for which it gets no address.
 * @param single spec.loadBalancerIP
 */
export function readRequest(
  single: string | undefined,
  { annotations }: Meta,
  families: readonly (4 | 6)[],
  claims: Findings,
): Service['request'] {
  const read = (what: keyof typeof names) => {
    const name = annotationOf(annotations, what);
    return name === undefined ? undefined : annotations[name];
  };
  const [pool, sharingKey = '', listed] = [read('pool'), read('sharingKey'), read('addresses')];
  const path = addressesPath(annotations);
  const wanted = listed ?? (single || undefined);
  // The field has one address, the annotation may have two.
  const texts = listed?.split(',').map((text) => text.trim()) ?? (wanted === undefined ? [] : [wanted]);
  const addresses = texts.flatMap((text) => {
    const address = parseAddress(text);
    return address ? unmapAddress(address) : [];
  });
  let invalid: string | undefined;
  const refuse = (at: Path, message: string, hint?: string) => {
    invalid ??= message;
    claims.warn(at, `${message}: gets no address`, hint);
  };
  if (listed !== undefined && single)
    refuse(
      ['spec', 'loadBalancerIP'],
      `service can not have both ${annotationOf(annotations, 'addresses')} and spec.loadBalancerIP`,
      'keep the annotation',
    );
  for (const text of texts)
    if (parseAddress(text) === undefined)
      refuse(
        path,
        `invalid address ${JSON.stringify(text)}`,
        text.includes(',') ? `the annotation ${groups[0]}${names.addresses} may have two` : addressHint(text),
      );
  if (wanted !== undefined && invalid === undefined) {
    const all = addresses.map(formatAddress).join(',');
    if (addresses.length > 2 || (addresses.length === 2 && addresses[0]!.family === addresses[1]!.family))
      refuse(path, `too many addresses: ${all}`, 'at most two, one of each family');
    else if (families.length > 0 && addresses.some((a) => !families.includes(a.family)))
      refuse(path, `requested loadBalancer IP(s) ${all} does not match the ipFamily of the service`);
  }
  warnUnknown(annotations, claims);
  return { ...(pool !== undefined && { pool }), addresses, sharingKey, ...(invalid !== undefined && { invalid }) };
}

/** A slip such as `loadBalancerIP`, without which the Service would get any address. */
function warnUnknown(annotations: Labels, claims: Findings): void {
  for (const key in annotations) {
    const group = groups.find((each) => key.startsWith(each));
    const name = key.slice(group?.length);
    if (group === undefined || known.includes(name)) continue;
    const meant = nearest(name, known);
    const hint = meant && `did you mean "${group}${meant}"?`;
    claims.warnKey(['metadata', 'annotations', key], 'unknown annotation: ignored', hint);
  }
}

/**
 * Communities that a Service asks for, and where. The value of a label can hold neither colon nor comma, so labels have
 * one each, with dots for colons: `waypost.dev/community.NAME: "65000.100"`.
 */
export function readCommunities({ annotations, labels }: Meta): ServiceItem['communities'] {
  const found: { text: string; path: Path }[] = [];
  const list = annotations['waypost.dev/communities'];
  for (const part of list?.split(',') ?? [])
    if (part.trim() !== '') found.push({ text: part.trim(), path: annotationPath('communities') });
  for (const [name, value] of communityLabels(labels)) {
    const text = /^(?:large\.)?\d+(?:\.\d+)+$/.test(value) ? value.replaceAll('.', ':') : value;
    found.push({ text, path: labelPath(name) });
  }
  return found;
}

export const terminating = choice<Terminating>(
  { keep: 'keep', lower: 'lower' },
  'Routes of the Service from a node on which all its endpoints terminate, while another has a ready one: keep, or lower. Over drain.terminating of the Speaker.',
);

/** @returns undefined where the Speaker decides */
export function readTerminating(
  { annotations }: Meta,
  policy: Service['externalTrafficPolicy'],
  claims: Findings,
): Terminating | undefined {
  const text = annotations['waypost.dev/terminating'];
  if (text === undefined) return undefined;
  const path = annotationPath('terminating');
  const value = terminating.read(text);
  if (value === undefined)
    claims.warn(
      path,
      `expected ${terminating.expects}, found ${JSON.stringify(text)}: ignored`,
      terminating.hint?.(text),
    );
  else if (policy !== 'Local')
    claims.warnKey(path, 'has no effect under the Cluster policy', 'set externalTrafficPolicy: Local, or leave it out');
  return value;
}
