/** How many Services stand where, by protocol and reason; kept as decisions change, since there may be 100,000. */
import type { Verdict } from '../intent/verdict.ts';

type Protocol = 'bgp' | 'layer2';
type Outcome = Pick<Verdict, 'announced' | 'reason'>;
type Outcomes = Readonly<Record<Protocol, Outcome>>;

const isAnnounced = (outcomes: Outcomes | undefined): boolean =>
  outcomes !== undefined && (outcomes.bgp.announced || outcomes.layer2.announced);

export class Tally {
  private readonly counts: Readonly<Record<Protocol, Map<string, number>>> = { bgp: new Map(), layer2: new Map() };

  /** Services that were decided, and those of them that are announced, by whatever protocol. */
  services = 0;
  announced = 0;

  /** A Service was decided anew, or is gone: undefined. */
  decided(before: Outcomes | undefined, after: Outcomes | undefined): void {
    this.services += Number(after !== undefined) - Number(before !== undefined);
    this.announced += Number(isAnnounced(after)) - Number(isAnnounced(before));
    for (const protocol of ['bgp', 'layer2'] as const) this.move(protocol, before?.[protocol], after?.[protocol]);
  }

  /** A Service has moved from one outcome to another; undefined: there was, or is, no such Service. */
  private move(protocol: Protocol, before: Outcome | undefined, after: Outcome | undefined): void {
    if (before !== undefined) this.count(protocol, before, -1);
    if (after !== undefined) this.count(protocol, after, 1);
  }

  /** `announced` or the reason why not, and how many. */
  *rows(): Generator<{ readonly protocol: Protocol; readonly reason: string; readonly services: number }> {
    for (const protocol of ['bgp', 'layer2'] as const)
      for (const [reason, services] of this.counts[protocol]) yield { protocol, reason, services };
  }

  private count(protocol: Protocol, { announced, reason }: Outcome, by: 1 | -1): void {
    const key = announced ? 'announced' : (reason ?? '');
    this.counts[protocol].set(key, (this.counts[protocol].get(key) ?? 0) + by);
  }
}
