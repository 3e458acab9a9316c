import { describe, expect, test } from "vitest";
import { RandomStream } from "../../../common/random.ts";
import { predictedLength } from "../../../policy/embedded/graphs.ts";
import {
  imagesOfJob,
  planMicroBatches,
  planUpdate,
  type TreeJob,
} from "../../../policy/embedded/micro_batch.ts";
import { tokensIn } from "../../../policy/models/attention.ts";

const image = { tiles: 1, height: 4, width: 4 };
const model = { bucket: () => ({ tiles: 1, patches: 16, rows: 4, windows: 0 }) };
const job = (prefix: number, lengths: readonly number[]): TreeJob => ({
  prefix: { tokens: new Int32Array(prefix), images: [{ shape: image, start: 0 }] },
  targets: lengths.map((length) => ({ tokens: new Int32Array(length), images: [], sampled: null })),
});
const group = (length: number): number[] => Array.from({ length: 8 }, () => length);

describe("micro-batches", () => {
  test("hold every branch of every job once, within the limit", () => {
    const jobs = [job(30, group(20)), job(34, group(24)), job(500, group(60)), job(20, [5])];
    const batches = planMicroBatches(model, jobs, 400);
    const seen = batches.flatMap(({ jobs: numbers, firstBranch, shape }) =>
      numbers.flatMap((number) =>
        (jobs[number] as TreeJob).targets
          .slice(firstBranch, firstBranch + shape.branches)
          .map((_, b) => `${number}:${firstBranch + b}`),
      ),
    );
    expect(seen.sort()).toEqual(jobs.flatMap(({ targets }, j) => targets.map((_, b) => `${j}:${b}`)).sort());
    for (const { shape } of batches) expect(tokensIn(shape) <= 400 || shape.branches === 1).toBe(true);
  });

  test.each([...Array(50).keys()])(
    "have room for all of their jobs, whatever these show (draw %d)",
    (seed) => {
      const stream = new RandomStream(seed);
      const seen = (count: number) => Array.from({ length: count }, () => ({ shape: image, start: 0 }));
      const jobs = Array.from({ length: 8 }, (): TreeJob => {
        const sampled = stream.uniform() < 0.5 ? null : Int32Array.of(1);
        const targets = Array.from({ length: 4 }, () => {
          return { tokens: new Int32Array(2 + stream.integer(60)), images: seen(stream.integer(3)), sampled };
        });
        return { prefix: { tokens: new Int32Array(10 + stream.integer(60)), images: seen(1) }, targets };
      });
      const planned = planMicroBatches(model, jobs, 2000);
      expect(planned.flatMap(({ jobs: numbers }) => numbers).sort((a, b) => a - b)).toEqual([...jobs.keys()]);
      for (const { shape, jobs: numbers } of planned)
        for (const { prefix, targets } of numbers.map((number) => jobs[number] as TreeJob)) {
          expect(prefix.tokens.length).toBeLessThanOrEqual(shape.prefixLength);
          expect(targets.length).toBe(shape.branches);
          expect(imagesOfJob({ prefix, targets }).length).toBeLessThanOrEqual(shape.imagesPerPrefix);
          for (const { tokens, sampled } of targets) {
            expect(tokens.length - 1).toBeLessThanOrEqual(shape.branchLength);
            expect((sampled ?? tokens).length).toBeLessThanOrEqual(predictedLength(shape));
          }
        }
    },
  );

  test("split a job that is too large into parts of nearly equal size", () => {
    const parts = planMicroBatches(model, [job(90, group(64))], 400).map(({ firstBranch, shape }) => [
      firstBranch,
      shape.branches,
    ]);
    expect(parts).toEqual([
      [0, 4],
      [4, 4],
    ]);
  });
});

describe("an update", () => {
  const limits = { kept: 700, recomputed: 3000 };

  test("keeps its layers where its groups fit, or are split cheaply", () => {
    expect(planUpdate(model, [job(90, group(30))], limits, null).recomputes).toBe(false);
    const split = planUpdate(model, [job(90, group(127))], limits, null);
    expect(split.recomputes).toBe(false);
    expect(split.batches.length).toBe(2);
  });

  test("computes them again where a long prefix would be repeated for part after part", () => {
    const { recomputes, batches } = planUpdate(model, [job(1100, group(127))], limits, null);
    expect(recomputes).toBe(true);
    expect(batches.map(({ shape }) => shape.branches)).toEqual([8]);
  });

  test("does as it is told", () => {
    expect(planUpdate(model, [job(90, group(30))], limits, true).recomputes).toBe(true);
    expect(planUpdate(model, [job(1100, group(127))], limits, false).batches.length).toBe(8);
  });
});
