/**
 * Memory to use again: fresh arrays of megabytes for every call would cost page faults, and make the garbage
 * collector run while graphs do.
 */
export class BufferPool {
  readonly #budgetBytes: number;
  /** Idle arrays by length. */
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
    if (this.#idleBytes + array.byteLength > this.#budgetBytes) return;
    this.#idleBytes += array.byteLength;
    const idle = this.#idle.get(array.length);
    if (idle) idle.push(array);
    else this.#idle.set(array.length, [array]);
  }
}
