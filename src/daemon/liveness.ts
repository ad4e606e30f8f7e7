/**
 * Who of the cluster is alive, where BFD watches that: from the sessions with the other members to what elections rest on.
 *
 *   Bfd ─ member up, down ─► Liveness ─ silent, joining ─► Engine (who announces what on layer 2)
 *
 * A node that has just come, or whose link was down, takes nothing over before it has heard of the others, or nobody was
 * heard of for a while: what it does not know yet must not make two nodes answer for one address. One that goes says so.
 */
import { type Hearing, type MemberPath, memberNames } from '../config/membership.ts';
import type { Configuration } from '../config/model.ts';
import { monotonicMs } from '../io/clock.ts';
import type { Logger } from '../io/log.ts';
import { type Address, formatAddress } from '../lib/address.ts';
import { equal } from '../lib/diff.ts';

export interface LivenessOptions {
  readonly log: Logger;
  /** `watched` is another list. */
  watch(): void;
  /** Sessions are not on the wire: that a member was not heard of says nothing. */
  deaf(): boolean;
  /** Addresses of this node, those of links without a carrier left out. */
  addresses(): readonly Address[];
  changed(silent: ReadonlySet<string>, joining: boolean): void;
  /** `hearing` may be another. */
  heard(): void;
  /** Both ends were there all the time and did not hear each other: hosts may have been told different things. */
  healed(): void;
  /** For the journal. */
  happened(node: string, event: string, reason: string): void;
}

interface Member {
  readonly path: MemberPath;
  heard: boolean;
  /** Until then it counts as alive without being heard of, on the clock of `monotonicMs`. */
  presumedUntil: number;
  /** Of the last session that was up, the other end's; 0 before. */
  discriminator: number;
}

/** What a session takes to come up, at first with a packet a second, and some more. */
const JOIN_MS = 5_000;
const CHECK_MS = 250;

export class Liveness {
  private readonly options: LivenessOptions;
  private members = new Map<string, Member>();
  private config: Configuration | undefined;
  private silent: ReadonlySet<string> = new Set();
  private joining = false;
  private joinUntil = 0;
  private hasLeft = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(options: LivenessOptions) {
    this.options = options;
  }

  /** Members to be watched, now. */
  get watched(): readonly MemberPath[] {
    return this.hasLeft ? [] : [...this.members.values()].map(({ path }) => path);
  }

  /** As far as it is known; before the first configuration nothing is. */
  get hearing(): Hearing {
    const aside = this.config === undefined || this.joining || this.hasLeft;
    return { aside, silent: aside ? new Set() : this.silent };
  }

  /** A configuration is about to be applied. */
  configure(config: Configuration): void {
    const before = this.config;
    this.config = config;
    if (before?.members === config.members) return;
    const now = monotonicMs();
    // Whoever counted as alive until now gets the time to show that it is.
    const alive = new Set(
      before === undefined
        ? []
        : before.members.length === 0
          ? memberNames(before.speaker, before.nodes)
          : [...this.members].filter(([, { heard }]) => heard).map(([name]) => name),
    );
    const known = this.members;
    this.members = new Map(
      config.members.map((path) => {
        const member = known.get(path.name);
        if (member !== undefined && equal(wayOf(member.path), wayOf(path))) return [path.name, { ...member, path }];
        const presumedUntil = alive.has(path.name) ? now + JOIN_MS : 0;
        return [path.name, { path, heard: false, presumedUntil, discriminator: 0 }];
      }),
    );
    if (before === undefined) this.join();
    this.options.watch();
    this.update();
  }

  /** A session has changed its state. */
  told(name: string, up: boolean, discriminator: number, reason: string): void {
    const member = this.members.get(name);
    if (member === undefined || this.hasLeft || member.heard === up) return;
    member.heard = up;
    member.presumedUntil = 0;
    const { log, happened, healed } = this.options;
    if (up) {
      log.info({ node: name }, 'the speaker of another node is alive');
      happened(name, 'member alive', '');
      if (member.discriminator === discriminator) healed();
      member.discriminator = discriminator;
    } else {
      log.warn({ node: name, reason }, 'the speaker of another node is silent: what it announced is taken over');
      happened(name, 'member silent', reason);
    }
    this.update();
  }

  /** This node announces nothing any more: the others are told so. */
  leave(): void {
    if (this.hasLeft) return;
    this.hasLeft = true;
    clearInterval(this.timer);
    this.timer = undefined;
    if (this.members.size > 0) this.options.watch();
    this.options.heard();
  }

  /** It will again. */
  enter(): void {
    if (!this.hasLeft) return;
    this.hasLeft = false;
    for (const member of this.members.values()) member.heard = false;
    this.join();
    this.options.watch();
    this.update();
  }

  private join(): void {
    this.joining = this.members.size > 0;
    this.joinUntil = monotonicMs() + JOIN_MS;
  }

  private update(): void {
    if (this.hasLeft) return;
    const now = monotonicMs();
    const all = [...this.members.values()];
    const isSilent = ({ heard, presumedUntil }: Member) => !heard && presumedUntil <= now;
    const alone = all.length > 0 && all.every(({ heard }) => !heard);
    // The others have taken over what it had, and will until they hear of it.
    if (alone && (this.isCutOff(all) || (this.joining && this.options.deaf()))) this.join();
    if (this.joining && (now >= this.joinUntil || all.every(({ heard }) => heard))) this.joining = false;
    this.silent = new Set(all.filter(isSilent).map(({ path }) => path.name));
    this.options.changed(this.silent, this.joining);
    this.options.heard();
    const open = alone || this.joining || all.some(({ heard, presumedUntil }) => !heard && presumedUntil > now);
    if (open) this.timer ??= setInterval(() => this.update(), CHECK_MS).unref();
    else {
      clearInterval(this.timer);
      this.timer = undefined;
    }
  }

  /** The link to the others is down. */
  private isCutOff(all: readonly Member[]): boolean {
    const sources = all.flatMap(({ path }) => path.source ?? []).map(formatAddress);
    if (sources.length === 0) return false;
    const own = new Set(this.options.addresses().map(formatAddress));
    return !sources.some((source) => own.has(source));
  }
}

/** Another of these is another session. */
const wayOf = ({ address, source }: MemberPath) => ({ address, source });
