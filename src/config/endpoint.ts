/** What the endpoints of a Service say of where it can be served. */
import type { Endpoint, EndpointSlice } from './model.ts';

/** Ready (or not known to be otherwise), or terminating while still serving; and there is an address to reach it. */
const usable = (e: Endpoint): boolean => e.addresses.length > 0 && (e.ready !== false || e.serving === true);

export const hasUsable = (slices: readonly EndpointSlice[]): boolean => slices.some((s) => s.endpoints.some(usable));

/** One without a node is nowhere local. */
export const hasUsableOn = (slices: readonly EndpointSlice[], node: string): boolean =>
  slices.some((s) => s.endpoints.some((e) => usable(e) && e.nodeName === node));

/** How many there are of a family. */
export function countUsableOn(slices: readonly EndpointSlice[], node: string, family: 4 | 6): number {
  const found = new Set<string>();
  for (const { endpoints } of slices)
    for (const endpoint of endpoints) {
      const [address] = endpoint.addresses;
      if (address?.includes(':') === (family === 6) && usable(endpoint) && endpoint.nodeName === node)
        found.add(address);
    }
  return found.size;
}

/** On any other node than this one. */
export const hasUsableBeside = (slices: readonly EndpointSlice[], node: string): boolean =>
  slices.some((s) => s.endpoints.some((e) => usable(e) && e.nodeName !== undefined && e.nodeName !== node));

/** How many there are, and how many of them are usable, on one node or on all. */
export function endpointsText(slices: readonly EndpointSlice[], node?: string): string {
  if (slices.length === 0) return 'without any EndpointSlice, every node counts as having one';
  const endpoints = slices.flatMap((s) => s.endpoints).filter((e) => node === undefined || e.nodeName === node);
  const where = node === undefined ? '' : ` on node ${node}`;
  return `${endpoints.filter(usable).length} of ${endpoints.length} are usable${where}`;
}
