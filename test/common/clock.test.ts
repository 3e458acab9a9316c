import { afterEach, expect, test, vi } from "vitest";
import { steadyClock } from "../../common/clock.ts";

afterEach(() => void vi.useRealTimers());

test("the steady clock begins at the time of day and does not jump with it", () => {
  expect(Math.abs(steadyClock.now() - Date.now())).toBeLessThan(60_000);
  const before = steadyClock.now();
  vi.useFakeTimers({ toFake: ["Date"], now: 0 });
  expect(Date.now()).toBe(0);
  expect(steadyClock.now()).toBeGreaterThanOrEqual(before);
  vi.setSystemTime(before + 86_400_000);
  expect(steadyClock.now() - before).toBeLessThan(10_000);
});
