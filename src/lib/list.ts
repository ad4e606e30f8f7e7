/** Doubly linked lists of small integers (ids into typed arrays). Each id is in one list at most; its owner knows which. */
import { Column } from './column.ts';

/** A list: ids of its ends, -1 when it is empty. */
export interface IdList {
  first: number;
  last: number;
  size: number;
}

export const emptyList = (): IdList => ({ first: -1, last: -1, size: 0 });

/** The links of all lists over one range of ids. */
export class IdLinks {
  /** By id: the id after it and the one before it, + 1. */
  private readonly nexts = new Column(Uint32Array);
  private readonly previous = new Column(Uint32Array);

  /** Puts an id, which is in no list, at the end of one. */
  append(list: IdList, id: number): void {
    this.nexts.room(id);
    this.previous.room(id);
    this.nexts.set(id, 0);
    this.previous.set(id, list.last + 1);
    if (list.last < 0) list.first = id;
    else this.nexts.set(list.last, id + 1);
    list.last = id;
    list.size++;
  }

  /** Takes an id out of the list that it is in. */
  remove(list: IdList, id: number): void {
    const before = this.previous.get(id) - 1;
    const after = this.nexts.get(id) - 1;
    if (before < 0) list.first = after;
    else this.nexts.set(before, after + 1);
    if (after < 0) list.last = before;
    else this.previous.set(after, before + 1);
    list.size--;
  }

  /** Copies ids from the start of a list, as many as there is room for; returns how many. */
  copy(list: IdList, to: Uint32Array): number {
    let n = 0;
    for (let id = list.first; id >= 0 && n < to.length; id = this.nexts.get(id) - 1) to[n++] = id;
    return n;
  }

  /** Octets held, for measurements. */
  get byteLength(): number {
    return this.nexts.byteLength + this.previous.byteLength;
  }
}
