/** Where this speaker can be called, and with which passwords: what should be, against what is. */
import type { PeerSettings } from '../bgp/settings.ts';
import type { ListenKey, ListenPlace } from '../io/listener.ts';
import type { Tcp } from '../io/tcp.ts';
import { formatAddress } from '../lib/address.ts';
import { diff, equal } from '../lib/diff.ts';

/** How often a place is tried again that could not be had: another process may go, an address or a VRF may come. */
const RETRY_MS = 2_000;

export class Reception {
  private readonly tcp: Tcp;
  private readonly problem: (text: string) => void;
  private wanted: readonly ListenPlace[] = [];
  private readonly places = new Map<string, ListenPlace>();
  private keys: readonly ListenKey[] = [];
  /** The last change of places, done. */
  private last: Promise<unknown> = Promise.resolve();
  private retry: NodeJS.Timeout | undefined;
  private stopped = false;

  /** @param problem told of a place in a VRF that cannot be had now, while others are */
  constructor(tcp: Tcp, problem: (text: string) => void) {
    this.tcp = tcp;
    this.problem = problem;
  }

  /**
   * Accepts calls at exactly these places. Rejects with the first message where one cannot be had; the others are, and that
   * one is tried again. One in a VRF is no reason to reject, unless there is no other: those have nothing to do with it.
   *
   * One call waits for the one before, so that a place which that cannot have is not taken for one that is there.
   */
  setListeners(wanted: readonly ListenPlace[]): Promise<void> {
    this.wanted = wanted;
    return this.inTurn(() => this.listen((text) => this.problem(text)));
  }

  /** Nothing is listened on from now on, though places may be waited for. The caller closes those that there are. */
  stop(): void {
    clearTimeout(this.retry);
    this.stopped = true;
  }

  private inTurn(run: () => Promise<void>): Promise<void> {
    const done = this.last.then(run);
    this.last = done.catch(() => {});
    return done;
  }

  private async listen(problem: (text: string) => void): Promise<void> {
    clearTimeout(this.retry);
    const want = new Map(this.wanted.map((p) => [`${formatAddress(p.address)} ${p.port} ${p.vrf ?? ''}`, p]));
    const { added, removed } = diff(this.places, want, () => true);
    for (const [key, place] of removed) {
      this.tcp.unlisten(place);
      this.places.delete(key);
    }
    const failures: { readonly place: ListenPlace; readonly error: Error }[] = [];
    for (const [key, place] of added) {
      if (this.stopped) return;
      this.places.set(key, place);
      try {
        await this.tcp.listen(place);
      } catch (error) {
        this.places.delete(key);
        failures.push({ place, error: error as Error });
      }
    }
    if (failures.length === 0 || this.stopped) return;
    this.retry = setTimeout(() => this.tryAgain(), RETRY_MS).unref();
    const alone = this.places.size === 0;
    const grave = failures.find(({ place }) => place.vrf === undefined || alone);
    if (grave !== undefined) throw grave.error;
    for (const { error } of failures) problem(error.message);
  }

  /** Whoever asked was told already. */
  private tryAgain(): void {
    this.inTurn(() => this.listen(() => {})).catch(() => {});
  }

  /** Callers must sign with the password of the peer they are, or of the range they call from. Returns why that cannot be had, if so. */
  learnKeys(peers: readonly PeerSettings[], ranges: readonly ListenKey[]): string | undefined {
    const own = peers.flatMap(({ address, password, vrf }): ListenKey[] =>
      password === undefined ? [] : [{ peer: address, password, ...(vrf !== undefined && { vrf }) }],
    );
    const keys = [...own, ...ranges];
    if (equal(keys, this.keys)) return undefined;
    this.keys = keys;
    try {
      this.tcp.setKeys(keys);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }
}
