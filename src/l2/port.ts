/** One interface: what is announced on it, when, and who else claims it. */
import type { ArpInterface, Standing } from '../arp/respond.ts';
import type { Address } from '../lib/address.ts';
import type { Mac } from '../lib/mac.ts';
import type { NdInterface } from '../ndp/respond.ts';
import type { Conflict } from './conflict.ts';
import { type Ranges, rangesOf } from './filter.ts';
import { type Group, groupsOf } from './groups.ts';
import { type Addresses, AddressMap, type AddressState } from './held.ts';
import { type Inquiry, inquiry } from './inquiry.ts';
import type { Port } from './link.ts';
import { Schedule } from './schedule.ts';
import type { DropCounters, Layer2Rules } from './snapshot.ts';

/** An address on one interface. */
export interface Held {
  readonly address: AddressState;
  epoch: number;
  /** The round that had it last (see Announcer). */
  seen: number;
  /** Another host has it, or may have it: not answered, not announced (see conflict.ts, inquiry.ts). */
  yielded: boolean;
}

/** What the interface's sockets are to let through. */
export interface Reception {
  readonly ranges4: Ranges;
  readonly ranges6: Ranges;
  readonly groups: ReadonlyMap<Mac, Group>;
}

/** Questions begin in groups, so that few looks at all of them are enough, ms. */
const ASK_TOGETHER_MS = 20;

export class PortState {
  port: Port;
  private rules: Layer2Rules;
  readonly schedule: Schedule<Held>;
  readonly conflicts = new Map<Held, Conflict | Inquiry>();
  /** The interface as the responders see it. */
  readonly arp: ArpInterface;
  readonly ndp: NdInterface;
  private readonly held = new AddressMap<Held>();
  /** How many addresses the round has here so far. */
  private seen = 0;
  private reception: Reception | undefined;
  private drops: Record<string, number> = {};
  private dropped = false;

  constructor(port: Port, rules: Layer2Rules, addresses: Addresses) {
    this.port = port;
    this.rules = rules;
    this.schedule = new Schedule(rules.schedule);
    this.arp = new ArpSide(this, addresses);
    this.ndp = new NdpSide(this, addresses);
  }

  find4(ip: number): Held | undefined {
    return this.held.get4(ip);
  }

  find6({ bytes }: Address): Held | undefined {
    return this.held.get6(bytes);
  }

  /**
   * The interface as it is now. With another hardware address, at another port of a switch, or back from having had no carrier, everything is
   * announced again, for the neighbours and switches have to learn it anew; with stickiness it is asked for first, as
   * another node may have taken it meanwhile.
   * @returns addresses over which there can be no conflict any more, since nothing is heard without a carrier
   */
  update(port: Port, rules: Layer2Rules, nowMs: number): Held[] {
    const before = this.port;
    this.port = port;
    this.rules = rules;
    this.schedule.update(rules.schedule, this.announceable(), nowMs);
    if (!port.running) {
      this.schedule.clear();
      return [...this.conflicts.keys()];
    }
    if (!before.running) this.takeUp(nowMs);
    else if (before.mac !== port.mac || before.moves !== port.moves)
      for (const held of this.announceable()) this.schedule.announce(held, nowMs);
    return [];
  }

  /** Begins anew with everything, as after a time in which nothing could be heard or sent. */
  takeUp(nowMs: number): void {
    if (!this.port.running) return;
    for (const held of this.announceable()) {
      if (this.rules.stickiness) this.ask(held, nowMs);
      else this.schedule.announce(held, nowMs);
    }
  }

  /** What is announced although another host claims it. */
  get contested(): Held[] {
    return [...this.conflicts].flatMap(([held, { phase }]) => (phase === 'held' ? held : []));
  }

  /** Silent until it is known that nobody else has the address. */
  private ask(held: Held, nowMs: number): void {
    this.schedule.cancel(held);
    const turnMs = nowMs + this.conflicts.size * this.rules.schedule.gapMs;
    held.yielded = true;
    this.conflicts.set(held, inquiry(Math.ceil(turnMs / ASK_TOGETHER_MS) * ASK_TOGETHER_MS));
  }

  private announceable(): Held[] {
    return [...this.held.values()].filter((held) => !held.yielded);
  }

  /**
   * The address is announced here in round `seen`. A burst begins when it was not before, or when `epoch` is
   * another than before.
   */
  hold(address: AddressState, epoch: number, seen: number, nowMs: number): void {
    let held = this.held.get(address.ip);
    const fresh = held?.epoch !== epoch;
    if (held === undefined) {
      held = { address, epoch, seen: 0, yielded: false };
      this.held.add(address.ip, held);
      this.reception = undefined;
      if (this.rules.stickiness && this.port.running) this.ask(held, nowMs);
    }
    if (held.seen !== seen) this.seen++;
    held.seen = seen;
    held.epoch = epoch;
    if (fresh && this.port.running && !held.yielded) this.schedule.announce(held, nowMs);
  }

  /** What was announced here and is not in round `seen`, to be released. */
  unseen(seen: number): Held[] {
    const all = this.seen === this.held.size;
    this.seen = 0;
    return all ? [] : [...this.held.values()].filter((held) => held.seen !== seen);
  }

  /** The address is announced here no longer. */
  release(held: Held): void {
    this.schedule.cancel(held);
    this.held.delete(held.address.ip);
    this.reception = undefined;
  }

  /** The same object until something changes. */
  wants(): Reception {
    this.reception ??= {
      ranges4: rangesOf(this.held.lows(4)),
      ranges6: rangesOf(this.held.lows(6)),
      groups: groupsOf([...this.held.values()].map((held) => held.address.ip)),
    };
    return this.reception;
  }

  drop(reason: string, frames = 1): void {
    this.drops[reason] = (this.drops[reason] ?? 0) + frames;
    this.dropped = true;
  }

  takeDrops(): DropCounters | undefined {
    if (!this.dropped) return undefined;
    this.dropped = false;
    return { interface: this.port.name, drops: { ...this.drops } };
  }
}

/** The responders call these for every frame: methods of a class are compiled once for all interfaces, closures are not. */
abstract class Side {
  protected readonly state: PortState;
  protected readonly addresses: Addresses;

  constructor(state: PortState, addresses: Addresses) {
    this.state = state;
    this.addresses = addresses;
  }

  get mac(): Mac {
    return this.state.port.mac;
  }
}

class ArpSide extends Side implements ArpInterface {
  standing(ip: number): Standing {
    const held = this.state.find4(ip);
    if (held !== undefined) return held.yielded ? 'yielded' : 'here';
    return this.addresses.has4(ip) ? 'elsewhere' : 'none';
  }
}

class NdpSide extends Side implements NdInterface {
  standing(ip: Address): Standing {
    const held = this.state.find6(ip);
    if (held !== undefined) return held.yielded ? 'yielded' : 'here';
    return this.addresses.has6(ip.bytes) ? 'elsewhere' : 'none';
  }
}
