/** Where this node can be called, by its documents, and with which passwords by those who have no document of their own. */
import type { Configuration } from '../config/model.ts';
import type { ListenKey, ListenPlace } from '../io/listener.ts';
import type { Roster } from './roster.ts';

/**
 * The addresses to listen on, in the default VRF and in every VRF that a peer is in, but for those that are not there. A
 * peer that is yet to be found on its link, or waits for its source address, may call as soon as it is a peer.
 */
export function listenPlaces(
  { speaker: { listen } }: Configuration,
  roster: Roster,
  missingVrfs: ReadonlySet<string>,
): ListenPlace[] {
  const { peers, unnumbered } = roster.documents;
  const settings = [...peers, ...unnumbered].map((peer): { readonly vrf?: string } => peer.settings);
  const vrfs = new Set(settings.flatMap(({ vrf }) => (vrf === undefined || missingVrfs.has(vrf) ? [] : [vrf])));
  return listen.addresses.flatMap((address) => {
    const place = { address, port: listen.port };
    return [place, ...Array.from(vrfs, (vrf) => ({ ...place, vrf }))];
  });
}

/** Passwords of ranges from which peers may call. */
export const rangeKeys = ({ ranges }: Roster): ListenKey[] =>
  ranges.flatMap(({ prefix, settings: { password } }) => (password === undefined ? [] : [{ peer: prefix, password }]));
