import { expect, test } from "vitest";
import { inParallel } from "../../common/in_parallel.ts";

test("some at once, in order, whoever is faster", async () => {
  let [running, most] = [0, 0];
  const doubled = await inParallel([5, 1, 4, 0, 3], 2, async (ms, index) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, ms));
    running--;
    return [index, 2 * ms];
  });
  expect(doubled).toEqual([5, 1, 4, 0, 3].map((ms, index) => [index, 2 * ms]));
  expect(most).toBe(2);
  expect(await inParallel([], 2, async () => 1)).toEqual([]);
});

test("the first error rejects", async () => {
  const fails = inParallel([1, 2], 1, async (item) => {
    if (item === 2) throw new Error("two");
  });
  await expect(fails).rejects.toThrow("two");
});
