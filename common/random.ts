/**
 * Seeded random numbers. Every draw is a pure function of a seed and a counter, so that nothing has a random state to
 * save, and parallel rows draw the same numbers in any order.
 */

/** Mixes two 32-bit integers into one with good avalanche (murmur3 finaliser over a Weyl step). */
export function mix(a: number, b: number): number {
  let h = (a ^ Math.imul(b + 0x9e3779b9, 0x85ebca6b)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
  h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
  h = (h ^ (h >>> 15)) + Math.imul(b, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A seed derived from a parent seed and a purpose (a name or an index). */
export function deriveSeed(seed: number, ...purpose: readonly (string | number)[]): number {
  let h = seed >>> 0;
  for (const part of purpose) {
    if (typeof part === "number") h = mix(h, part >>> 0);
    else for (let i = 0; i < part.length; i++) h = mix(h, part.charCodeAt(i) + 0x100);
    h = mix(h, 0x5bd1e995);
  }
  return h;
}

/** The `counter`-th uniform draw of a seed, in [0, 1), with 32 bits. */
export function uniformAt(seed: number, counter: number): number {
  return mix(seed, counter) / 0x1_0000_0000;
}

/** The draws of a seed, one after the other. */
export class RandomStream {
  readonly seed: number;
  #drawn = 0;

  constructor(seed: number) {
    this.seed = seed >>> 0;
  }

  /** How many draws were made. */
  get drawn(): number {
    return this.#drawn;
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    return uniformAt(this.seed, this.#drawn++);
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** An integer in [0, below). */
  integer(below: number): number {
    return Math.floor(this.uniform() * below);
  }

  /** Standard normal (Box-Muller, two draws each). */
  normal(): number {
    const u = 1 - this.uniform();
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** One element. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError("pick from an empty list");
    return items[this.integer(items.length)] as T;
  }

  /** A new array in random order (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [result[i], result[j]] = [result[j] as T, result[i] as T];
    }
    return result;
  }
}
