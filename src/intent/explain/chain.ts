/** An explanation as data: chains of steps, each with the rule that decided and where it stands. */
import type { Meta } from '../../config/model.ts';
import { fieldLine } from '../../config/position.ts';
import type { Path } from '../../config/problem.ts';
import { type Reason, reasons } from '../reason.ts';
import type { Passed } from '../trace.ts';
import type { Verdict } from '../verdict.ts';

/** A document, and the line of the field that matters in it. */
export interface Source {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly file: string;
  readonly line: number;
}

export interface Step {
  readonly question: string;
  /** `no` is what decided; `note` decides nothing. */
  readonly answer: 'yes' | 'no' | 'note';
  /** What was found. */
  readonly detail: string;
  /** A word that docs/explain.md lists. */
  readonly reason: string | null;
  readonly sources: readonly Source[];
}

export interface Chain {
  readonly title: string;
  /** Everything is as one who asks would wish. */
  readonly ok: boolean;
  readonly verdict: string;
  /** The word of what decided against it. */
  readonly reason: string | null;
  /** What the word means. */
  readonly says: string | null;
  /** What would have to change. */
  readonly remedy: string | null;
  readonly steps: readonly Step[];
}

export interface Explanation {
  /** As it was asked. */
  readonly subject: string;
  readonly type: 'address' | 'prefix' | 'service' | 'peer';
  /** In one sentence. */
  readonly answer: string;
  readonly chains: readonly Chain[];
}

/** What the word of a reason means, and what would change it. */
export interface Meaning {
  readonly says: string;
  readonly remedy: string;
}

/** Of a long list so many are named. */
export const SHOWN = 10;

export const list = (items: readonly string[]): string =>
  items.length > SHOWN ? `${items.slice(0, SHOWN).join(', ')} and ${items.length - SHOWN} more` : items.join(', ');

/** The field that a reason is about, by the kind of the document that stands beside it. */
const fields: Readonly<Record<string, Readonly<Partial<Record<Reason, readonly string[]>>>>> = {
  Service: {
    notLoadBalancer: ['spec', 'type'],
    loadBalancerClassMismatch: ['spec', 'loadBalancerClass'],
    invalidIP: ['status', 'loadBalancer', 'ingress'],
    ipNotAllowed: ['status', 'loadBalancer', 'ingress'],
    noMatchingAdvertisement: ['metadata', 'labels'],
    noLocalEndpoints: ['spec', 'externalTrafficPolicy'],
    requestInvalid: ['metadata', 'annotations'],
    addressNotInPool: ['metadata', 'annotations'],
    addressAvoided: ['metadata', 'annotations'],
    addressInUse: ['metadata', 'annotations'],
    sharingKeyMismatch: ['metadata', 'annotations'],
    backendKeyMismatch: ['spec', 'externalTrafficPolicy'],
    poolIncompatible: ['metadata', 'annotations'],
    poolUnknown: ['metadata', 'annotations'],
    portConflict: ['spec', 'ports'],
    familyMismatch: ['spec', 'ipFamilyPolicy'],
  },
  IPAddressPool: {
    ipNotAllowed: ['spec', 'addresses'],
    poolExhausted: ['spec', 'addresses'],
    poolIncompatible: ['spec', 'serviceAllocation'],
    noPool: ['spec', 'autoAssign'],
    addressAvoided: ['spec', 'avoidBuggyIPs'],
  },
  BGPAdvertisement: {
    notOwner: ['spec', 'nodeSelectors'],
    noMatchingAdvertisement: ['spec', 'serviceSelectors'],
    conflictingAdvertisements: ['spec', 'localPref'],
    peerNotSelected: ['spec', 'peers'],
    tooManyCommunities: ['spec', 'communities'],
  },
  L2Advertisement: {
    notOwner: ['spec', 'nodeSelectors'],
    noMatchingAdvertisement: ['spec', 'serviceSelectors'],
    sharedIPWithServiceSelector: ['spec', 'serviceSelectors'],
    announceFailed: ['spec', 'interfaces'],
  },
  BGPPeer: { nodeNotSelected: ['spec', 'nodeSelectors'], noRouterId: ['spec', 'routerID'] },
  Node: {
    nodeNetworkUnavailable: ['status', 'conditions'],
    nodeLabeledExcludeBalancers: ['metadata', 'labels'],
    nodeDrained: ['metadata', 'labels'],
  },
};

export const sourceOf = (document: Meta, reason?: Reason): Source =>
  sourceAt(document, (reason && fields[document.kind]?.[reason]) ?? []);

/** A document, and a field of it. */
export const sourceAt = (
  { kind, namespace, name, position }: Pick<Meta, 'kind' | 'namespace' | 'name' | 'position'>,
  path: Path,
): Source => ({ kind, namespace, name, file: position.file, line: fieldLine(position, path) });

export const passedStep = ({ test, detail, because }: Passed, questions: Readonly<Record<string, string>>): Step => ({
  question: questions[test] ?? test,
  answer: 'yes',
  detail,
  reason: null,
  sources: because.map((meta) => sourceOf(meta)),
});

export const failedStep = (
  { reason, detail, because }: Pick<Verdict, 'detail' | 'because'> & { readonly reason: Reason },
  questions: Readonly<Record<string, string>>,
): Step => ({
  question: questions[reason] ?? '',
  answer: 'no',
  detail,
  reason,
  sources: because.map((meta) => sourceOf(meta, reason)),
});

export const note = (question: string, detail: string, ...because: readonly Meta[]): Step => ({
  question,
  answer: 'note',
  detail,
  reason: null,
  sources: because.map((meta) => sourceOf(meta)),
});

/** What the word means and what would change it. */
export const meaning = (reason: Reason): Pick<Chain, 'reason' | 'says' | 'remedy'> => ({
  reason,
  ...reasons[reason],
});

export const noMeaning = { reason: null, says: null, remedy: null } as const;
