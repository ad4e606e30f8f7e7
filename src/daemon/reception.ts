/** Where this speaker can be called, and with which passwords: what should be, against what is. */
import type { PeerSettings } from '../bgp/settings.ts';
import type { ListenKey, ListenPlace } from '../io/listener.ts';
import type { Tcp } from '../io/tcp.ts';
import { formatAddress } from '../lib/address.ts';
import { diff, equal } from '../lib/diff.ts';

export class Reception {
  private readonly tcp: Tcp;
  private readonly places = new Map<string, ListenPlace>();
  private keys: readonly ListenKey[] = [];

  constructor(tcp: Tcp) {
    this.tcp = tcp;
  }

  /** Accepts calls at exactly these places. Rejects with the first message where one cannot be had; the others are. */
  async setListeners(wanted: readonly ListenPlace[]): Promise<void> {
    const want = new Map(wanted.map((p) => [`${formatAddress(p.address)} ${p.port} ${p.vrf ?? ''}`, p]));
    const { added, removed } = diff(this.places, want, () => true);
    for (const [key, place] of removed) {
      this.tcp.unlisten(place);
      this.places.delete(key);
    }
    let failure: unknown;
    for (const [key, place] of added) {
      this.places.set(key, place);
      try {
        await this.tcp.listen(place);
      } catch (error) {
        this.places.delete(key);
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
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
