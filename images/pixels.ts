import { mapInSlices } from "../common/slices.ts";

/** Values of an image that are changed at once. */
const partSize = 3 * 2 ** 15;

/**
 * New values for all of an image's, whole pixels at a time, so that a large image does not hold the thread; `first` is where
 * those begin in it.
 */
export async function changePixels(
  data: Uint8Array,
  change: (pixels: Uint8Array, first: number) => Uint8Array,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const changed = new Uint8Array(data.length);
  const starts = Array.from({ length: Math.ceil(data.length / partSize) }, (_, part) => part * partSize);
  const changePart = (start: number): void => {
    changed.set(change(data.subarray(start, start + partSize), start), start);
  };
  await mapInSlices(starts, changePart, signal);
  return changed;
}
