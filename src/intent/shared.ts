/** One object for each content, for as long as somebody holds it: what is equal can be told by identity. */
export class Shared<Value extends WeakKey> {
  private readonly values = new Map<string, WeakRef<Value>>();
  private sweepAt = 256;

  /** The object filed under `key`, made when there is none (any more). */
  get(key: string, make: () => Value): Value {
    const known = this.values.get(key)?.deref();
    if (known !== undefined) return known;
    const value = make();
    this.values.set(key, new WeakRef(value));
    if (this.values.size > this.sweepAt) {
      for (const [k, ref] of this.values) if (ref.deref() === undefined) this.values.delete(k);
      this.sweepAt = 256 + 2 * this.values.size;
    }
    return value;
  }
}
