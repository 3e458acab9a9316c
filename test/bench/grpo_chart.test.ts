import { expect, test } from "vitest";
import { type Curve, type Curves, curvesTable, withCurve } from "../../bench/easy_vqa/curves.ts";
import figures from "../../bench/figures/easy-vqa-trl.json" with { type: "json" };
import { grpoChart } from "./grpo_chart.ts";

const curve = (seed: number, seconds: number, ...greedy: readonly number[]): Curve => ({
  seed,
  rewards: new Array(10).fill(0.8),
  seconds: new Array(10).fill(seconds),
  accuracy: greedy.map((percent, i) => ({ step: 5 * i, greedy: percent, sampled: percent - 10 })),
});
const curves: Curves = {
  visplay: [curve(0, 1, 60, 70, 80), curve(1, 1, 60, 80, 90)],
  trl: [curve(0, 4, 60, 65, 70)],
};

test("docs/grpo.svg shows the figures of bench/figures/easy-vqa-trl.json", async () => {
  const older = "docs/grpo.svg is older than its figures; `npm run picture` draws it anew";
  await expect(grpoChart(figures), older).toMatchFileSnapshot("../../docs/grpo.svg");
});

test("a curve takes the place of one of the same seed, in order of seeds", () => {
  const more = withCurve(withCurve(curves, "trl", curve(2, 4, 61)), "trl", curve(0, 4, 62));
  expect(more.trl.map(({ seed, accuracy }) => [seed, accuracy[0]?.greedy])).toEqual([
    [0, 62],
    [2, 61],
  ]);
});

test("the table has means over the seeds", () => {
  const lines = curvesTable(curves).split("\n");
  expect(lines[1]).toMatch(/^visplay, greedy +60\.0 +75\.0 +85\.0$/);
  expect(lines[6]).toMatch(/^trl, reward +0\.800 +0\.800 +4\.00$/);
});

test("a line ends where the slower trainer does, in time and not in steps", () => {
  const drawn = grpoChart(curves);
  // Mean greedy accuracy of visplay's seeds, 60, 75, 85 on a scale from 60 to 90: after all steps, in a quarter of the time.
  expect(drawn).toContain('points="0,150 160,75 320,25"');
  expect(drawn).toContain('points="0,150 40,75 80,25"');
});
