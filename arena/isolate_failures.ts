import { isFaultOfPrompt } from "../common/errors.ts";
import { deriveSeed } from "../common/random.ts";

/**
 * Calls for all items at once; where that fails, halves find the items to blame, which give null, and the rest is kept.
 * Rejects with what concerns more than single items.
 */
export async function isolateFailures<I, O>(
  items: readonly I[],
  seed: number,
  call: (items: readonly I[], seed: number) => Promise<readonly O[]>,
  blame: (item: I, error: unknown) => void,
): Promise<(O | null)[]> {
  if (items.length === 0) return [];
  try {
    return [...(await call(items, seed))];
  } catch (error) {
    if (!isFaultOfPrompt(error)) throw error;
    if (items.length === 1) {
      blame(items[0] as I, error);
      return [null];
    }
    const middle = items.length >> 1;
    const first = await isolateFailures(items.slice(0, middle), deriveSeed(seed, 0), call, blame);
    return [...first, ...(await isolateFailures(items.slice(middle), deriveSeed(seed, 1), call, blame))];
  }
}
