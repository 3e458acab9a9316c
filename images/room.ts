/** Room for work that takes so much of it. Who comes first is served first; who wants more than all is alone. */
export class Room {
  readonly #size: number;
  #taken = 0;
  readonly #waiting: { readonly amount: number; readonly enter: () => void }[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  async hold<T>(wanted: number, work: () => Promise<T>): Promise<T> {
    const amount = Math.min(wanted, this.#size);
    await new Promise<void>((enter) => {
      this.#waiting.push({ amount, enter });
      this.#admit();
    });
    try {
      return await work();
    } finally {
      this.#taken -= amount;
      this.#admit();
    }
  }

  #admit(): void {
    for (
      let next = this.#waiting[0];
      next && this.#taken + next.amount <= this.#size;
      next = this.#waiting[0]
    ) {
      this.#taken += next.amount;
      this.#waiting.shift();
      next.enter();
    }
  }
}
