/**
 * Addresses of Services on this host's loopback, for hosts where nothing else accepts what is sent to them: those that
 * are announced in one of the ways that the Speaker names. They are there before the first peer is told, and go when the
 * last one was told otherwise.
 *
 * What was put there is written down first, so that a process that is killed leaves nothing behind for its successor
 * to take for somebody else's.
 */
import type { Configuration } from '../config/model.ts';
import type { ServiceDecision } from '../intent/service.ts';
import type { Logger } from '../io/log.ts';
import { type Address, formatAddress } from '../lib/address.ts';
import type { NetlinkError } from '../netlink/errors.ts';
import { BootFile } from './bootfile.ts';
import { type Kernel, LoopbackKernel } from './loopbackkernel.ts';
import { place, putOp, takeOp } from './placement.ts';

export interface LoopbackOptions {
  readonly log: Logger;
  /** Addresses that are found under our mark are those of a process before this one. */
  isOurs(): boolean;
  /** Another host has the address, so that this one is silent about it on layer 2 although it is to announce it. */
  yielded?(ip: Address, decision: ServiceDecision): boolean;
  /** Throws where this system has no such thing. */
  readonly kernel?: (changed: () => void) => Kernel;
}

/** `put`: by us. `present`: by somebody else. Anything else is why it could not be put. */
export type Presence = 'put' | 'present' | (string & {});

const FILE = 'loopback.json';
const VERSION = 1;
/** Between a change that was not ours and looking what is missing, ms. */
const LOOK_MS = 200;

export class Loopback {
  private readonly log: Logger;
  private readonly isOurs: () => boolean;
  private stateDir = '';
  private readonly open: (changed: () => void) => Kernel;
  private readonly yielded: (ip: Address, decision: ServiceDecision) => boolean;
  private kernel: Kernel | undefined;
  private protocols: Configuration['speaker']['loopbackAddresses'] = [];
  /** Services that want their addresses there; with what was decided, where they are announced on layer 2 alone. */
  private readonly byService = new Map<
    string,
    { readonly ips: readonly Address[]; readonly layer2?: ServiceDecision }
  >();
  /** Texts of addresses that were put there and not taken off, as they are on disk. */
  private remembered: ReadonlySet<string> | undefined;
  private readonly file: BootFile<{ readonly ips: readonly string[] }>;
  private readonly states = new Map<string, Presence>();
  /** The last complaints, which are not repeated while nothing changes. */
  private readonly told = new Map<string, string>();
  private looking: NodeJS.Timeout | undefined;
  private claiming: NodeJS.Immediate | undefined;
  /** Something may have to be put there or taken off. */
  private dirty = false;
  /** Something is to be taken off once peers know. */
  private leaving = false;
  private begun = false;

  constructor({
    log,
    isOurs,
    yielded = () => false,
    kernel = (changed) => new LoopbackKernel(changed),
  }: LoopbackOptions) {
    this.log = log;
    this.yielded = yielded;
    this.isOurs = isOurs;
    this.open = kernel;
    this.file = new BootFile(FILE, VERSION, (reason) =>
      log.warn({ reason }, 'addresses on the loopback cannot be remembered over a restart'),
    );
  }

  /** Something of an earlier process may be there, by what it has left in this state directory. */
  hasLeft(stateDir: string): boolean {
    this.remembered ??= this.recall(stateDir);
    return this.remembered.size > 0;
  }

  /** A configuration is in force, whose decisions will follow. */
  configure({ speaker }: Configuration): void {
    this.protocols = speaker.loopbackAddresses;
    this.dirty = true;
    this.stateDir = speaker.stateDir;
    this.remembered ??= this.recall(speaker.stateDir);
    // The state directory may be another.
    this.remember([...this.remembered]);
    const unused = this.protocols.length === 0 && (this.remembered.size === 0 || !this.isOurs());
    if (this.kernel !== undefined || unused) return;
    try {
      this.kernel = this.open(() => this.lookSoon());
    } catch (error) {
      this.log.error({ reason: (error as Error).message }, 'no address can be put on the loopback here');
    }
  }

  /** A Service was decided; undefined: it is gone. */
  decided(key: string, decision: ServiceDecision | undefined): void {
    const announcing = this.protocols.filter((protocol) => decision?.[protocol].announced);
    const wanted = decision !== undefined && announcing.length > 0;
    if (wanted) {
      const alone = announcing.every((protocol) => protocol === 'layer2');
      this.byService.set(key, { ips: decision.ips, ...(alone && { layer2: decision }) });
    }
    if (!wanted && !this.byService.delete(key)) return;
    this.dirty = true;
  }

  /** Another host has taken an address on layer 2, or has given it up: ten thousand of them at once, it may be. */
  claimed(): void {
    this.claiming ??= setImmediate(() => {
      this.claiming = undefined;
      if (this.byService.size > 0) this.look();
    });
  }

  /** Every Service is decided, and peers are about to be told. */
  resolved(): void {
    if (this.dirty) this.reconcile(false);
  }

  /** Peers were told what is no longer announced. */
  settled(): void {
    this.begun = true;
    if (this.dirty || this.leaving) this.reconcile(true);
  }

  /** Takes everything off that was put there. */
  stop(): void {
    this.byService.clear();
    this.reconcile(true);
    clearTimeout(this.looking);
    clearImmediate(this.claiming);
    this.kernel?.close();
    this.kernel = undefined;
    this.file.stop();
  }

  /** What is the case with an address; undefined where it is not to be there. */
  state(ip: string): Presence | undefined {
    return this.states.get(ip);
  }

  private lookSoon(): void {
    this.looking ??= setTimeout(() => {
      this.looking = undefined;
      this.look();
    }, LOOK_MS);
  }

  /** While decisions are being made, some peers have yet to be told what goes. */
  private look(): void {
    if (this.begun) this.reconcile(!this.dirty);
  }

  /** By text. What another host has, this one must not take for its own: it would never reach that host. */
  private wanted(): Map<string, Address> {
    const want = new Map<string, Address>();
    for (const { ips, layer2 } of this.byService.values())
      for (const ip of ips) if (layer2 === undefined || !this.yielded(ip, layer2)) want.set(formatAddress(ip), ip);
    return want;
  }

  private reconcile(remove: boolean): void {
    const { kernel, remembered } = this;
    if (kernel === undefined || remembered === undefined) return;
    this.dirty = false;
    const want = this.wanted();
    try {
      const { loopback } = kernel;
      const plan = place(want, kernel.addresses(), loopback, remembered);
      this.leaving = !remove && plan.remove.length > 0;
      const leaving = remove ? plan.remove : [];
      if (plan.add.length > 0) this.remember([...remembered, ...plan.add.map(formatAddress)]);
      const ops = [...plan.add.map((ip) => putOp(ip, loopback)), ...leaving.map((ip) => takeOp(ip, loopback))];
      const outcomes = ops.length === 0 ? [] : kernel.apply(ops);
      const stuck = leaving.filter((_, i) => outcomes[plan.add.length + i] !== undefined);
      if (remove) this.remember([...plan.kept, ...plan.add, ...stuck].map(formatAddress));
      this.states.clear();
      for (const { ip } of plan.present) this.states.set(formatAddress(ip), 'present');
      for (const ip of plan.kept) this.states.set(formatAddress(ip), 'put');
      for (const [i, ip] of plan.add.entries()) this.states.set(formatAddress(ip), outcomes[i]?.code ?? 'put');
      this.tell(plan.add, leaving, outcomes);
      this.tellPresent(plan.present, kernel);
      this.tellAnswers(kernel, [...plan.kept, ...plan.add]);
    } catch (error) {
      this.news('kernel', (error as Error).message, (reason) =>
        this.log.error({ reason }, 'the addresses of this host cannot be read or changed'),
      );
    }
  }

  private tell(add: readonly Address[], leaving: readonly Address[], outcomes: readonly (NetlinkError | undefined)[]) {
    const failed = outcomes.find((outcome) => outcome !== undefined);
    const ips = (list: readonly Address[], from: number) =>
      list.filter((_, i) => outcomes[from + i] === undefined).map(formatAddress);
    const [put, taken] = [ips(add, 0), ips(leaving, add.length)];
    if (put.length > 0) this.log.info({ ips: put.slice(0, 100), addresses: put.length }, 'put on the loopback');
    if (taken.length > 0)
      this.log.info({ ips: taken.slice(0, 100), addresses: taken.length }, 'taken off the loopback');
    this.news('change', failed?.message, (reason) => {
      const remedy = failed?.code === 'EPERM' ? ': CAP_NET_ADMIN is needed' : '';
      this.log.error({ reason }, `addresses cannot be put on the loopback or taken off it${remedy}`);
    });
  }

  private tellPresent(present: readonly { readonly ip: Address; readonly link: number }[], kernel: Kernel): void {
    const list = present.map(({ ip, link }) => `${formatAddress(ip)} on ${kernel.nameOf(link)}`);
    this.news('present', list.length > 0 ? list.slice(0, 100).join(', ') : undefined, (ips) =>
      this.log.info({ ips }, 'this host has the address already: it is left as it is'),
    );
  }

  /** The kernel answers ARP for any address of the host on any interface, unless it is told not to. */
  private tellAnswers(kernel: Kernel, put: readonly Address[]): void {
    const answering = put.some(({ family }) => family === 4) ? kernel.answering() : [];
    this.news('arp', answering.length > 0 ? answering.join() : undefined, () =>
      this.log.warn(
        { interfaces: answering },
        'the kernel answers ARP for addresses on the loopback by itself, here and on every other host that has them: ' +
          'set net.ipv4.conf.all.arp_ignore=1 and net.ipv4.conf.all.arp_announce=2',
      ),
    );
  }

  private news(about: string, what: string | undefined, tell: (what: string) => void): void {
    if (this.told.get(about) === what) return;
    if (what === undefined) this.told.delete(about);
    else {
      this.told.set(about, what);
      tell(what);
    }
  }

  /** Nothing after another boot: the kernel has forgotten. */
  private recall(stateDir: string): ReadonlySet<string> {
    const { ips } = this.file.recall(stateDir);
    return new Set(Array.isArray(ips) ? ips.filter((ip) => typeof ip === 'string') : []);
  }

  private remember(list: readonly string[]): void {
    const ips = [...new Set(list)].sort();
    // Nobody is to find a file where nothing was ever put.
    if (ips.length === 0 && this.remembered?.size === 0) return;
    this.remembered = new Set(ips);
    this.file.keep(this.stateDir, { ips });
  }
}
