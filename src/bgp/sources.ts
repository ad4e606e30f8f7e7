/** The generations of all peers' routes in one address family (source.ts), and how many of them are dead in all. */
import { type Keep, Source } from './source.ts';

/** Peers are numbered below this, in two octets. */
const MAX_PEERS = 0x1_0000;

export class Sources {
  /** Routes that are to be removed. */
  dead = 0;
  private readonly byPeer: Source[] = [];

  /** Throws `RangeError` for what is no peer's number. */
  of(peer: number): Source {
    const known = this.byPeer[peer];
    if (known !== undefined) return known;
    if (!Number.isInteger(peer) || peer < 0 || peer >= MAX_PEERS) throw new RangeError(`${peer} is no peer number`);
    const source = new Source();
    this.byPeer[peer] = source;
    return source;
  }

  /** See `Source.begin`. */
  begin(peer: number, keep: Keep): void {
    const source = this.of(peer);
    const before = source.dead;
    source.begin(keep);
    this.dead += source.dead - before;
  }

  /** See `Source.endStale`. */
  endStale(peer: number): void {
    const source = this.of(peer);
    const before = source.dead;
    source.endStale();
    this.dead += source.dead - before;
  }

  /** See `Source.count`. */
  count(peer: number, generation: number, accepted: boolean, by: 1 | -1): void {
    const source = this.of(peer);
    const before = source.dead;
    source.count(generation, accepted, by);
    this.dead += source.dead - before;
  }
}
