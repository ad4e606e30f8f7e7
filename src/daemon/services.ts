/**
 * Every Service's decision, kept current. A reload marks Services dirty; `step` works off one at a time, so that
 * 10,000 of them stop no keepalive, and says which prefixes it touched. What did not change is not looked at.
 */
import type { Configuration, Service } from '../config/model.ts';
import { sameGround } from '../config/retain.ts';
import { Advertisements } from '../intent/advertise.ts';
import { Allocator } from '../intent/allocate.ts';
import type { Addressed, Assignment, Remembered } from '../intent/assignment.ts';
import type { Drain } from '../intent/drain.ts';
import { handsOver } from '../intent/handover.ts';
import type { Standing } from '../intent/layer2.ts';
import { allocationOrder } from '../intent/order.ts';
import { ORIGINATED, originate } from '../intent/originate.ts';
import type { Contribution } from '../intent/route.ts';
import { type Scope, scopeOf } from '../intent/scope.ts';
import { decideService, filedOf, type ServiceDecision, type ServiceInput, unhandled } from '../intent/service.ts';
import { remembersOwners, Tenure } from '../intent/tenure.ts';
import { sha256 } from '../io/digest.ts';
import { formatAddress } from '../lib/address.ts';
import { equal } from '../lib/diff.ts';
import type { Prefix } from '../lib/prefix.ts';
import { Placing } from './placing.ts';

/** What one step decided. */
export interface Decided {
  readonly key: string;
  readonly before: ServiceDecision | undefined;
  /** Undefined: the Service is gone. */
  readonly after: ServiceDecision | undefined;
  /** Prefixes whose route may have changed for some peer. */
  readonly prefixes: readonly Prefix[];
  /** What the allocator remembers of the Service may have changed. */
  readonly reassigned: boolean;
}

export class Services {
  readonly advertisements = new Advertisements(0);
  readonly allocator = new Allocator();
  readonly decisions = new Map<string, ServiceDecision>();
  /** Who had which address last, where the Speaker wants to know. */
  readonly tenure = new Tenure();
  private heldDown: Standing['heldDown'];
  /** Members of the cluster that should be heard of and are not. */
  silent: ReadonlySet<string> = new Set();
  private joining = false;
  private config: Configuration | undefined;
  private scope: Scope | undefined;
  private drained: Drain | undefined;
  /** In the order in which they are to be decided or, where addresses are spread evenly, to be filed for that. */
  private dirty = new Set<string>();
  /** Where addresses are spread evenly: who has how many, and Services to be decided once that is known. */
  private readonly placing = new Placing();
  private readonly filed = new Map<string, Addressed | undefined>();
  /** Services that wait for an address that another might give up. Some have one of the other family. */
  private readonly waiting = new Set<string>();
  /** The documents behind `decisions`. */
  private readonly decided = new Map<string, Service>();
  private originated: readonly Contribution[] = [];
  private remembered: readonly Remembered[] = [];

  /** Addresses from an earlier run, before the first `apply`. */
  remember(assignments: readonly Remembered[]): void {
    this.remembered = assignments;
  }

  /**
   * Takes over a configuration.
   * @returns whether every route is to be worked out again, not only those of the Services that `step` will name
   */
  apply(config: Configuration): boolean {
    const before = this.config;
    this.config = config;
    const ground = before !== undefined && sameGround(before, config);
    const changed: Service[] = [];
    for (const [key, service] of config.services) {
      const same =
        ground &&
        before.services.get(key) === service &&
        before.endpointSlices.get(key) === config.endpointSlices.get(key);
      if (!same) changed.push(service);
    }
    const dirty = new Set<string>();
    for (const key of this.decisions.keys()) if (!config.services.has(key)) dirty.add(key);
    let everyRoute = false;
    if (!ground) {
      if (!remembersOwners(config.speaker)) this.tenure.clear();
      this.placing.configure(config);
      this.survey(config);
      everyRoute = this.advertisements.setDefaultLocalPref(config.speaker.defaultLocalPref);
      for (const key of this.allocator.setPools(config.pools, config.namespaces)) dirty.add(key);
      this.allocator.restore(this.remembered.filter(({ service }) => config.services.has(service)));
      this.remembered = [];
    }
    for (const service of allocationOrder(changed, this.allocator)) dirty.add(`${service.namespace}/${service.name}`);
    for (const key of [...this.dirty, ...this.filed.keys()]) dirty.add(key);
    this.dirty = dirty;
    return everyRoute;
  }

  /** Drains the node, or no longer; every Service is decided again. */
  drain(drain: Drain | undefined): void {
    if (equal(this.drained, drain)) return;
    this.drained = drain;
    if (this.config === undefined) return;
    this.survey(this.config);
    for (const key of this.config.services.keys()) this.dirty.add(key);
  }

  /** Addresses that this node may not take over, or, with undefined, none any more. */
  holdDown(heldDown: Standing['heldDown']): void {
    this.heldDown = heldDown;
    for (const [key, { layer2 }] of this.decisions) if (layer2.reason === 'heldDown') this.dirty.add(key);
  }

  /**
   * Who of the cluster is alive has changed.
   * @param silent members that should be heard of and are not
   * @param joining it is not known yet: this node takes nothing over
   * @returns whether that is news for decisions
   */
  hear(silent: ReadonlySet<string>, joining: boolean): boolean {
    const before = this.silent;
    const [changed, waits] = [!equal(before, silent), this.joining !== joining];
    this.silent = silent;
    this.joining = joining;
    if (this.config === undefined || !(changed || waits)) return false;
    this.survey(this.config);
    // A candidate that goes makes a difference where it was the first; one that comes may be the first anywhere, or be
    // remembered. Where addresses are spread evenly those that move are found by sharing them out.
    const found = this.placing.isWanted && !this.config.speaker.layer2.stickiness;
    const comes = !found && [...before].some((name) => !silent.has(name));
    for (const [key, { layer2 }] of this.decisions) {
      const { owner, reason } = layer2;
      if (comes ? owner !== undefined || reason === 'notOwner' : owner !== undefined && silent.has(owner))
        this.again(key);
      const service = changed ? this.config.services.get(key) : undefined;
      if (service !== undefined && handsOver(service, this.scope!.terminating)) this.again(key);
      if (waits && owner === this.config.speaker.name) this.again(key);
    }
    return true;
  }

  /** Everyone who may announce on layer 2. */
  get nodes(): Scope['nodes'] {
    return this.scope?.nodes ?? [];
  }

  /**
   * Works out what FRRConfigurations have told.
   * @returns the prefixes whose route may have changed for some peer
   */
  originate(): Prefix[] {
    if (this.config === undefined) return [];
    const before = this.originated;
    this.originated = originate(this.config, this.drained);
    if (equal(before, this.originated)) return [];
    return this.advertisements.update(ORIGINATED, this.originated);
  }

  /** Services still to be decided. */
  get backlog(): number {
    return this.dirty.size + this.filed.size + Number(this.placing.pending);
  }

  /**
   * Where addresses are spread evenly nothing can be decided before it is known what all have. Does a part of finding that
   * out; false when nothing is left to be done for it.
   */
  prepare(): boolean {
    if (!this.placing.isWanted) return false;
    const [key] = this.dirty;
    if (key !== undefined) {
      this.dirty.delete(key);
      this.file(key);
      return true;
    }
    if (!this.placing.pending) return false;
    for (const moved of this.placing.settle()) this.again(moved);
    return true;
  }

  /** Decides one dirty Service; undefined when none is left. */
  step(): Decided | undefined {
    while (this.prepare());
    const even = this.placing.isWanted;
    const [key] = even ? this.filed.keys() : this.dirty;
    if (key === undefined) return undefined;
    this.dirty.delete(key);
    const config = this.config!;
    const service = config.services.get(key);
    const before = this.decisions.get(key);
    const { assignment, kept } = (even ? this.filed.get(key) : undefined) ?? this.assigned(key, service);
    this.filed.delete(key);
    const after = decideService({
      key,
      service,
      slices: config.endpointSlices.get(key) ?? [],
      scope: this.scope!,
      assignment,
      previous: before,
      standing: this.standing(config),
    });
    this.keep(key, after, config);
    if (service === undefined) {
      this.decisions.delete(key);
      this.decided.delete(key);
    } else {
      this.decisions.set(key, after);
      this.decided.set(key, service);
    }
    const prefixes = this.advertisements.update(key, after.bgp.contributions);
    return { key, before, after: service && after, prefixes, reassigned: !kept };
  }

  /** What the decision about a Service was made from, to be made once more. */
  inputOf(key: string): ServiceInput | undefined {
    const { config, scope } = this;
    const [service, decision] = [this.decided.get(key), this.decisions.get(key)];
    if (service === undefined || decision === undefined || config === undefined || scope === undefined)
      return undefined;
    const { ips, pool, allocation } = decision;
    const held: Assignment | undefined =
      pool === undefined ? undefined : { assigned: true, service: key, ips, pool, origin: 'kept', evicted: [] };
    return {
      key,
      service,
      slices: config.endpointSlices.get(key) ?? [],
      scope,
      assignment: allocation ?? held,
      standing: this.standing(config),
    };
  }

  /** Decides a Service again whose documents are what they were. */
  private again(key: string): void {
    if (!this.placing.isWanted) this.dirty.add(key);
    else if (!this.filed.has(key)) this.filed.set(key, undefined);
  }

  /** Gives a Service its addresses, and files the first of them. */
  private file(key: string): void {
    const { services, endpointSlices } = this.config!;
    const service = services.get(key);
    const assigned = this.assigned(key, service);
    this.filed.set(key, assigned);
    const { assignment } = assigned;
    const slices = endpointSlices.get(key) ?? [];
    this.placing.file(key, filedOf({ key, service, slices, scope: this.scope!, assignment }));
  }

  private assigned(key: string, service: Service | undefined): Addressed {
    const assignment = this.assign(key, service);
    const kept = assignment?.assigned === true && assignment.origin === 'kept' && this.decided.get(key) === service;
    // It may have been filed before without having been decided.
    return { assignment, kept: kept && this.filed.get(key)?.kept !== false };
  }

  private survey(config: Configuration): void {
    this.scope = scopeOf(config, sha256, { drain: this.drained, silent: this.silent });
    this.placing.see(this.scope.nodes);
  }

  private standing({ speaker: { layer2 } }: Configuration): Standing {
    return {
      ...(layer2.spread === 'even' && { placed: (ip: string) => this.placing.of(ip) }),
      ...(layer2.stickiness && { holder: (ip: string) => this.tenure.owner(ip) }),
      ...(this.heldDown && { heldDown: this.heldDown }),
      joining: this.joining,
    };
  }

  private keep(key: string, { ips: [first], layer2 }: ServiceDecision, { speaker }: Configuration): void {
    if (!remembersOwners(speaker)) return;
    // What waits is not had yet.
    const owner = layer2.reason === 'heldDown' ? undefined : layer2.owner;
    this.tenure.set(key, first && formatAddress(first), owner);
  }

  private assign(key: string, service: Service | undefined): Assignment | undefined {
    this.waiting.delete(key);
    if (service === undefined || unhandled(service, this.scope!)) {
      if (this.allocator.release(key)) this.retryWaiting();
      return undefined;
    }
    const held = this.allocator.lease(key);
    const assignment = this.allocator.assign(service);
    for (const evicted of assignment.evicted) this.dirty.add(evicted);
    if (held !== undefined && this.allocator.lease(key) !== held) this.retryWaiting();
    if (!assignment.assigned || this.allocator.lacksFamily(service)) this.waiting.add(key);
    return assignment;
  }

  /** An address came free: whoever was refused one, or the second of two, asks again. */
  private retryWaiting(): void {
    for (const key of this.waiting) this.dirty.add(key);
    this.waiting.clear();
  }
}
