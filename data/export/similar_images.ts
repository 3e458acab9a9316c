import { hashDistance } from "../../images/perceptual_hash.ts";

/** Hashes are looked up by their eight bytes: two that differ in at most seven bits share one of them. */
export const mostBits = 7;

/** Finds pictures that look alike, by their perceptual hashes. */
export class SimilarImages {
  readonly #bits: number;
  readonly #byBytes: readonly Map<number, bigint[]>[] = Array.from({ length: 8 }, () => new Map());

  /** Hashes that differ in at most so many bits are alike, 0 to 7. */
  constructor(bits: number) {
    this.#bits = bits;
  }

  /** Whether one that was added before is alike. */
  has(hash: bigint): boolean {
    return this.#byBytes.some((hashes, place) =>
      hashes.get(byteAt(hash, place))?.some((other) => hashDistance(hash, other) <= this.#bits),
    );
  }

  add(hash: bigint): void {
    for (const [place, hashes] of this.#byBytes.entries()) {
      const byte = byteAt(hash, place);
      const list = hashes.get(byte);
      if (list) list.push(hash);
      else hashes.set(byte, [hash]);
    }
  }
}

function byteAt(hash: bigint, place: number): number {
  return Number((hash >> BigInt(8 * place)) & 0xffn);
}
