/**
 * Work of which one kind may go on together and the other has to be alone. Whoever is alone waits for those under way,
 * and those who come later wait for it.
 */
export class Turns {
  readonly #together = new Set<Promise<unknown>>();
  #alone: Promise<unknown> = Promise.resolve();

  async together<T>(work: () => Promise<T>): Promise<T> {
    for (let last: unknown; last !== this.#alone; await last) last = this.#alone;
    const result = work();
    this.#together.add(result);
    return result.finally(() => this.#together.delete(result));
  }

  async alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#alone.then(() => Promise.allSettled(this.#together)).then(work);
    this.#alone = result.catch(() => undefined);
    return result;
  }
}
