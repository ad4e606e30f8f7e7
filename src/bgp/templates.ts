/**
 * The attribute sets of the routes that a peer should have, and what the session makes of each: a template is what the
 * caller set, a bucket is what exportRoute made of it. Both are named by id + 1, so that 0 is none.
 */
import type { AddressFamily } from './const.ts';
import { bucketOf, Interner, templateOf, UNKNOWN } from './interner.ts';
import type { PathAttributes } from './path.ts';

/** Template to session attributes; undefined when the route is not for this session. */
export type ExportRoute = (attributes: PathAttributes, family: AddressFamily) => PathAttributes | undefined;

export class Templates {
  readonly buckets = new Interner(bucketOf);
  private readonly interned = new Interner(templateOf);
  private readonly family: AddressFamily;
  private exportRoute: ExportRoute | undefined;

  constructor(family: AddressFamily) {
    this.family = family;
  }

  /** The template with these attributes: retain it while using it. */
  find(attributes: PathAttributes): number {
    return this.interned.intern(attributes).id + 1;
  }

  retain(id: number): void {
    this.interned.retain(this.interned.get(id - 1));
  }

  release(id: number): void {
    const template = this.interned.get(id - 1);
    if (this.interned.release(template) && template.bucket > 0) this.releaseBucket(template.bucket);
  }

  /** There is a session that carries the family. */
  get isOpen(): boolean {
    return this.exportRoute !== undefined;
  }

  /** From now on `exportRoute` is asked, once for each template; what another one answered holds no more. */
  open(exportRoute: ExportRoute): void {
    this.exportRoute = exportRoute;
    for (const template of this.interned.values()) {
      if (template.bucket > 0) this.releaseBucket(template.bucket);
      template.bucket = UNKNOWN;
    }
  }

  close(): void {
    this.exportRoute = undefined;
    for (const template of this.interned.values()) template.bucket = UNKNOWN;
    this.buckets.clear();
  }

  /** What a template becomes, or 0: nothing for this session, or none is open. */
  bucket(id: number): number {
    if (this.exportRoute === undefined) return 0;
    const template = this.interned.get(id - 1);
    if (template.bucket === UNKNOWN) {
      const attributes = this.exportRoute(template.attributes, this.family);
      const bucket = attributes && this.buckets.intern(attributes);
      if (bucket) this.buckets.retain(bucket);
      template.bucket = bucket ? bucket.id + 1 : 0;
    }
    return template.bucket;
  }

  private releaseBucket(bucket: number): void {
    this.buckets.release(this.buckets.get(bucket - 1));
  }
}
