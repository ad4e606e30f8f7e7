/**
 * EgressServices on this node: decisions become policy rules and one nftables table, by want and have.
 *
 * Whatever is found under our mark and not wanted is removed, whoever put it there; rules and tables of others are not
 * touched. Nothing is looked at where no EgressService exists, unless this daemon left something behind: a note in the
 * state directory says so, since another daemon on the machine may have put it there.
 */
import type { Configuration } from '../config/model.ts';
import { decideEgress, EGRESS_PRIORITY, EGRESS_PROTOCOL, type EgressDecision } from '../intent/egress.ts';
import type { ServiceDecision } from '../intent/service.ts';
import type { Logger } from '../io/log.ts';
import { nftApply, nftTable } from '../io/nft.ts';
import { readTableNames } from '../io/tables.ts';
import { type Address, formatAddress } from '../lib/address.ts';
import { equal } from '../lib/diff.ts';
import { prefixOf } from '../lib/prefix.ts';
import type { Link } from '../netlink/link.ts';
import { insideOf, NAT_TABLE, type NatState, natCommands, natState, readNat, type Translation } from '../vrf/nat.ts';
import { diffRules, ruleOps, type WantedRule } from '../vrf/rules.ts';
import { Stack, type StackEvents } from './stack.ts';

export interface EgressOptions {
  readonly log: Logger;
  /** Whether something of an earlier run may still be there. */
  readonly note: { get(): boolean; set(left: boolean): void };
  /** Rules and the table that are found under our mark are those of a process before this one. */
  isOurs(): boolean;
  /** For `show events`; the Service is '' where it is about all of them. */
  happened(service: string, event: string, reason: string): void;
  /** What it is made of. */
  readonly parts?: EgressParts;
}

type StackPart = Pick<Stack, 'links' | 'addresses' | 'rules' | 'apply' | 'close'>;

export interface EgressParts {
  /** Throws where this system has no such thing. */
  stack(events: StackEvents): StackPart;
  readonly nft: { table(name: string): Promise<string | undefined>; apply(commands: string): Promise<void> };
  tableNames(): ReadonlyMap<string, number>;
}

const realParts: EgressParts = {
  stack: (events) => new Stack(['link', 'address4', 'address6', 'rule4', 'rule6'], events),
  nft: { table: nftTable, apply: nftApply },
  tableNames: readTableNames,
};

/** The packet filter tells nobody when it is changed: how often it is looked at, ms. */
const CHECK_MS = 30_000;
/** What the kernel tells comes in bursts, ms. */
const SETTLE_MS = 100;

export class Egress {
  private readonly log: Logger;
  private readonly note: EgressOptions['note'];
  private readonly isOurs: () => boolean;
  private readonly happened: EgressOptions['happened'];
  private readonly parts: EgressParts;
  private readonly ips = new Map<string, readonly Address[]>();
  private config: Configuration | undefined;
  private stack: StackPart | undefined;
  private decisions: ReadonlyMap<string, EgressDecision> = new Map();
  /** What could not be carried out, by what it is about; logged once. */
  private readonly problems = new Map<'rules' | 'addresses' | 'kernel', string>();
  private running: Promise<void> = Promise.resolve();
  private again = false;
  /** What the packet filter was last known to hold; undefined: it is to be looked at. */
  private held: NatState | undefined;
  private timer: NodeJS.Timeout | undefined;
  private check: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor({ log, note, isOurs, happened, parts = realParts }: EgressOptions) {
    this.log = log;
    this.isOurs = isOurs;
    this.happened = happened;
    this.note = note;
    this.parts = parts;
  }

  /** A configuration is in force, whose decisions will follow. */
  configure(config: Configuration): void {
    this.config = config;
  }

  /** A Service was decided; undefined: it is gone. */
  decided(key: string, decision: ServiceDecision | undefined): void {
    if (decision === undefined) this.ips.delete(key);
    else this.ips.set(key, decision.ips);
  }

  /** All decisions are up to date. */
  settled(): void {
    const used = (this.config?.egress.size ?? 0) > 0 || this.decisions.size > 0;
    if (used || this.stack !== undefined || (this.note.get() && this.isOurs())) this.reconcile();
  }

  /** Takes everything back. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    clearInterval(this.check);
    await this.running;
    if (this.stack === undefined) return;
    await this.carryOut([], []);
    this.stack.close();
    this.stack = undefined;
  }

  /** What became of a Service's EgressService, as `show services` has it; null where there is none. */
  row(key: string) {
    const found = this.decisions.get(key);
    if (found === undefined) return null;
    const { host, network, table, reason, detail, translations, rules } = found;
    return {
      host,
      active: reason === undefined,
      reason: reason ?? null,
      detail,
      network,
      table: table ?? null,
      sources: translations.map(({ from, to }) => ({ from: formatAddress(from), to: formatAddress(to) })),
      rules: rules.length,
      problems: [...this.problems.values()],
    };
  }

  /** All decisions that are in force. */
  get all(): Iterable<EgressDecision> {
    return this.decisions.values();
  }

  /** The decision about a Service, where it has an EgressService. */
  decision(key: string): EgressDecision | undefined {
    return this.decisions.get(key);
  }

  /** One run at a time, and another one after it for whatever has changed meanwhile. */
  private reconcile(): void {
    if (this.again) return;
    this.again = true;
    this.running = this.running.then(() => {
      this.again = false;
      return this.stopped ? undefined : this.run();
    });
  }

  private soon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.reconcile();
    }, SETTLE_MS);
  }

  private async run(): Promise<void> {
    const config = this.config!;
    if (!this.open()) return;
    const stack = this.stack!;
    try {
      const decisions = decideEgress(config, {
        ips: this.ips,
        own: stack.addresses().flatMap(({ address }) => address ?? []),
        table: tableLookup(stack.links(), this.parts.tableNames()),
      });
      this.tell(decisions);
      this.decisions = new Map(decisions.map((decision) => [decision.key, decision]));
      await this.carryOut(
        rulesOf(decisions),
        decisions.flatMap(({ translations }) => translations),
      );
      this.problem('kernel', undefined);
    } catch (error) {
      this.problem('kernel', (error as Error).message);
    }
    if (config.egress.size === 0 && this.problems.size === 0) this.close();
  }

  private open(): boolean {
    if (this.stack !== undefined) return true;
    try {
      this.stack = this.parts.stack({ changed: () => this.soon() });
      this.check = setInterval(() => {
        this.held = undefined;
        this.reconcile();
      }, CHECK_MS).unref();
      return true;
    } catch (error) {
      this.problem('kernel', (error as Error).message);
      return false;
    }
  }

  private close(): void {
    clearInterval(this.check);
    this.stack?.close();
    this.stack = undefined;
  }

  private async carryOut(rules: readonly WantedRule[], translations: readonly Translation[]): Promise<void> {
    const wanted = rules.length > 0 || translations.length > 0;
    // Before anything is done: whoever is killed in the middle has said so.
    if (wanted) this.note.set(true);
    const there = this.stack!.rules();
    const diff = diffRules(rules, there, EGRESS_PROTOCOL);
    const ops = ruleOps(diff, EGRESS_PROTOCOL);
    const error = ops.length === 0 ? undefined : this.stack!.apply(ops).find((each) => each !== undefined);
    this.problem('rules', error?.message);
    if (ops.length > 0 && error === undefined)
      this.log.info({ added: diff.add.length, removed: diff.remove.length }, 'egress: policy rules changed');
    await this.translate(natState(translations, insideOf(there, EGRESS_PRIORITY)), wanted || this.note.get());
    if (!wanted && this.problems.size === 0) this.note.set(false);
  }

  /** Makes the table hold exactly these, and writes nothing where it does. */
  private async translate(want: NatState, may: boolean): Promise<void> {
    const none = want.sources.size === 0;
    if ((none && !may) || equal(this.held, want)) return;
    let listing: string | undefined;
    try {
      listing = await this.parts.nft.table(NAT_TABLE);
      const have = listing === undefined ? undefined : readNat(listing);
      const same = none ? listing === undefined : have !== undefined && equal(have, want);
      if (!same) {
        await this.parts.nft.apply(natCommands(want));
        this.log.info({ sources: want.sources.size }, 'egress: source addresses changed');
      }
      this.held = want;
      this.problem('addresses', undefined);
    } catch (error) {
      this.held = undefined;
      // Where nothing is wanted and nothing is seen, nothing is missed.
      this.problem('addresses', none && listing === undefined ? undefined : (error as Error).message);
    }
  }

  private problem(about: 'rules' | 'addresses' | 'kernel', reason: string | undefined): void {
    if (this.problems.get(about) === reason) return;
    if (reason === undefined) this.problems.delete(about);
    else {
      this.problems.set(about, reason);
      this.log.error({ reason }, problemTexts[about]);
      this.happened('', problemTexts[about], reason);
    }
  }

  private tell(decisions: readonly EgressDecision[]): void {
    for (const { key, reason, detail, host, network } of decisions) {
      const before = this.decisions.get(key);
      if (before !== undefined && before.reason === reason && before.host === host && before.network === network)
        continue;
      const fields = { service: key, ...(reason && { reason }), detail, host, ...(network && { network }) };
      this.happened(key, reason === undefined ? 'carried here' : 'not carried here', reason ?? '');
      if (reason === undefined) this.log.info(fields, 'egress: carried here');
      else this.log[reason === 'networkNotFound' ? 'warn' : 'info'](fields, 'egress: not carried here');
    }
  }
}

const problemTexts = {
  rules: 'egress: policy rules cannot be set: replies may leave by another network',
  addresses: 'egress: source addresses cannot be set',
  kernel: 'egress: EgressServices cannot be carried out here',
} as const;

const rulesOf = (decisions: readonly EgressDecision[]): WantedRule[] =>
  decisions.flatMap(({ rules }) =>
    rules.map(({ from, sourcePort, table }) => ({
      family: from.family,
      priority: EGRESS_PRIORITY,
      from: prefixOf(from),
      ...(sourcePort !== undefined && { sourcePorts: { first: sourcePort, last: sourcePort } }),
      table,
    })),
  );

/** By number, by the name that iproute2 knows, or by the VRF. */
export function tableLookup(
  links: readonly Link[],
  names: ReadonlyMap<string, number>,
): (network: string) => number | undefined {
  const vrfs = new Map(
    links.flatMap(({ name, info }) =>
      info?.kind === 'vrf' && info.table !== undefined && name ? [[name, info.table]] : [],
    ),
  );
  return (network) => (/^\d+$/.test(network) ? Number(network) : (vrfs.get(network) ?? names.get(network)));
}
