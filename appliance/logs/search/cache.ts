/** Keeps what was used last, up to `most` in all; `drop` is told what goes. */
export class Cache<V> {
  private readonly kept = new Map<string, { value: V; size: number }>();
  private size = 0;
  private readonly most: number;
  private readonly drop: (value: V) => void;

  constructor(most: number, drop: (value: V) => void = () => undefined) {
    this.most = most;
    this.drop = drop;
  }

  get(key: string, make: () => { value: V; size: number }): V {
    let entry = this.kept.get(key);
    if (entry) this.kept.delete(key);
    else {
      entry = make();
      this.size += entry.size;
    }
    this.kept.set(key, entry);
    for (const [oldest] of this.kept) {
      if (this.size <= this.most || oldest === key) break;
      this.remove(oldest);
    }
    return entry.value;
  }

  /** Forgets all whose key starts so. */
  forget(prefix: string): void {
    for (const key of [...this.kept.keys()]) if (key.startsWith(prefix)) this.remove(key);
  }

  private remove(key: string): void {
    const entry = this.kept.get(key);
    if (!entry) return;
    this.kept.delete(key);
    this.size -= entry.size;
    this.drop(entry.value);
  }
}
