/** The instances of a speaker, one for each VRF that a peer is in, and their upkeep in slices between events. */
import type { Announces } from '../bgp/guard.ts';
import type { AttributeTable } from '../bgp/intern.ts';
import type { MultipathOptions } from '../bgp/multipath.ts';
import { interfacesNow, localAddresses } from '../io/interfaces.ts';
import { memory } from '../io/slab.ts';
import type { Prefix } from '../lib/prefix.ts';
import { takeRoomFrom } from '../lib/room.ts';
import type { Fib } from './fib/fib.ts';
import { Instance, type InstanceEvents } from './instance.ts';

export class Instances {
  private fib: Fib | undefined;
  private readonly attributes: AttributeTable;
  private readonly events: InstanceEvents;
  private readonly byVrf = new Map<string | undefined, Instance>();
  private alwaysBlock: readonly Prefix[] = [];
  /** How to know what this node announces; undefined while nobody has said. */
  announces: Announces | undefined;
  private multipath: MultipathOptions = {};
  private due: NodeJS.Immediate | undefined;
  private stopped = false;

  constructor(attributes: AttributeTable, events: InstanceEvents = {}) {
    this.attributes = attributes;
    this.events = events;
    // For the tables of routes that are to come.
    takeRoomFrom(memory);
  }

  get all(): Iterable<Instance> {
    return this.byVrf.values();
  }

  /** The instance of a VRF, which is made where there is none. */
  of(vrf: string | undefined): Instance {
    let instance = this.byVrf.get(vrf);
    if (instance === undefined) {
      instance = new Instance(vrf, this.attributes, this.fib, () => this.needUpkeep(), this.events);
      instance.intake.setAlwaysBlock(this.alwaysBlock);
      if (this.announces) instance.intake.setAnnounces(this.announces);
      instance.setMultipath(this.multipath);
      this.byVrf.set(vrf, instance);
    }
    return instance;
  }

  /** Where routes go: nowhere until then. */
  setFib(fib: Fib): void {
    this.fib = fib;
    for (const instance of this.all) instance.setFib(fib);
  }

  /** Prefixes that are taken from nobody, with everything inside them. */
  setAlwaysBlock(prefixes: readonly Prefix[]): void {
    this.alwaysBlock = prefixes;
    for (const instance of this.all) instance.intake.setAlwaysBlock(prefixes);
  }

  /** By VRF, '' for the default one: those whose routes its table has too, in the order in which they count. */
  setImports(imports: ReadonlyMap<string, readonly string[]>): void {
    const named = (vrf: string) => this.of(vrf || undefined);
    for (const [vrf, from] of imports) named(vrf).setImports(from.map(named));
    for (const instance of this.all) if (!imports.has(instance.vrf ?? '')) instance.setImports([]);
  }

  /** How to know what this node announces: no peer is to tell it that. */
  setAnnounces(announces: Announces): void {
    this.announces = announces;
    for (const instance of this.all) instance.intake.setAnnounces(announces);
  }

  /** This node announces the prefix now, or no longer. */
  reannounced(prefix: Prefix): void {
    for (const instance of this.all) instance.intake.reannounced(prefix);
  }

  /** Throws `RangeError` for a limit that cannot be. */
  setMultipath(options: MultipathOptions): void {
    this.multipath = options;
    for (const instance of this.all) instance.setMultipath(options);
  }

  /** There are routes that nobody has decided on. */
  get isBusy(): boolean {
    return this.due !== undefined;
  }

  checkAddresses(): void {
    const interfaces = interfacesNow();
    for (const { intake, vrf } of this.all) intake.checkAddresses(localAddresses(vrf, interfaces));
  }

  waysChanged(): void {
    for (const instance of this.all) instance.waysChanged();
  }

  tablesChanged(): void {
    for (const instance of this.all) instance.bind();
    // Ways lead through tables of others too.
    for (const instance of this.all) instance.waysChanged();
  }

  /** Nothing is decided or wanted any more: what is in the kernel stays as it is. */
  stop(): void {
    if (this.due) clearImmediate(this.due);
    this.due = undefined;
    this.stopped = true;
  }

  /** Some routes have changed. */
  needUpkeep(): void {
    if (this.stopped || this.due !== undefined) return;
    this.due = setImmediate(() => {
      this.due = undefined;
      let more = false;
      for (const instance of this.all) if (instance.work()) more = true;
      if (more) this.needUpkeep();
    });
  }
}
