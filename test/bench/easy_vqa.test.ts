import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { RunSettingsSchema } from "../../arena/config/config.ts";
import { estimate, type Mark } from "../../bench/easy_vqa/estimates.ts";
import { type Measured, reportOf, reportTable, type SeedResult } from "../../bench/easy_vqa/report.ts";
import { RandomStream } from "../../common/random.ts";

/** Marks of `perImage` questions about each of as many images as there are shares: so many of them right. */
function answers(shares: readonly number[], perImage = 4): Mark[] {
  return shares.flatMap((share, image) =>
    Array.from({ length: perImage }, (_, question) => ({
      image: `${image}.png`,
      question: `question ${question}`,
      score: question < share * perImage ? 1 : 0,
    })),
  );
}

/** Images that are right with a probability, all of their questions or none. */
function images(count: number, right: number, seed: number): number[] {
  const stream = new RandomStream(seed);
  return Array.from({ length: count }, () => (stream.uniform() < right ? 1 : 0));
}

describe("estimate", () => {
  test("is the mean over seeds and questions, in percent", () => {
    const { mean } = estimate([answers([1, 0.5]), answers([0.25, 0.25])]);
    expect(mean).toBeCloseTo(50);
  });

  test("of a gain is paired: hard questions that both get wrong do not widen it", () => {
    const before = images(400, 0.5, 1);
    const after = before.map((share, i) => (i % 10 === 0 ? 1 : share));
    const { mean, low, high } = estimate([answers(after)], [answers(before)]);
    expect(mean).toBeCloseTo(
      (100 * after.reduce((sum, share, i) => sum + share - (before[i] ?? 0), 0)) / 400,
    );
    expect(low).toBeGreaterThan(0);
    const unpaired = estimate([answers(after)]);
    expect(high - low).toBeLessThan(0.6 * (unpaired.high - unpaired.low));
  });

  test("counts images where their questions fall together: as wide as the binomial of images, not of questions", () => {
    const [n, p] = [400, 0.7];
    const { low, high } = estimate([answers(images(n, p, 2), 10)]);
    const expected = 2 * 196 * Math.sqrt((p * (1 - p)) / n);
    expect((high - low) / expected).toBeGreaterThan(0.85);
    expect((high - low) / expected).toBeLessThan(1.15);
  });

  test("is wider where seeds differ", () => {
    const even = [0.5, 0.5, 0.5].map((share) => answers(new Array(200).fill(share)));
    const uneven = [0.25, 0.5, 0.75].map((share) => answers(new Array(200).fill(share)));
    const width = ({ low, high }: { low: number; high: number }) => high - low;
    expect(width(estimate(even))).toBe(0);
    expect(width(estimate(uneven))).toBeGreaterThan(20);
  });

  test("refuses answers to other questions", () => {
    const others = answers([1, 0]).map((each) => ({ ...each, question: "another" }));
    expect(() => estimate([answers([1, 0])], [others])).toThrow(RangeError);
    expect(() => estimate([answers([1, 0])], [answers([1])])).toThrow("8 marks against 4");
  });
});

test("a report holds each stage's accuracy and its gain over the one before, greedy and sampled", () => {
  const result = (seed: number): SeedResult => {
    const shares: Readonly<Record<Measured, number>> = {
      sft: 0.25,
      grpo: 0.5,
      self_play: 0.75,
      supervised: 1,
    };
    const entries = Object.entries(shares).map(([name, share]) => {
      const marks = answers(new Array(20).fill(share));
      const scored = marks.map(({ score, ...question }) => ({
        ...question,
        scores: { greedy: score, warm: score / 2, blind: 0.125, unparsed: 0 },
      }));
      return [name, scored];
    });
    return { seed, predictions: Object.fromEntries(entries), seconds: { stages: 2, supervised: 1 } };
  };
  const report = reportOf([result(0), result(1)]);
  expect(report.stages.map(({ name }) => name)).toEqual(["sft", "grpo", "self_play"]);
  expect(report.stages.map(({ accuracy }) => accuracy.mean)).toEqual([25, 50, 75]);
  expect(report.stages.map(({ gain }) => gain.mean)).toEqual([12.5, 25, 25]);
  expect(report.stages.map(({ sampled }) => sampled.accuracy.mean)).toEqual([12.5, 25, 37.5]);
  expect(report.stages.map(({ sampled }) => sampled.gain.mean)).toEqual([0, 12.5, 12.5]);
  expect(report.supervised).toEqual({ mean: 100, low: 100, high: 100 });
  expect(report.test).toEqual({ pictures: 20, questions: 80 });
  expect(reportTable(report)).toMatch(/^grpo +50\.0 +50\.0 to 50\.0 +\+25\.0/m);
});

test.each([
  ["stages", ["sft", "sft", "grpo", "self_play"]],
  ["supervised", ["sft"]],
  ["grpo", ["grpo"]],
])("%s.yaml is a configuration", async (name, kinds) => {
  const text = await readFile(new URL(`../../bench/easy_vqa/${name}.yaml`, import.meta.url), "utf8");
  expect(RunSettingsSchema.parse(parse(text)).stages.map(({ kind }) => kind)).toEqual(kinds);
});
