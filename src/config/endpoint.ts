/** What the endpoints of a Service say of where it can be served. */
import type { Endpoint, EndpointSlice } from './model.ts';

const reachable = ({ addresses }: Endpoint): boolean => addresses.length > 0;

/** Ready, or not known to be otherwise. What terminates is not, unless its Service publishes whatever is not ready. */
const ready = (e: Endpoint): boolean => reachable(e) && e.ready !== false;

/** Ready, or terminating while still serving; and there is an address to reach it. */
const usable = (e: Endpoint): boolean => ready(e) || (reachable(e) && e.serving === true);

export const hasUsable = (slices: readonly EndpointSlice[]): boolean => slices.some((s) => s.endpoints.some(usable));

/** One without a node is nowhere local. */
export const hasUsableOn = (slices: readonly EndpointSlice[], node: string): boolean =>
  slices.some((s) => s.endpoints.some((e) => usable(e) && e.nodeName === node));

/** Names of the nodes that have a ready one. */
export const readyNodes = (slices: readonly EndpointSlice[]): ReadonlySet<string> =>
  new Set(slices.flatMap((s) => s.endpoints.flatMap((e) => (ready(e) ? (e.nodeName ?? []) : []))));

/** Still serves there, and for no longer than it takes to terminate. */
export const isEndingOn = (slices: readonly EndpointSlice[], node: string): boolean =>
  hasUsableOn(slices, node) && !readyNodes(slices).has(node);

/** No other node can serve it as well: where a ready one is here, those that only terminate elsewhere do not count. */
export function isSoleHolder(slices: readonly EndpointSlice[], node: string): boolean {
  const asGood = readyNodes(slices).has(node) ? ready : usable;
  const isElsewhere = ({ nodeName }: Endpoint) => nodeName !== undefined && nodeName !== node;
  return hasUsableOn(slices, node) && !slices.some((s) => s.endpoints.some((e) => asGood(e) && isElsewhere(e)));
}

/** How many of a family take new connections on a node: those that are ready, or what still serves where none is. */
export function countServing(slices: readonly EndpointSlice[], node: string, family: 4 | 6): number {
  const found = { ready: new Set<string>(), usable: new Set<string>() };
  for (const { endpoints } of slices)
    for (const endpoint of endpoints) {
      const [address] = endpoint.addresses;
      if (address?.includes(':') !== (family === 6) || endpoint.nodeName !== node) continue;
      if (ready(endpoint)) found.ready.add(address);
      if (usable(endpoint)) found.usable.add(address);
    }
  return found.ready.size || found.usable.size;
}

/** How many there are, and how many of them are usable, on one node or on all. */
export function endpointsText(slices: readonly EndpointSlice[], node?: string): string {
  if (slices.length === 0) return 'without any EndpointSlice, every node counts as having one';
  const endpoints = slices.flatMap((s) => s.endpoints).filter((e) => node === undefined || e.nodeName === node);
  const where = node === undefined ? '' : ` on node ${node}`;
  const serving = endpoints.filter(usable);
  const ending = serving.filter((e) => !ready(e)).length;
  return `${serving.length} of ${endpoints.length} are usable${where}${ending > 0 ? `, ${ending} of them terminating` : ''}`;
}
