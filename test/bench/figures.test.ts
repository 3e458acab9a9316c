import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { figuresTable, writeFigures } from "../../bench/figures.ts";
import { interleave, median, medianRatio } from "../../bench/measure.ts";
import { countSteps } from "../../bench/step_report.ts";

const figures = {
  update_speedup_shared_prefix: { value: 2.123456789, unit: "x" },
  peak_mb: { value: 1234.56, unit: "MB" },
};

test("figures are written as {name: {value, unit}}", async () => {
  const folder = await mkdtemp(join(tmpdir(), "visplay-test-"));
  const path = join(folder, "bench.json");
  await writeFigures(path, figures);
  expect(JSON.parse(await readFile(path, "utf8"))).toEqual({
    update_speedup_shared_prefix: { value: 2.1235, unit: "x" },
    peak_mb: { value: 1234.6, unit: "MB" },
  });
  await rm(folder, { recursive: true });
});

test("a table aligns its columns", () => {
  expect(figuresTable(figures)).toBe(
    ["update_speedup_shared_prefix  2.12   x", "peak_mb                       1235  MB"].join("\n"),
  );
});

test("candidates take turns in alternating order, after one warm-up of each", async () => {
  const calls: string[] = [];
  const candidate = (name: string) => async () => calls.push(name);
  const seconds = await interleave({ a: candidate("a"), b: candidate("b") }, 3);
  expect(calls.join("")).toBe("ababbaab");
  expect([seconds.a.length, seconds.b.length]).toEqual([3, 3]);
});

test("medians, and ratios within rounds", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
  expect(medianRatio([2, 40, 6], [1, 10, 3])).toBe(2);
});

test("the first step of every process is not counted", () => {
  const report = (seconds: number[]) => {
    return { trainer: "t", parameters: 1, seconds, sampling_seconds: seconds.map((s) => s / 4), peak_mb: 1 };
  };
  expect(countSteps([report([9, 4]), report([9, 8])])).toEqual({
    step: [4, 8],
    sampling: [1, 2],
    update: [3, 6],
  });
});
