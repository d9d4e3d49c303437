/**
 * A Map of at most `limit` entries: the oldest go. One that is set again stays where it is, as moving it to the end costs
 * more than the whole rest of an answer.
 */
export class Bounded<K, V> extends Map<K, V> {
  readonly #limit: number;
  constructor(limit: number) {
    super();
    this.#limit = limit;
  }
  override set(key: K, value: V): this {
    super.set(key, value);
    if (this.size > this.#limit) this.delete(this.keys().next().value as K);
    return this;
  }
}
