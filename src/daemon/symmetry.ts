/**
 * Watches that what is announced in a VRF can be answered there: rules, routes and sysctls of the kernel against what
 * the Services need. It only tells; each finding once, and again after it was gone.
 */
import type { Configuration } from '../config/model.ts';
import { lacksOf, type VrfFacts } from '../config/symmetry.ts';
import { type Use, usesOf } from '../config/uses.ts';
import { thisNode } from '../intent/node.ts';
import type { Logger } from '../io/log.ts';
import { greaterOfAll, readSysctl } from '../io/sysctl.ts';
import type { Link } from '../netlink/link.ts';
import type { Route, RouteFilter } from '../netlink/route.ts';
import type { Rule } from '../netlink/rule.ts';
import { Stack } from './stack.ts';

/** Between looks, ms. Findings are for people, who need not know at once. */
const CHECK_MS = 30_000;
/** After a configuration, until what it brings about is there, ms. */
const SETTLE_MS = 5_000;

export interface SymmetryParts {
  stack(): Pick<Stack, 'links' | 'rules' | 'some' | 'close'>;
  sysctl(...path: readonly string[]): string | undefined;
}

const realParts: SymmetryParts = { stack: () => new Stack([]), sysctl: readSysctl };

export class Symmetry {
  private readonly log: Logger;
  private readonly parts: SymmetryParts;
  private uses: ReadonlyMap<string, Use> = new Map();
  private told = new Set<string>();
  private timer: NodeJS.Timeout | undefined;

  constructor(log: Logger, parts: SymmetryParts = realParts) {
    this.log = log;
    this.parts = parts;
  }

  /** A configuration is in force. */
  configure(config: Configuration): void {
    this.uses = vrfUses(config);
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.uses.size > 0) this.later(SETTLE_MS);
    else this.told.clear();
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  /** Looks now. */
  check(): void {
    const found = new Set<string>();
    let stack: ReturnType<SymmetryParts['stack']> | undefined;
    try {
      stack = this.parts.stack();
      const [links, rules] = [stack.links(), stack.rules()];
      for (const use of this.uses.values()) {
        const facts = factsOf(use.vrf, links, rules, stack, this.parts.sysctl);
        // Without the VRF there is no session in it either, and that is told.
        for (const { what, message, hint } of facts === undefined ? [] : lacksOf(facts, use)) {
          found.add(message);
          if (!this.told.has(message)) this.log.warn({ vrf: use.vrf, lack: what, remedy: hint }, message);
        }
      }
      this.told = found;
    } catch (error) {
      this.log.debug({ reason: (error as Error).message }, 'symmetric routing cannot be checked');
    } finally {
      stack?.close();
    }
  }

  private later(ms: number): void {
    this.timer = setTimeout(() => {
      this.check();
      this.later(CHECK_MS);
    }, ms);
    this.timer.unref();
  }
}

/** What is announced in VRFs here, by their names. */
export const vrfUses = (config: Configuration): ReadonlyMap<string, Use> =>
  usesOf({
    node: thisNode(config),
    loadBalancerClass: config.speaker.loadBalancerClass,
    peers: config.peers,
    advertisements: config.advertisements,
    pools: [...config.pools.values()],
    namespaces: config.namespaces,
    services: config.services,
    slices: config.endpointSlices,
    egress: config.egress,
  });

/** What the kernel has of a VRF; undefined where there is none of this name. */
export function factsOf(
  name: string,
  links: readonly Link[],
  rules: readonly Rule[],
  stack: { some(filter: RouteFilter, wanted: (route: Route) => boolean): boolean },
  sysctl: SymmetryParts['sysctl'],
): VrfFacts | undefined {
  const vrf = links.find((link) => link.name === name && link.info?.kind === 'vrf');
  const table = vrf?.info?.kind === 'vrf' ? vrf.info.table : undefined;
  if (vrf === undefined || table === undefined) return undefined;
  const members = links.filter((link) => link.master === vrf.index).flatMap((link) => link.name ?? []);
  const out = (route: Route) => route.type === 'unicast' && route.hops.some((hop) => hop.gateway !== undefined);
  return {
    name,
    rules: rules.map(({ family, priority, to, action, l3mdev, table: leads }) => ({
      family,
      priority,
      ...(to && { to }),
      ...(action === 'table' && !l3mdev && { table: leads }),
    })),
    ways: new Set(([4, 6] as const).filter((family) => stack.some({ family, table }, out))),
    interfaces: members.map((member) => ({
      name: member,
      rpFilter: greaterOfAll('rp_filter', member, sysctl),
      forwarding: new Set(
        ([4, 6] as const).filter((family) => sysctl('net', `ipv${family}`, 'conf', member, 'forwarding') !== '0'),
      ),
    })),
  };
}
