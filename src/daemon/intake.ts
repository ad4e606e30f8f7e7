/**
 * What of a speaker's received routes may be used: keeps the admission up to date with the settings of peers, with
 * what sessions agreed on, and with the addresses of this node, which come and go.
 */
import { Admission } from '../bgp/admission.ts';
import { type Announces, Guard } from '../bgp/guard.ts';
import type { Agreement } from '../bgp/handshake.ts';
import type { ImportRules } from '../bgp/import.ts';
import type { AttributeTable } from '../bgp/intern.ts';
import { ReceiveFilter, type ReceivePolicy } from '../bgp/receive.ts';
import { importRules } from '../bgp/rules.ts';
import { localAddresses, type OwnAddresses } from '../io/interfaces.ts';
import { type Address, formatAddress, isLinkLocal } from '../lib/address.ts';
import { equal } from '../lib/diff.ts';
import type { Prefix } from '../lib/prefix.ts';
import type { Peer } from './peer.ts';

interface Known {
  readonly rules: ImportRules;
  readonly policy: ReceivePolicy;
  readonly filter: ReceiveFilter;
  /** What the last session agreed on: routes that are kept over a restart of the peer are still those of that. */
  readonly agreement: Agreement | undefined;
}

const NOTHING: ReceivePolicy = {};

export class Intake {
  readonly admission: Admission;
  private readonly vrf: string | undefined;
  private readonly changed: () => void;
  /** By slot of the peer. */
  private readonly known = new Map<number, Known>();
  private announces: Announces = () => false;
  private alwaysBlock: readonly Prefix[] = [];
  private subnets: readonly Prefix[] = [];
  private local: ReadonlySet<string> = new Set();
  /**
   * One function for all: rules that say the same are equal. A link-local address of ours may be the peer's on its link:
   * many a gateway is fe80::1.
   */
  private readonly isLocal = (address: Address): boolean =>
    !isLinkLocal(address) && this.local.has(formatAddress(address));

  /** @param changed called when routes are to be reviewed: `admission.review` does it */
  constructor(vrf: string | undefined, attributes: AttributeTable, changed: () => void) {
    this.vrf = vrf;
    this.changed = changed;
    this.admission = new Admission(attributes, new Guard());
    this.checkAddresses();
  }

  /** The peer's settings, or what its session agreed on, may have changed. */
  update({ slot, settings, session }: Peer, now = session.agreement): void {
    const before = this.known.get(slot);
    const agreement = now ?? before?.agreement;
    const rules = importRules(settings, agreement, this.isLocal);
    const policy = settings.receive ?? NOTHING;
    const filter = before && equal(before.policy, policy) ? before.filter : new ReceiveFilter(policy);
    this.known.set(slot, { rules, policy, filter, agreement });
    if (before !== undefined && equal(before.rules, rules) && filter === before.filter) return;
    this.admission.setPeer(slot, rules, filter);
    this.changed();
  }

  /** The peer is gone, its routes with it. */
  remove({ slot }: Peer): void {
    this.known.delete(slot);
    this.admission.removePeer(slot);
    this.changed();
  }

  /** Prefixes that are taken from nobody, with everything inside them. */
  setAlwaysBlock(prefixes: readonly Prefix[]): void {
    if (equal(prefixes, this.alwaysBlock)) return;
    this.alwaysBlock = prefixes;
    this.guard();
  }

  /** How to know what this node announces: that is nobody else's to tell it. */
  setAnnounces(announces: Announces): void {
    this.announces = announces;
    this.guard();
  }

  /** This node announces the prefix now, or no longer. */
  reannounced(prefix: Prefix): void {
    this.admission.reconsider(prefix);
    this.changed();
  }

  /**
   * Looks at the addresses of this node that are in the VRF: a next hop among them leads back here, and their subnets are
   * nobody else's. Those of another VRF may well be, there.
   */
  checkAddresses({ addresses, subnets }: OwnAddresses = localAddresses(this.vrf)): void {
    if (!equal(addresses, this.local)) {
      this.local = addresses;
      for (const [slot, { rules, filter }] of this.known) this.admission.setPeer(slot, rules, filter);
      this.changed();
    }
    if (equal(subnets, this.subnets)) return;
    this.subnets = subnets;
    this.guard();
  }

  private guard(): void {
    this.admission.setGuard(new Guard({ alwaysBlock: this.alwaysBlock, own: this.subnets, announces: this.announces }));
    this.changed();
  }
}
