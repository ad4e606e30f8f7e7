/** Which addresses of this node other hosts claim, and where: what the fast worker has told of it. */
import type { ConflictReport } from '../l2/snapshot.ts';

export interface Claim {
  readonly mac: string;
  readonly stage: 'begin' | 'yield' | 'defer';
}

const none: ReadonlyMap<string, Claim> = new Map();

export class Claims {
  /** By address and interface. */
  private readonly known = new Map<string, Map<string, Claim>>();

  take({ ip, interface: name, mac, stage }: ConflictReport): void {
    const claims = this.known.get(ip) ?? new Map<string, Claim>();
    if (stage === 'end') claims.delete(name);
    // It is announced again when a claim has ended, and also when it stands but is no longer given way to.
    else if (stage !== 'resume') claims.set(name, { mac, stage });
    else if (claims.has(name)) claims.set(name, { mac, stage: 'begin' });
    if (claims.size > 0) this.known.set(ip, claims);
    else this.known.delete(ip);
  }

  /** By interface. */
  of(ip: string): ReadonlyMap<string, Claim> {
    return this.known.get(ip) ?? none;
  }

  *all(): Generator<{ readonly ip: string; readonly interface: string } & Claim> {
    for (const [ip, found] of this.known) for (const [name, claim] of found) yield { ip, interface: name, ...claim };
  }

  /** Forgets all but what is claimed of these addresses. */
  keep(isOurs: (ip: string) => boolean): void {
    for (const ip of this.known.keys()) if (!isOurs(ip)) this.known.delete(ip);
  }
}

/** For the log and the journal. */
export const claimTexts: Readonly<Record<ConflictReport['stage'], string>> = {
  begin: 'another host claims an address that is announced here',
  yield: 'another host claims the address: silent for now',
  defer: 'another node has the address and keeps it',
  resume: 'the address is announced again',
  end: 'no other host claims the address any more',
};
