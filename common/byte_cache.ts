/** Values by key, the least recently used dropped when their bytes, or they, exceed a budget. */
export class ByteCache<T> {
  readonly #budget: number;
  readonly #sizeOf: (value: T) => number;
  readonly #capacity: number;
  readonly #values = new Map<string, T>();
  #bytes = 0;

  /** Keeps values of `budgetBytes` at most, and `capacity` of them (default any number); the newest always. */
  constructor(
    budgetBytes: number,
    sizeOf: (value: T) => number,
    capacity: number = Number.POSITIVE_INFINITY,
  ) {
    this.#budget = budgetBytes;
    this.#sizeOf = sizeOf;
    this.#capacity = capacity;
  }

  get(key: string): T | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  /** Adds a value; returns those that are dropped for it. */
  set(key: string, value: T): T[] {
    const bytes = this.#sizeOf(value);
    const dropped = [...this.delete(key), ...this.makeRoom(bytes)];
    this.#values.set(key, value);
    this.#bytes += bytes;
    return dropped;
  }

  /** Drops the least recently used values until another of so many bytes fits, or none is left; returns them. */
  makeRoom(bytes: number): T[] {
    const dropped: T[] = [];
    for (const oldest of this.#values.keys()) {
      if (this.#bytes + bytes <= this.#budget && this.#values.size < this.#capacity) break;
      dropped.push(...this.delete(oldest));
    }
    return dropped;
  }

  /** Drops a value; returns it, if there is one. */
  delete(key: string): T[] {
    const value = this.#values.get(key);
    if (value === undefined) return [];
    this.#values.delete(key);
    this.#bytes -= this.#sizeOf(value);
    return [value];
  }

  /** Drops and returns all values. */
  clear(): T[] {
    return [...this.#values.keys()].flatMap((key) => this.delete(key));
  }
}
