/** Documents by what they hold, kept from one reading to the next: an edit among 10,000 costs what it changed. */
import type { Found } from './check/nodes.ts';
import type { Document, Item, ServiceItem } from './document.ts';
import type { LoadedFile } from './load.ts';
import type { Meta, Service } from './model.ts';

type Type = Item['type'];
type ItemOf<T extends Type> = Extract<Item, { type: T }>;

export interface FoundService extends Found<Service> {
  readonly item: ServiceItem;
}

/** So many edited documents are put in place one by one; with more of them everything is sorted again. */
const FEW = 16;

export class Sorter {
  files: readonly LoadedFile[] = [];
  /** Documents there is something to say about. */
  troubled: Document[] = [];
  /** Documents whose name is taken, each with the one that has it; they are left out of everything else. */
  doubles: { readonly document: Document; readonly first: Document }[] = [];
  services: FoundService[] = [];
  /** By `namespace/name`; another Map whenever it changes, as with `metas`. */
  servicesById: ReadonlyMap<string, Service> = new Map();
  metas: readonly Meta[] = [];
  private documents: readonly Document[] = [];
  private byKey = new Map<string, Document>();
  private byKind = new Map<string, Document[]>();
  private found = new Map<Type, Found<unknown>[]>();

  /** Takes the place of what was sorted before; what was handed out then may change, but for Maps and lists of a `readonly` type. */
  sort(files: readonly LoadedFile[]): this {
    this.files = files;
    const before = this.documents;
    const documents = files.flatMap((file) => file.documents);
    this.documents = documents;
    const edits = this.doubles.length === 0 ? editsOf(before, documents) : undefined;
    if (edits === undefined) this.sortAll();
    else if (edits.length > 0) this.replace(edits);
    return this;
  }

  of<T extends Exclude<Type, 'service'>>(type: T): readonly Found<ItemOf<T>['value']>[] {
    return (this.found.get(type) ?? []) as Found<ItemOf<T>['value']>[];
  }

  /** Those that could not be read as well. */
  namesOf(kind: string): ReadonlySet<string> {
    return new Set(this.documentsOf(kind).map(({ meta }) => meta.name));
  }

  documentsOf(kind: string): readonly Document[] {
    return this.byKind.get(kind) ?? [];
  }

  private sortAll(): void {
    this.troubled = [];
    this.doubles = [];
    this.services = [];
    this.byKey = new Map();
    this.byKind = new Map();
    this.found = new Map();
    const servicesById = new Map<string, Service>();
    const metas: Meta[] = [];
    for (const document of this.documents) {
      const { meta, item } = document;
      if (document.problems.length > 0) this.troubled.push(document);
      const first = this.byKey.get(meta.key);
      if (first !== undefined) {
        this.doubles.push({ document, first });
        continue;
      }
      this.byKey.set(meta.key, document);
      append(this.byKind, meta.kind, document);
      metas.push(meta);
      if (item?.type === 'service') {
        this.services.push({ document, item, value: item.value });
        servicesById.set(item.id, item.value);
      } else if (item !== undefined) append(this.found, item.type, { document, value: item.value });
    }
    this.servicesById = servicesById;
    this.metas = metas;
  }

  private replace(edits: readonly Edit[]): void {
    const servicesById = new Map(this.servicesById);
    const metas = [...this.metas];
    for (const { at, before, document } of edits) {
      const { meta, item } = document;
      metas[at] = meta;
      this.byKey.set(meta.key, document);
      const kind = this.byKind.get(meta.kind)!;
      kind[kind.indexOf(before)] = document;
      this.troubled = this.troubled.filter((one) => one !== before);
      if (document.problems.length > 0) this.troubled.push(document);
      const place = (list: readonly Found<unknown>[]) => list.findIndex((one) => one.document === before);
      if (item?.type === 'service') {
        this.services[place(this.services)] = { document, item, value: item.value };
        servicesById.set(item.id, item.value);
      } else if (item !== undefined) {
        const list = this.found.get(item.type)!;
        list[place(list)] = { document, value: item.value };
      }
    }
    this.servicesById = servicesById;
    this.metas = metas;
  }
}

interface Edit {
  readonly at: number;
  readonly before: Document;
  readonly document: Document;
}

/** The documents that differ, where they are few and hold the same under the same name; undefined otherwise. */
function editsOf(before: readonly Document[], documents: readonly Document[]): Edit[] | undefined {
  if (before.length !== documents.length) return undefined;
  const edits: Edit[] = [];
  for (const [at, document] of documents.entries()) {
    const old = before[at]!;
    if (old === document) continue;
    if (old.meta.key !== document.meta.key || old.item?.type !== document.item?.type) return undefined;
    if (edits.push({ at, before: old, document }) > FEW) return undefined;
  }
  return edits;
}

/** Adds to the list under a key. */
export function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
