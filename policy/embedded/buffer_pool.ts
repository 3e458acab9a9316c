/**
 * Memory to use again: fresh arrays of megabytes for every call would cost page faults, and make the garbage
 * collector run while graphs do.
 */
export class BufferPool {
  readonly #budgetBytes: number;
  /** Idle arrays by length, the length that was used least recently first. */
  readonly #idle = new Map<number, Float32Array[]>();
  #idleBytes = 0;

  /** Keeps at most `budgetBytes` that are not in use. */
  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  /** An array of zeros. */
  take(length: number): Float32Array {
    const array = this.#idle.get(length)?.pop();
    if (array === undefined) return new Float32Array(length);
    this.#idleBytes -= array.byteLength;
    return array.fill(0);
  }

  /** Takes an array back, which its user must not touch again. */
  give(array: Float32Array): void {
    const { length } = array;
    const idle = this.#idle.get(length) ?? [];
    idle.push(array);
    this.#idle.delete(length);
    this.#idle.set(length, idle);
    this.#idleBytes += array.byteLength;
    for (const [oldest, arrays] of this.#idle) {
      while (this.#idleBytes > this.#budgetBytes && arrays.length > 0)
        this.#idleBytes -= (arrays.pop() as Float32Array).byteLength;
      if (arrays.length === 0) this.#idle.delete(oldest);
      if (this.#idleBytes <= this.#budgetBytes) return;
    }
  }
}
