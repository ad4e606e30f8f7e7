/** What the endpoints of a Service say of where it can be served. */
import type { Endpoint, EndpointSlice } from './model.ts';

/** Ready (or not known to be otherwise), or terminating while still serving; and there is an address to reach it. */
const usable = (e: Endpoint): boolean => e.addresses.length > 0 && (e.ready !== false || e.serving === true);

export const hasUsable = (slices: readonly EndpointSlice[]): boolean => slices.some((s) => s.endpoints.some(usable));

/** One without a node is nowhere local. */
export const hasUsableOn = (slices: readonly EndpointSlice[], node: string): boolean =>
  slices.some((s) => s.endpoints.some((e) => usable(e) && e.nodeName === node));

/** On any other node than this one. */
export const hasUsableBeside = (slices: readonly EndpointSlice[], node: string): boolean =>
  slices.some((s) => s.endpoints.some((e) => usable(e) && e.nodeName !== undefined && e.nodeName !== node));
