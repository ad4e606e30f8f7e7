/** What Services of our class ask for, against the pools there are. */
import { formatAddress } from '../../lib/address.ts';
import { contains } from '../../lib/prefix.ts';
import type { ServiceCommunities } from '../allow.ts';
import type { CommunityError } from '../community.ts';
import type { Document, ServiceItem } from '../document.ts';
import { communityHint } from '../kinds/metallb.ts';
import type { Pool } from '../model.ts';
import { didYouMean } from '../nearest.ts';
import type { Report } from '../report.ts';
import { addressesPath, poolPath } from '../request.ts';
import type { References } from './advertisement.ts';
import type { Found } from './nodes.ts';

export function checkServices(
  services: readonly { readonly document: Document; readonly item: ServiceItem }[],
  pools: readonly Found<Pool>[],
  { poolNames, complete }: Pick<References, 'poolNames' | 'complete'>,
  loadBalancerClass: string,
  allowed: ServiceCommunities,
  report: Report,
): void {
  const byName = new Map(pools.map(({ value }) => [value.name, value]));
  const whole = complete && pools.length === poolNames.size;
  const blocks = pools.flatMap(({ value }) => value.addresses.flatMap(({ prefixes }) => prefixes));
  for (const { document, item } of services) {
    if (!item.asks || item.value.loadBalancerClass !== loadBalancerClass) continue;
    const { value: service, claims, communities } = item;
    for (const claim of claims) report.add(document, claim);
    for (const { text, path } of communities) {
      const judgement = allowed.judge(text);
      if ('refused' in judgement) report.warn(document, path, ...refusal(text, judgement.refused, allowed));
    }
    const { pool: name, addresses, invalid } = service.request;
    if (name === undefined) {
      // What the status names it has, whatever it asks for.
      if (!whole || invalid !== undefined || service.ingress.length > 0) continue;
      const nowhere = addresses.find((address) => !blocks.some((block) => contains(block, address)));
      if (nowhere !== undefined)
        report.warn(
          document,
          addressesPath(service.annotations),
          `requested loadBalancer IP ${formatAddress(nowhere)} is in no pool: gets no address`,
        );
      continue;
    }
    if (!poolNames.has(name)) {
      report.warn(
        document,
        poolPath(service.annotations),
        `no IPAddressPool is named ${JSON.stringify(name)}: gets no address`,
        didYouMean(name, poolNames),
      );
      continue;
    }
    const pool = byName.get(name);
    const outside =
      pool && addresses.find((a) => !pool.addresses.some(({ prefixes }) => prefixes.some((p) => contains(p, a))));
    if (outside !== undefined)
      report.warn(
        document,
        poolPath(service.annotations),
        `requested loadBalancer IP ${formatAddress(outside)} is not in pool ${JSON.stringify(name)}: gets no address`,
      );
  }
}

function refusal(
  text: string,
  refused: CommunityError | 'notAllowed',
  { names }: ServiceCommunities,
): [message: string, hint: string] {
  const without = 'the Service is announced without it';
  if (refused === 'notAllowed')
    return [`community ${text} is not allowed: ${without}`, 'add it to serviceCommunities of the Speaker'];
  const hint = (refused === 'format' ? didYouMean(text, names) : undefined) ?? communityHint;
  return [`invalid community ${refused} ${JSON.stringify(text)}: ${without}`, hint];
}
