/** How packets leave that endpoints of a Service with an EgressService send: by whom, as whom, by which table. */
import type { EgressService } from '../../config/egress.ts';
import type { Path } from '../../config/problem.ts';
import { formatAddress } from '../../lib/address.ts';
import type { EgressReason } from '../egress.ts';
import { reasons } from '../reason.ts';
import { type Chain, type Meaning, noMeaning, note, type Source, type Step, sourceAt } from './chain.ts';
import type { EgressFound } from './facts.ts';

/** Why an EgressService is not in effect on this node, beside `noIPAllocated`. */
export const egressReasons: Readonly<Record<Exclude<EgressReason, 'noIPAllocated'>, Meaning>> = {
  noService: {
    says: 'The EgressService is for a Service that does not exist, or is not of type LoadBalancer.',
    remedy: "Give the EgressService the name and namespace of such a Service, or correct the Service's type.",
  },
  noHost: {
    says: 'No node carries it: no endpoint is ready, nodeSelector selects no node that could, none that could is heard of by BFD, or its status names none.',
    remedy:
      'Run a ready endpoint, widen nodeSelector of the EgressService, see in waypost show members who is alive, or remove status.host from it.',
  },
  notHost: {
    says: 'Another node carries it.',
    remedy: "Nothing, where the cluster's network takes packets of the endpoints to that node.",
  },
  networkNotFound: {
    says: 'The routing table or VRF that its network names does not exist on this node.',
    remedy: 'Create it, as by a NodeNetworkConfigurationPolicy, or correct network of the EgressService.',
  },
};

const fields: Readonly<Partial<Record<EgressReason, Path>>> = {
  noHost: ['spec', 'nodeSelector'],
  notHost: ['spec', 'nodeSelector'],
  networkNotFound: ['spec', 'network'],
};

/** @param document absent in the middle of a reload */
export function explainEgress({ decision, problems }: EgressFound, document: EgressService | undefined): Chain {
  const { reason, detail, host, network, table, translations } = decision;
  const title = 'Egress';
  const at = (path: Path): readonly Source[] => (document === undefined ? [] : [sourceAt(document, path)]);
  const question = 'Does this node carry it?';
  if (reason !== undefined) {
    const step: Step = { question, answer: 'no', detail, reason, sources: at(fields[reason] ?? []) };
    // That another node carries it is as it should be.
    const elsewhere = reason === 'notHost';
    const meaning = reason === 'noIPAllocated' ? reasons[reason] : egressReasons[reason];
    const verdict = elsewhere ? detail : `not carried: ${reason}`;
    return { title, ok: elsewhere, verdict, reason, ...meaning, steps: [step] };
  }
  const who = host === 'ALL' ? 'every node carries its own endpoints' : `node ${host} is this one`;
  const sources = [...new Set(translations.map(({ to }) => formatAddress(to)))];
  const steps: Step[] = [
    { question, answer: 'yes', detail: `${who}: ${detail}`, reason: null, sources: at([]) },
    ...(sources.length > 0 ? [note('As whom do its endpoints leave?', `as ${sources.join(' and ')}`)] : []),
    ...(table !== undefined ? [note('By which routing table?', `table ${table}, of network ${network}`)] : []),
    ...problems.map(
      (text): Step => ({ question: 'Is it carried out?', answer: 'no', detail: text, reason: null, sources: [] }),
    ),
  ];
  const ok = problems.length === 0;
  return { title, ok, verdict: `carried here${ok ? '' : `, but ${problems.join('; ')}`}`, ...noMeaning, steps };
}
