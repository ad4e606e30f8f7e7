/** What one node carries is announced by that node alone: replies leave by no other. */
import { egressLabel } from '../egress.ts';
import type { BgpAdvertisement } from '../model.ts';
import type { Report } from '../report.ts';
import { anySelects } from '../selector.ts';
import { advertisementsFor, type UseGround } from '../uses.ts';
import type { Found, KnownNodes } from './nodes.ts';

export interface CarrierGround extends Omit<UseGround, 'node' | 'advertisements' | 'peers' | 'slices'> {
  readonly nodes: KnownNodes;
  readonly advertisements: readonly Found<BgpAdvertisement>[];
}

/** A Service whose endpoints leave by one node is announced by that node alone. */
export function checkCarriers(documents: CarrierGround, report: Report): void {
  const { nodes, egress, services } = documents;
  if (egress.size === 0) return;
  const places = new Map(documents.advertisements.map(({ document, value }) => [value, document]));
  const ground = { ...documents, advertisements: [...places.keys()] };
  for (const [key, { document: egressService, host }] of egress) {
    const service = services.get(key);
    if (service === undefined || host === '' || host === 'ALL') continue;
    const others = [nodes.own, ...nodes.others].filter(({ name }) => name !== host);
    for (const advertisement of advertisementsFor(service, ground)) {
      const from = others.find(({ labels }) => anySelects(advertisement.nodeSelectors, labels));
      if (from !== undefined)
        report.warn(
          places.get(advertisement)!,
          ['spec', 'nodeSelectors'],
          `announces Service ${key} from node ${from.name} too, and its replies leave by node ${host}`,
          `nodeSelectors: [{matchLabels: {${egressLabel(egressService)}: ""}}]`,
        );
    }
  }
}
