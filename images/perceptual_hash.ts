import { decodeImage } from "./decode.ts";
import { resample } from "./resample.ts";

const columns = 9;
const rows = 8;
/** Of 255,000: less is what coding makes of an even background. */
const step = 3000;

/**
 * What a picture looks like from afar, 64 bits: whether brightness falls from each of 9x8 cells to the next one on its
 * right, more than it does by chance. Scaling, another format and small changes of colour move few bits. Throws "images" as `decodeImage` does.
 */
export async function perceptualHash(file: Uint8Array, name: string): Promise<bigint> {
  const image = await decodeImage(file, name, undefined, ({ width, height }) =>
    width > columns && height > rows ? { width: columns, height: rows, filter: "bicubic" } : null,
  );
  const { data } = resample(image, columns, rows, "bicubic");
  // Rec. 601 luma, in thousandths.
  const luma = (at: number): number =>
    299 * (data[3 * at] as number) + 587 * (data[3 * at + 1] as number) + 114 * (data[3 * at + 2] as number);
  let hash = 0n;
  for (let at = 0; at < columns * rows; at++)
    if (at % columns < columns - 1) hash = (hash << 1n) | (luma(at) - luma(at + 1) > step ? 1n : 0n);
  return hash;
}

/** Bits in which two hashes differ. */
export function hashDistance(a: bigint, b: bigint): number {
  let bits = 0;
  for (let left = a ^ b; left > 0n; left &= left - 1n) bits++;
  return bits;
}
