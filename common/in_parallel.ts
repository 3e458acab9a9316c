/** Maps a list, some items at once; the results are in the list's order, whoever was faster. The first error rejects. */
export async function inParallel<T, R>(
  items: readonly T[],
  atOnce: number,
  f: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  const entries = items.entries();
  const worker = async () => {
    for (const [index, item] of entries) results[index] = await f(item, index);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}

/** All results, or the first error once everything has ended: nothing goes on behind the caller's back. */
export async function settleAll<const T extends readonly unknown[]>(
  calls: { readonly [i in keyof T]: Promise<T[i]> },
): Promise<T> {
  await Promise.allSettled(calls);
  return Promise.all(calls);
}
