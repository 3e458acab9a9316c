import { expect, test } from "vitest";
import { mapInSlices } from "../../common/slices.ts";

test("a list is mapped in order, and others get their turns meanwhile", async () => {
  let turns = 0;
  const ticking = setInterval(() => turns++, 0);
  const slow = (item: number, index: number): number => {
    const endMs = performance.now() + 2;
    while (performance.now() < endMs);
    return item * index;
  };
  const items = Array.from({ length: 40 }, (_, i) => i);
  expect(await mapInSlices(items, slow)).toEqual(items.map((item) => item * item));
  clearInterval(ticking);
  expect(turns).toBeGreaterThan(2);
});

test("a signal that aborts ends it as cancelled, before or in between", async () => {
  const cancelled = { code: "cancelled" };
  await expect(mapInSlices([1], (item) => item, AbortSignal.abort())).rejects.toMatchObject(cancelled);
  const controller = new AbortController();
  const seen: number[] = [];
  const aborting = (item: number): void => {
    seen.push(item);
    controller.abort();
    const endMs = performance.now() + 12;
    while (performance.now() < endMs);
  };
  await expect(mapInSlices([1, 2, 3], aborting, controller.signal)).rejects.toMatchObject(cancelled);
  expect(seen).toEqual([1]);
});
