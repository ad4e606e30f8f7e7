/** Where addresses belong that are spread evenly over nodes, as far as this node knows which of them are there. */
import type { Configuration } from '../config/model.ts';
import { memberState } from '../intent/members.ts';
import type { Scope } from '../intent/scope.ts';
import { type Filed, type Placement, Spread } from '../intent/spread.ts';

export class Placing {
  /** Addresses are to be spread evenly; else nothing is filed. */
  isWanted = false;
  private readonly spread = new Spread();
  private nodes: ReadonlyMap<string, Scope['nodes'][number]> = new Map();

  configure({ speaker: { layer2 } }: Pick<Configuration, 'speaker'>): void {
    this.isWanted = layer2.spread === 'even';
    if (!this.isWanted) this.spread.clear();
  }

  /** These are the nodes now, and this is how they are. */
  see(nodes: Scope['nodes']): void {
    this.nodes = new Map(nodes.map((node) => [node.name, node]));
    this.spread.unsettle();
  }

  file(service: string, filed: Filed | undefined): void {
    this.spread.file(service, filed);
  }

  /** Addresses may belong elsewhere than they did. */
  get pending(): boolean {
    return this.spread.pending;
  }

  /** Goes on with finding that out. @returns Services of which that is so */
  settle(): string[] {
    return this.spread.settle({
      stands: (name, sole) => {
        const node = this.nodes.get(name);
        return node !== undefined && memberState({ ...node, drained: node.drained && !sole }) === 'alive';
      },
    });
  }

  of(ip: string): Placement | undefined {
    return this.spread.of(ip);
  }
}
