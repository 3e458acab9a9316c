import { mix } from "../common/random.ts";

/** A change of pixels that moves nothing; amounts are shares of the full range of 255. */
export interface Photometry {
  /** Factor on the distance from mid grey; 1 changes nothing. */
  readonly contrast: number;
  /** Added to red, green and blue: brightness and colour cast. */
  readonly offset: readonly [number, number, number];
  /** Standard deviation of independent noise on every value. */
  readonly noise: number;
}

/**
 * New pixels, p' = 127.5 + contrast (p - 127.5) + 255 (offset + noise n) with n about N(0, 1), drawn from the seed.
 * `first` is where `data`, whole pixels, begins in its image.
 */
export function applyPhotometry(
  data: Uint8Array,
  { contrast, offset, noise }: Photometry,
  seed: number,
  first = 0,
): Uint8Array {
  const result = new Uint8ClampedArray(data.length);
  const base = offset.map((share) => 127.5 * (1 - contrast) + 255 * share);
  for (let i = 0; i < data.length; i++) {
    const value = (base[i % 3] as number) + contrast * (data[i] as number);
    result[i] = value + (noise === 0 ? 0 : 255 * noise * gaussianAt(seed, first + i));
  }
  return new Uint8Array(result.buffer);
}

/** The sum of four random bytes, standardised: within 1% of normal up to two deviations, and one hash per draw. */
function gaussianAt(seed: number, counter: number): number {
  const bits = mix(seed, counter);
  const sum = (bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24);
  return (sum - 510) / Math.sqrt((256 * 256 - 1) / 3);
}
