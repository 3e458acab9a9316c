import type { RgbImage } from "../../images/image.ts";

/** Which images the other thread holds; the least recently used are given up where their bytes exceed a budget. */
export class SentImages {
  readonly #budgetBytes: number;
  /** Bytes by id, the least recently used first. */
  readonly #held = new Map<string, number>();
  #bytes = 0;

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  /** Notes that an image is used; true if it is not there yet and has to be sent. */
  use({ id, data }: RgbImage): boolean {
    const known = this.#held.delete(id);
    this.#held.set(id, data.byteLength);
    if (!known) this.#bytes += data.byteLength;
    return !known;
  }

  /** The ids of images beyond the budget, which count as gone from now on. */
  giveUp(): string[] {
    const gone: string[] = [];
    for (const [id, bytes] of this.#held) {
      if (this.#bytes <= this.#budgetBytes) break;
      this.#held.delete(id);
      this.#bytes -= bytes;
      gone.push(id);
    }
    return gone;
  }
}
