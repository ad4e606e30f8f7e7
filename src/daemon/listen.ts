/** Where this node can be called, by its documents, and with which passwords by those who have no document of their own. */
import type { Configuration } from '../config/model.ts';
import type { ListenKey, ListenPlace } from '../io/listener.ts';
import type { Roster } from './roster.ts';
import type { Speaker } from './speaker.ts';

/** Keeps the speaker's listeners as the documents want them. */
export class Listening {
  private readonly speaker: Pick<Speaker, 'setListeners' | 'setRanges'>;
  private readonly missingVrfs: () => ReadonlySet<string>;
  private readonly failed: (reason: string) => void;
  private last: Promise<void> = Promise.resolve();
  private begun = false;

  /**
   * @param missingVrfs those that policies have yet to make
   * @param failed told of a place that cannot be had, once the daemon has started: it is tried again
   */
  constructor(
    speaker: Pick<Speaker, 'setListeners' | 'setRanges'>,
    missingVrfs: () => ReadonlySet<string>,
    failed: (reason: string) => void,
  ) {
    this.speaker = speaker;
    this.missingVrfs = missingVrfs;
    this.failed = failed;
  }

  /** To be called whenever one of them, or the VRFs that there are, may be others. */
  update(config: Configuration, roster: Roster): void {
    this.speaker.setRanges(rangeKeys(roster));
    this.last = this.speaker.setListeners(listenPlaces(config, roster, this.missingVrfs()));
    this.last.catch((error: Error) => {
      if (this.begun) this.failed(error.message);
    });
  }

  /** Resolves when the daemon listens wherever the documents want that. Rejects with a message for the operator. */
  async begin(): Promise<void> {
    await this.last;
    this.begun = true;
  }
}

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
const rangeKeys = ({ ranges }: Roster): ListenKey[] =>
  ranges.flatMap(({ prefix, settings: { password } }) => (password === undefined ? [] : [{ peer: prefix, password }]));
