import { firstValueFrom } from "rxjs";
import { expect, it } from "vitest";
import { fromAbortable } from "../../arena/from_abortable.ts";

it("starts for each subscription and gives the result", async () => {
  let started = 0;
  const source = fromAbortable(async () => ++started);
  expect(started).toBe(0);
  expect(await firstValueFrom(source)).toBe(1);
  expect(await firstValueFrom(source)).toBe(2);
});

it("aborts the signal of the subscription that ends, and emits nothing after", async () => {
  const signals: AbortSignal[] = [];
  const source = fromAbortable(async (signal) => {
    signals.push(signal);
    await new Promise((resolve) => setTimeout(resolve, 5));
    return "late";
  });
  const seen: string[] = [];
  const left = source.subscribe((value) => seen.push(value));
  const kept = firstValueFrom(source);
  left.unsubscribe();
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
  expect(await kept).toBe("late");
  expect(seen).toEqual([]);
});

it("passes errors on, those thrown at once too", async () => {
  const fail = () => {
    throw new Error("at once");
  };
  await expect(firstValueFrom(fromAbortable(fail))).rejects.toThrow("at once");
  await expect(firstValueFrom(fromAbortable(async () => fail()))).rejects.toThrow("at once");
});
