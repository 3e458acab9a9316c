import { ByteCache } from "../../common/byte_cache.ts";

/** Cells of a row group, and the memory that they take. */
export interface Cached {
  readonly cells: readonly unknown[];
  readonly bytes: number;
}

interface Read {
  readonly bytes: number;
  readonly cells: Promise<readonly unknown[]>;
}

const budgetBytes = 192 * 2 ** 20;

/** What was read last of Parquet files, up to 192 MB. */
export class GroupCache {
  readonly #reads = new ByteCache<Read>(budgetBytes, ({ bytes }) => bytes);

  /**
   * The cells under a key, read now if they are not there, and guessed to take so many bytes. What could not be read is not
   * kept.
   */
  get(key: string, bytes: number, read: () => Promise<Cached>): Promise<readonly unknown[]> {
    const known = this.#reads.get(key);
    if (known) return known.cells;
    const reading = read();
    const cells = reading.then((cached) => cached.cells);
    this.#reads.set(key, { bytes, cells });
    reading.then(
      (cached) => this.#reads.set(key, { bytes: cached.bytes, cells }),
      () => this.#reads.delete(key),
    );
    return cells;
  }
}
