/** What one node carries is announced by that node alone: replies leave by no other. */
import { egressLabel } from '../egress.ts';
import type { BgpAdvertisement, Service } from '../model.ts';
import type { Report } from '../report.ts';
import { advertisementsOf, type UseGround } from '../uses.ts';
import type { Found, KnownNode, KnownNodes } from './nodes.ts';

export interface CarrierGround extends Omit<UseGround, 'node' | 'advertisements' | 'peers'> {
  readonly nodes: KnownNodes;
  readonly advertisements: readonly Found<BgpAdvertisement>[];
}

/** A Service whose endpoints leave by one node is announced by that node alone. */
export function checkCarriers(documents: CarrierGround, report: Report): void {
  const { nodes, egress, services } = documents;
  const told = new Set<string>();
  for (const [key, { document: egressService, host }] of egress) {
    const service = services.get(key);
    if (service === undefined || host === '' || host === 'ALL') continue;
    const others = [nodes.own, ...nodes.others].filter(({ name }) => name !== host);
    for (const { document, value } of documents.advertisements) {
      const from = others.find((node) => announces(value, service, node, documents));
      const once = `${value.name} ${key}`;
      if (from === undefined || told.has(once)) continue;
      told.add(once);
      report.warn(
        document,
        ['spec', 'nodeSelectors'],
        `announces Service ${key} from node ${from.name} too, and its replies leave by node ${host}`,
        `nodeSelectors: [{matchLabels: {${egressLabel(egressService)}: ""}}]`,
      );
    }
  }
}

const announces = (value: BgpAdvertisement, service: Service, node: KnownNode, documents: CarrierGround): boolean =>
  advertisementsOf(service, { ...documents, node, advertisements: [value] }).length > 0;
