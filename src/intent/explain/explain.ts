/** Why: the chain of decisions behind an address, a prefix, a Service or a peer, from the decisions themselves. */
import { didYouMean } from '../../config/nearest.ts';
import { type Address, compareAddresses, formatAddress } from '../../lib/address.ts';
import { comparePrefixes, contains, formatPrefix, type Prefix } from '../../lib/prefix.ts';
import { ORIGINATED } from '../originate.ts';
import { hasFamily, prefixesOf } from '../pools.ts';
import { type Chain, type Explanation, list, meaning, noMeaning, note, SHOWN, type Step, sourceOf } from './chain.ts';
import type { Facts } from './facts.ts';
import { explainPeer } from './peer.ts';
import { explainReceived } from './received.ts';
import { refusalSources } from './refusal.ts';
import { explainRoute, originators } from './route.ts';
import { explainService, usageText } from './service.ts';
import type { Subject } from './subject.ts';

/** Nobody knows what was asked about; the message is for the operator. */
export class UnknownSubject extends Error {}

/** Throws `UnknownSubject`. */
export function explain(subject: Subject, facts: Facts): Explanation {
  switch (subject.type) {
    case 'address':
      return explainAddress(subject.text, subject.address, facts);
    case 'prefix':
      return explainPrefix(subject.text, subject.prefix, facts);
    case 'service':
      return serviceExplanation(subject.text, subject.text, facts);
    case 'name':
      return explainName(subject.text, facts);
  }
}

function serviceExplanation(text: string, key: string, facts: Facts): Explanation {
  const { services } = facts.config;
  if (!services.has(key)) {
    const hint = didYouMean(key, services.keys());
    throw new UnknownSubject(`there is no Service ${key}${hint ? `: ${hint}` : ''}`);
  }
  const chains = explainService(key, facts);
  return { subject: text, type: 'service', answer: `Service ${key}: ${summary(chains)}`, chains };
}

/** What BGP and layer 2 come to; without an address, why there is none. */
const summary = (chains: readonly Chain[]): string =>
  (chains.length > 1 ? chains.slice(1) : chains).map((c) => `${c.title}: ${c.verdict}`).join('; ');

function explainName(text: string, facts: Facts): Explanation {
  const { config, live } = facts;
  const names = [...config.peers.map((p) => p.name), ...(live?.sessions ?? []).map((s) => s.name)];
  if (names.includes(text)) return peerExplanation(text, text, facts);
  const services = [...config.services.keys()].filter((key) => key.endsWith(`/${text}`));
  if (services.length === 1) return serviceExplanation(text, services[0]!, facts);
  if (services.length > 1) throw new UnknownSubject(`${text} is ${services.join(' and ')}: give the namespace, too`);
  const hint = didYouMean(text, names) ?? `peers here: ${[...new Set(names)].sort().join(', ') || 'none'}`;
  throw new UnknownSubject(`there is no peer or Service ${text}: ${hint}`);
}

function peerExplanation(text: string, name: string, facts: Facts): Explanation {
  const chains = explainPeer(name, facts);
  return { subject: text, type: 'peer', answer: `Peer ${name}: ${chains.map((c) => c.verdict).join(', ')}`, chains };
}

function explainAddress(text: string, address: Address, facts: Facts): Explanation {
  const { config, decisions, live } = facts;
  const isIt = (ip: Address | undefined) => ip !== undefined && compareAddresses(ip, address) === 0;
  const holders = [...decisions.values()].filter((d) => d.ips.some(isIt)).map((d) => d.key);
  const askers = [...config.services]
    .filter(
      ([key, s]) => !holders.includes(key) && [...s.request.addresses, ...s.ingress.map((i) => i.address)].some(isIt),
    )
    .map(([key]) => key);
  const peers = config.peers.filter((p) => isIt(p.address)).map((p) => p.name);
  const called = (live?.sessions ?? []).filter((s) => s.address === formatAddress(address)).map((s) => s.name);
  const services = [...holders, ...askers].sort();
  const chains: Chain[] = services.flatMap((key) =>
    explainService(key, facts).map((c) => ({ ...c, title: `Service ${key}: ${c.title}` })),
  );
  const names = [...new Set([...peers, ...called])];
  chains.push(
    ...names.flatMap((name) => explainPeer(name, facts).map((c) => ({ ...c, title: `Peer ${name}: ${c.title}` }))),
  );
  const received = receivedChains(facts);
  if (services.length === 0 && names.length === 0) {
    const pool = poolChain(address, facts);
    if (pool.reason !== 'addressInNoPool' || !isLearned(facts)) chains.push(pool);
  }
  chains.push(...received);
  const answer = [
    ...services.map((key) => `of Service ${key}: ${summary(explainService(key, facts))}`),
    ...names.map((name) => `of peer ${name}`),
  ];
  const first = chains[0]!;
  const otherwise = first === received[0] ? `${first.title.replace('Received', 'received')}: ` : '';
  return {
    subject: text,
    type: 'address',
    answer: `${text}: ${answer.join('; ') || `${otherwise}${first.verdict}`}`,
    chains,
  };
}

/** A route that leads there is used; a default route leads everywhere, and says nothing of an address. */
const isLearned = ({ live }: Facts): boolean =>
  (live?.received ?? []).some(({ best, prefix }) => best && !prefix.endsWith('/0'));

/** An address that nobody has. */
function poolChain(address: Address, facts: Facts): Chain {
  const { config } = facts;
  const pool = [...config.pools.values()].find((p) => prefixesOf(p).some((prefix) => contains(prefix, address)));
  if (pool === undefined) {
    const others = [...config.pools.values()].filter((p) => hasFamily(p, address.family));
    const steps: Step[] = [
      {
        question: 'Does a pool contain it?',
        answer: 'no',
        detail: `none of ${config.pools.size} does`,
        reason: 'addressInNoPool',
        sources: [],
      },
      ...others.map((p) => note(`What of pool ${p.name}?`, p.addresses.map((a) => a.text).join(', '), p)),
    ];
    return {
      title: 'Address',
      ok: false,
      verdict: 'in no pool',
      ...meaning('addressInNoPool'),
      steps,
    };
  }
  const advertisements = [...config.advertisements, ...config.layer2Advertisements].filter((a) =>
    a.pools.includes(pool.name),
  );
  const reason = advertisements.length === 0 ? 'poolNotAdvertised' : 'addressUnused';
  const steps: Step[] = [
    { question: 'Does a pool contain it?', answer: 'yes', detail: pool.name, reason: null, sources: [sourceOf(pool)] },
    note('How full is the pool?', usageText(facts.usage(pool.name))),
    {
      question: 'Does an advertisement reference the pool?',
      answer: advertisements.length > 0 ? 'yes' : 'no',
      detail: advertisements.map((a) => `${a.kind}/${a.name}`).join(', ') || 'none does',
      reason: advertisements.length > 0 ? null : reason,
      sources: advertisements.map((a) => sourceOf(a)),
    },
  ];
  const verdict = `in pool ${pool.name}, held by no Service${advertisements.length > 0 ? '' : ', advertised by nobody'}`;
  return { title: 'Address', ok: false, verdict, ...meaning(reason), steps };
}

function explainPrefix(text: string, prefix: Prefix, facts: Facts): Explanation {
  const { live, decisions } = facts;
  const { contributors, withdrawn, sources } = contributorsTo(prefix, facts);
  const received = receivedChains(facts);
  const route = explainRoute(prefix, facts);
  const told = contributors.length > 0 ? route.told : [];
  const inside = [...decisions.values()].filter((d) => d.ips.some((ip) => contains(prefix, ip))).map((d) => d.key);
  const around = [...decisions.values()]
    .flatMap((d) => d.bgp.contributions.map((c) => c.prefix))
    .filter((p) => comparePrefixes(p, prefix) !== 0 && (contains(p, prefix) || contains(prefix, p)));
  const question = 'Who contributes it?';
  const idle = withdrawn.length > 0 ? 'nodeDrained' : 'notContributed';
  const nobody = withdrawn.length > 0 ? `${list(withdrawn)}, but that the node is drained` : 'no Service';
  const known = new Set(contributors);
  const steps: Step[] = [
    contributors.length > 0
      ? { question, answer: 'yes', detail: list(contributors), reason: null, sources }
      : { question, answer: 'no', detail: nobody, reason: idle, sources },
    ...(contributors.length > 0 ? route.steps : []),
    ...(inside.some((key) => !known.has(key)) ? [note('Which Services have addresses in it?', list(inside))] : []),
    ...(around.length > 0
      ? [note('What is announced of it, or around it?', list([...new Set(around.map(formatPrefix))]))]
      : []),
  ];
  const verdict = `${live ? 'announced' : 'to be announced'} to ${told.join(', ') || 'nobody'}`;
  const obstacle = contributors.length > 0 ? (route.obstacle ?? noMeaning) : meaning(idle);
  const chain: Chain = {
    title: 'BGP',
    ok: told.length > 0,
    verdict,
    ...(told.length > 0 ? noMeaning : obstacle),
    steps,
  };
  // Who asks about what was learned need not read that nobody here announces it.
  const chains = contributors.length === 0 && received.length > 0 ? received : [chain, ...received];
  return {
    subject: text,
    type: 'prefix',
    answer: `${formatPrefix(prefix)}: ${chains.map((c) => c.verdict).join('; ')}`,
    chains,
  };
}

/**
 * Services, and the documents that have sessions told the prefix whatever Services there are; `withdrawn` instead of them on
 * a node that is drained.
 */
function contributorsTo(prefix: Prefix, { config, advertisements }: Facts) {
  const found = advertisements.contributors(prefix);
  const services = found.filter((key) => config.services.has(key));
  const documents = originators(config, prefix);
  const names = documents.map(({ kind, name }) => `${kind}/${name}`);
  const isTold = found.includes(ORIGINATED);
  const metas = [...services.slice(0, SHOWN).map((key) => config.services.get(key)!), ...documents];
  return {
    contributors: [...services, ...(isTold ? names : [])],
    withdrawn: isTold ? [] : names,
    sources: metas.map((meta) => sourceOf(meta)),
  };
}

const receivedChains = ({ config, live }: Facts): Chain[] =>
  explainReceived(live?.received, live?.installed, live?.unread, (peer, reason) =>
    refusalSources(config, peer, reason),
  );
